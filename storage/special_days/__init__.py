"""Days beside the calendar file: what they are proposed from, what was decided, and who is told. Shell."""
