"""Days that the calendar file does not have: proposed from history, decided on a page. Shell."""
