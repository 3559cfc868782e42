"""What was known, and when: panel, statements, macro, texts, universe -> Snapshot."""
