"""The verbs `eduops silence …`, a module each for what they do. Shell."""
