"""Honest validation: purged splits, calibration, significance."""
