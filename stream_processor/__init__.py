"""The fold and its owners: readings and ticks to rows, scores and transitions."""
