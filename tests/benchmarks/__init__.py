"""Measurements: slow, and collected only when they are named."""
