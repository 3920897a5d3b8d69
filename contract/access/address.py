"""Addresses that need no trust in a network, and names that are ours (pure)."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Return whether a host name or address reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe_address(address: str) -> bool:
    """Return whether what is sent to an address is read by nobody on the way: TLS, or this machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    )


def is_known_host(host: str | None, allowed: Iterable[str]) -> bool:
    """Return whether a request's Host is a name of ours: loopback, or one of `allowed`, on any port.

    A stranger's name that resolves to this address would make its pages of one origin with ours.
    Source: RFC 9110 section 7.4; DNS rebinding as in Jackson et al. 2007.
    """
    name = _name_in(host)
    return bool(name) and (is_loopback(name) or name in {one.lower().strip("[]") for one in allowed})


def is_numeric_host(host: str | None) -> bool:
    """Return whether a request's Host is an address, which no stranger's name can be made to resolve to."""
    try:
        ip_address(_name_in(host))
    except ValueError:
        return False
    return True


def _name_in(host: str | None) -> str:
    """Return the name or address in a Host, without its port; empty for none."""
    try:
        return urlsplit(f"//{host}").hostname or "" if host else ""
    except ValueError:  # brackets around what is no address
        return ""
