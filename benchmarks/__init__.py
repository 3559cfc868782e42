"""Speed beside the peers: `python -m benchmarks.run` prints JSON with medians and a machine line."""
