"""What was known at an earlier moment, read from the tables of now. Shell."""
