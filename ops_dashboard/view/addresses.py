"""Where the pages of providers and areas are (pure)."""

from urllib.parse import quote


def provider_address(isp: str) -> str:
    """Return where the page of a provider is."""
    return f"/provider/{quote(isp, safe='')}"


def area_address(code: str) -> str:
    """Return where the page of a cluster or a ward is."""
    return f"/area/{quote(code, safe='')}"
