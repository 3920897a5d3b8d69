"""What `eduops oncall` does with swaps of duty."""
