"""The record of what each did: an entry, and the chain that shows whether one was changed or left out."""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec


class AuditEntry(msgspec.Struct, frozen=True):
    """One line of the record."""

    seq: int
    """From 1, without gaps."""
    at_us: int
    """Real time by the database, µs since 1970."""
    actor: str
    """Name of the user, screen or token; of a sign-in that failed the name that was typed."""
    grade: str
    """Role or scope, or how else it came, such as `command line`."""
    session: str
    """Which session or token, never what proves it."""
    address: str
    """From where."""
    action: str
    """What, such as `POST /api/alerts/{alert_id}/acknowledge` or `user add`."""
    subject: str
    """On what."""
    result: str
    """What came of it: `done`, or a code of why not."""
    detail: str
    """What else matters; never anything secret, and nothing about a pupil."""


class ChainedEntry(msgspec.Struct, frozen=True):
    """An entry as it is kept."""

    entry: AuditEntry
    hash: bytes
    """SHA-256 of the entry before it and its own fields."""


START: Final = b""
"""What stands before the first entry."""


def chain_hash(previous: bytes, entry: AuditEntry) -> bytes:
    """Return the hash of an entry behind another one.

    Each field stands with its length in bytes, so that no two entries read the same.
    Source: linked timestamping, Haber and Stornetta 1991.
    """
    parts = [str(value).encode() for value in msgspec.structs.astuple(entry)]
    return hashlib.sha256(previous + b"".join(b"%d:%s" % (len(part), part) for part in parts)).digest()


def first_break(entries: Iterable[ChainedEntry], previous: bytes = START, seq: int = 0) -> int | None:
    """Return the number of the first entry that does not follow from the one before; None if all do.

    Args:
        entries: in their order.
        previous: hash of the entry before the first one.
        seq: its number.
    """
    for kept in entries:
        if kept.entry.seq != seq + 1 or kept.hash != chain_hash(previous, kept.entry):
            return seq + 1
        previous, seq = kept.hash, kept.entry.seq
    return None
