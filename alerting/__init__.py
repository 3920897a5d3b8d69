"""The life of an alert, what is said of it, and to whom. Pure. May import contract."""
