"""What alerts have in common: groups of schools, causes, and the lines that a wall shows. Pure."""
