"""What the verbs of `eduops evaluate` do, a module each, for `verbs/evaluate.py` alone. Shell."""
