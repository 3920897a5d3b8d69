"""The verbs `eduops oncall …`, and swaps of duty. Shell."""
