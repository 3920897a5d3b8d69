"""Recorded registers of a real city through the real fold. Pure, but that `recorded` reads the file."""
