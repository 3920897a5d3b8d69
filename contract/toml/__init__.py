"""TOML files that operators write: read into structs; what is wrong is told by file and line. Pure."""
