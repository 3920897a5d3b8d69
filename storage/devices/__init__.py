"""Devices' credentials and how they were seen at the broker. Shell."""
