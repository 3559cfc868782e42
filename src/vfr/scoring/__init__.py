"""Composite, blend, recommendation, explanation."""
