"""What leadership sees of a day, a week or a term: one brief for page, report, table and API. Pure."""
