"""Swaps of duty, beside the rotas of routes.toml. Shell."""
