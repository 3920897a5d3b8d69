"""Addresses that need no trust in a network (pure)."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Return whether a host name or address reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
