"""Tasks: what a table is learned for."""
