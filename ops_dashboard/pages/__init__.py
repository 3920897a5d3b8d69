"""The pages: each function returns components for one address, in one language."""
