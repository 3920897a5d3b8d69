"""Figures and what they should be. Pure; may import the words beside it."""
