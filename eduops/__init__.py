"""Settings, wiring, the embedded servers and their supervisor, the command line."""
