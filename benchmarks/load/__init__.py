"""Load on a real server: requests per second, latencies to the last one, errors."""
