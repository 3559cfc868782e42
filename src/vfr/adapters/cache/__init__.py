"""Caches beyond this process: Redis, and memory in front of it."""
