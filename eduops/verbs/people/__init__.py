"""What the verbs of `eduops user` and `eduops token` do, a module each. Shell."""
