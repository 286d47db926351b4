"""Language-model tools; they know no tables."""
