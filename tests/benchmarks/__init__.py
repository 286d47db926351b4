"""Benchmarks: slow, and run only by name."""
