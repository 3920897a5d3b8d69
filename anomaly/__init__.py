"""Scoring, pure: one published method a file behind one protocol."""
