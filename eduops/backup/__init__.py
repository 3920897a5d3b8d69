"""One consistent cut of database and logs into a file, and back. Shell."""
