"""What comes again and again: within minutes (flapping) and for days (chronic). Pure."""
