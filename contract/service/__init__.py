"""What every service has: its metrics, its log lines, points to break at, how it waits. Pure."""
