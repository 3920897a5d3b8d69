"""Recorded registers of a real city through the real fold. Pure but for `recorded`, which reads the file."""
