"""Stores under the data home."""
