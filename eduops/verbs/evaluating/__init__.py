"""What `eduops evaluate` does: a module a verb, and their common options. Imported by `verbs/evaluate.py` alone."""
