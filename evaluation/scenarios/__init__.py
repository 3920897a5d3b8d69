"""Simulated months with labelled faults, and what the fold made of them.

Pure, but for `run`, which times itself.
"""
