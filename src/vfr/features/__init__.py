"""Snapshot -> FeatureMatrix, and labels; a specification with a version hash."""

from vfr.features.matrix import FeatureMatrix, Labels

__all__ = ["FeatureMatrix", "Labels"]
