"""How predictions are judged: purged splits, per-session coefficients, calibration, intervals and gates."""
