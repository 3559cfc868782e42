"""Who counts what callers use up: this machine's processes together, or several machines through Redis."""
