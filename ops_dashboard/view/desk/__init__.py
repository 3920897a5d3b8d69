"""What engineers look up: search, and sheets of tables of a place, a system and the data itself. Pure."""
