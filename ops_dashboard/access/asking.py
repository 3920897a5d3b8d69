"""Who asks: set by the door for the length of a request, read by whoever answers it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from ops_dashboard.access.register import Bearer

_bearer: Final[ContextVar[Bearer | None]] = ContextVar("_bearer", default=None)


@contextmanager
def asked_by(bearer: Bearer | None) -> Iterator[None]:
    """Answer for somebody, None for a stranger, within the block."""
    token = _bearer.set(bearer)
    try:
        yield
    finally:
        _bearer.reset(token)


def asking() -> Bearer | None:
    """Return who asks, None for a stranger."""
    return _bearer.get()
