"""Reports of leadership: what the brief needs from the tables, and the brief as a paged document. Shell."""
