"""What is put on record of a request: the door opens an entry, whoever answers adds what only they know."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final


@dataclass(slots=True)
class OpenEntry:
    """An entry of the record while its request is answered."""

    actor: str = ""
    """Who it turned out to be, where the door did not know."""
    subject: str = ""
    """On what, where the address does not say it."""
    result: str = ""
    """What came of it, where the status does not say it."""
    detail: str = ""


_entry: Final[ContextVar[OpenEntry | None]] = ContextVar("_entry", default=None)


@contextmanager
def open_entry() -> Iterator[OpenEntry]:
    """Keep an entry open for the length of the block."""
    entry = OpenEntry()
    token = _entry.set(entry)
    try:
        yield entry
    finally:
        _entry.reset(token)


def on_record(*, actor: str = "", subject: str = "", result: str = "", detail: str = "") -> None:
    """Add to the entry of the request in hand, if it has one."""
    entry = _entry.get()
    if entry is not None:
        entry.actor = actor or entry.actor
        entry.subject = subject or entry.subject
        entry.result = result or entry.result
        entry.detail = detail or entry.detail
