"""Everything that touches the outside, behind protocols of the rooms below."""
