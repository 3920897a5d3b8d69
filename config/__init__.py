"""Data that an operator edits: metrics, areas, calendar, rules."""
