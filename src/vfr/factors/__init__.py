"""Snapshot -> FactorScores: the five factors of the classic score."""

from vfr.factors.scores import FACTOR_NAMES, FactorName, FactorScores, Measured, Reason, SubFactor

__all__ = ["FACTOR_NAMES", "FactorName", "FactorScores", "Measured", "Reason", "SubFactor"]
