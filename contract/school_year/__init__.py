"""What `calendar.toml` says, as it is written there. Pure."""
