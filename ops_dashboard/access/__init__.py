"""Who may ask: hosts and origins. Shell."""
