"""How a test asks a dashboard: plain HTTP on loopback, each request as cheap as it can be."""

import sys
from functools import partial

import httpx

# httpcore looks for it at every request; where it is not, it looks along the whole path each time.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # None means: is not there

asking = partial(httpx.AsyncClient, verify=False)
"""A client that does not read the machine's certificates: they take longer than a test's requests."""
