"""Which readings are new, late, said before or corrections, and what their times are worth. Pure."""
