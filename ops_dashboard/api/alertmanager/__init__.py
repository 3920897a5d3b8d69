"""Alertmanager's API v2, for its tools and those who report to it. Shell."""
