"""Swaps of duty, for the verbs that say who is on duty. Shell."""
