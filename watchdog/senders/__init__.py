"""The watchdog's own ways out of the house: webhook and command. Shell: each attempt is bounded in time."""
