"""The simulated city beside recorded ones: the same figures. Pure, but that `recorded` reads files."""
