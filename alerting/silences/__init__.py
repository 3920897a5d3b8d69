"""Silences: what they mute, when they recur, what they would have muted, and calendars of them. Pure."""
