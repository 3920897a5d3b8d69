"""What scores: the detector protocol and one published method a file. Pure. May import contract."""
