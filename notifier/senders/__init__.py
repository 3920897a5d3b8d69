"""The channels, a kind each. Shell: each attempt is bounded in time, and says what the channel answered."""
