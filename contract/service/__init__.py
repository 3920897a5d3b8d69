"""What services say of themselves: their metrics and the events of their log lines. Pure."""
