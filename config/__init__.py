"""What an operator edits, and how its files are read and written. Shell. May import contract."""
