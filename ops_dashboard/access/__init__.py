"""Who may ask, and how long it may take: hosts, origins, connections. Shell."""
