"""What the verbs of `eduops silence` do, a module each, for `verbs/silence.py` alone. Shell."""
