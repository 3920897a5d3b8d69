"""Leadership's figures: from the rollups of one day to rows, and from rows to what is told. Pure."""
