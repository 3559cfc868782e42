"""Who calls: callers, their scopes and tiers, and what they may use up."""
