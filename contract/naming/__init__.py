"""How names are compared when people write them. Pure."""
