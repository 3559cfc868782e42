"""Asking the process that holds the models, over a socket of the data home."""
