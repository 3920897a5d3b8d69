"""Leadership's figures in their tables: written a day at a time, read as sums. Shell."""
