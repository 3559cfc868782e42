"""Values that are dear to make, kept as bytes: what a cache is, how keys are built, and how one is read through."""
