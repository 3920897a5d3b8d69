"""The record: append, read, and read anew from its beginning to see whether it is whole."""

from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from contract.access.audit import START, AuditEntry, ChainedEntry, first_break
from contract.access.user import written_out
from storage.queries import query

BATCH: Final = 5000
"""Entries that are read at once."""
MOST_TEXT: Final = 500
"""Characters of a field; a longer one is cut."""


class AuditChoice(NamedTuple):
    """Which entries are asked for; all unless it says otherwise."""

    actor: str = ""
    action: str = ""
    """Stands in the entry's."""
    result: str = ""
    before: int | None = None
    """Earlier ones than this number."""


class Verified(NamedTuple):
    """What reading the whole record has shown."""

    entries: int
    broken_at: int | None
    """Number of the first entry that does not follow from the one before; None if all do."""
    head: bytes
    """Hash of the last entry, to be kept elsewhere: what is cut off at the end leaves no gap."""


async def add_audit(
    conn: AsyncConnection[Any],
    *,
    actor: str,
    grade: str,
    action: str,
    session: str = "",
    address: str = "",
    subject: str = "",
    result: str = "done",
    detail: str = "",
) -> None:
    """Append an entry; its number, time and hash are the database's."""
    values = {
        "actor": actor, "grade": grade, "session": session, "address": address, "action": action,
        "subject": subject, "result": result, "detail": detail,
    }  # fmt: skip
    # Whoever tries to sign in types what they like, and PostgreSQL keeps no NUL.
    kept = {name: written_out(value)[:MOST_TEXT] for name, value in values.items()}
    await conn.execute(query("add_audit"), kept)


async def read_audit(conn: AsyncConnection[Any], choice: AuditChoice, limit: int) -> list[AuditEntry]:
    """Return the latest entries that are asked for, the newest first."""
    rows = await _rows(conn, choice, 0, " order by seq desc limit %(limit)s", limit)
    return [kept.entry for kept in rows]


async def verify_audit(conn: AsyncConnection[Any], expected: tuple[int, bytes] | None = None) -> Verified:
    """Read the whole record and compute its chain anew.

    Args:
        conn: to the database.
        expected: number and hash of an entry as it was noted before; it must be there still.
    """
    seq, previous = 0, START
    is_found = expected is None
    while kept := await _rows(conn, AuditChoice(), seq, " order by seq limit %(limit)s", BATCH):
        broken_at = first_break(kept, previous, seq)
        if broken_at is not None:
            return Verified(seq + len(kept), broken_at, previous)
        is_found = is_found or any((k.entry.seq, k.hash) == expected for k in kept)
        seq, previous = kept[-1].entry.seq, kept[-1].hash
    missing = None if is_found or expected is None else min(expected[0], seq + 1)
    return Verified(seq, missing, previous)


async def _rows(
    conn: AsyncConnection[Any], choice: AuditChoice, after: int, rest: str, limit: int
) -> list[ChainedEntry]:
    values = {**choice._asdict(), "after": after, "limit": limit}
    cursor = await conn.execute(query("audit") + rest, values)
    return [ChainedEntry(AuditEntry(*row[:-1]), bytes(row[-1])) for row in await cursor.fetchall()]
