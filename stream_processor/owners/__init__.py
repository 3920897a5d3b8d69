"""Who owns which log, from lease to commit. Shell."""
