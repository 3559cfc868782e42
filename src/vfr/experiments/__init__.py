"""A/B experiments: who is shown what, what came of it, and when it may be said that one side is better."""
