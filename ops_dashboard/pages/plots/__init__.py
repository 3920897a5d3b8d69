"""Charts on pages: the shapes of `charts/` with their words around them. Shell."""
