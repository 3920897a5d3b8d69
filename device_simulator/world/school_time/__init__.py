"""When schools of the simulated city have lessons. Pure."""
