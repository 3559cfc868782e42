"""Price and volume indicators on [T x N] panels, one definition each."""
