"""Recorded registers of a real city through the real fold. Shell: it reads files."""
