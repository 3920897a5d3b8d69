"""Alerts from outside: what may be reported, where it belongs, and how reports become alerts. Pure."""
