"""Stored history once more, under other rules. Pure, but for `run`, which reads the database."""
