"""When sessions begin, of a level and not of a school. Pure."""
