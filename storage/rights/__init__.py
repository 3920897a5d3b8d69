"""Who may do what in the database: a role for each service, and the one table of their rights. Shell."""
