"""How right detectors and rules are, by labels, by simulated months, by stored history.

Shell around pure rooms. May import everything but `eduops`.
"""
