"""What time does to the tables, and copies of them. Shell."""
