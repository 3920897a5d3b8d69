"""Days that the calendar file does not have: closures, half days and events that somebody decided. Pure."""
