"""The journal: what was predicted, when, by which versions, and what came of it. Nothing here reads or writes."""
