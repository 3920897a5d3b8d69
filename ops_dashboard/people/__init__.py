"""Signing in, and who may: pages of plain HTML, which need no script. Shell."""
