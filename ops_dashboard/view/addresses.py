"""Where the pages of providers and areas are (pure)."""

from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo


def provider_address(isp: str) -> str:
    """Return where the page of a provider is."""
    return f"/provider/{quote(isp, safe='')}"


def area_address(code: str) -> str:
    """Return where the page of a cluster or a ward is."""
    return f"/area/{quote(code, safe='')}"


def at_address(at_us: int, zone: ZoneInfo) -> str:
    """Return a minute as `?at=` names it, local time of the city."""
    return datetime.fromtimestamp(at_us // 1_000_000, zone).strftime("%Y-%m-%dT%H:%M")
