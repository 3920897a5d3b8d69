"""The dashboard of an earlier minute: which one is asked for, and what was known then. Shell."""
