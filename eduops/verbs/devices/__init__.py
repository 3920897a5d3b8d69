"""The verbs `eduops device …`, a module each for what they do. Shell."""
