"""How long the next sign-in has to wait after failed ones (pure)."""

from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

from contract.access.user import MOST_NAME, folded_name

FREE_TRIES: Final = 5
"""Failures in a row that cost nothing: chosen, fingers slip."""
LONGEST_WAIT_S: Final = 900
"""Longest wait, seconds: chosen, some hundred tries a day and name."""


def wait_s(failures: int) -> float:
    """Return how long after the last of so many failures in a row the next try is looked at, seconds.

    Source: OWASP authentication cheat sheet, exponential delay instead of a lock-out.
    """
    if failures < FREE_TRIES:
        return 0.0
    return float(min(2 ** min(failures - FREE_TRIES, 30), LONGEST_WAIT_S))


def try_keys(name: str, address: str, browser: str) -> list[str]:
    """Return by what the tries of a sign-in are counted.

    A browser in which this name has signed in before is counted by itself: whatever strangers try under
    the name, or from the same address, does not keep it waiting. All others share the counts of the name
    and of the address. Source: OWASP, device cookies against guessing and denial of service.

    Args:
        name: as it was typed.
        address: of the client.
        browser: what a known browser is known by; empty for any other.
    """
    folded = folded_name(name)[:MOST_NAME]
    if browser:
        return [f"browser:{browser}:{folded}"]
    return [f"name:{folded}", address_key(address)]


def address_key(address: str) -> str:
    """Return by what the tries from an address are counted."""
    return f"address:{network_of(address)}"


def network_of(address: str) -> str:
    """Return who has an address: of IPv6 a household has 2^64."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv4Address):
        return str(found)
    return str(ip_network(f"{found}/64", strict=False).network_address)
