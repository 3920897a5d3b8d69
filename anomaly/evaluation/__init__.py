"""How good detectors are, pure: the same alert logic and the same published scores for all of them."""
