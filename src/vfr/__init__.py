"""VFR: a transparent five-factor stock score, and machine learning that can only help."""
