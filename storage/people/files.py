"""Files of an operator on record: each content once, whoever meets it first, over restarts too."""

import re
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from storage.people.audit import add_audit
from storage.queries import query

FILE_ACTOR: Final = "a file on the machine"
"""Who changed it is not known here, but that they could write on the machine."""
FILE_GRADE: Final = "file"
DONE: Final = "done"
REFUSED: Final = "refused"
_HASHES: Final = re.compile(r"before=(\S+) after=(\S+)")


class FileRecord(NamedTuple):
    """What the record knows of a file."""

    met: str
    """SHA-256 of the content that was met last, taken or refused."""
    taken: str
    """… of the one that is in force."""


async def files_on_record(conn: AsyncConnection[Any]) -> dict[str, FileRecord]:
    """Return what the record knows of each file that was ever changed."""
    asked = {"actor": FILE_ACTOR, "grade": FILE_GRADE}
    rows = await (await conn.execute(query("files_on_record"), asked)).fetchall()
    found: dict[str, FileRecord] = {}
    for subject, result, detail in rows:
        hashes = _HASHES.match(detail)
        assert hashes is not None, "an entry of a file begins with its hashes"
        found[subject] = FileRecord(hashes[2], hashes[2] if result == DONE else hashes[1])
    return found


async def add_file(
    conn: AsyncConnection[Any], subject: str, found: FileRecord, result: str, detail: str
) -> None:
    """Put on record that a file has another content, unless the record has that as its latest.

    Args:
        conn: to the database, in no transaction.
        subject: name of the file.
        found: what is there now, and what was in force until now.
        result: `DONE` or `REFUSED`.
        detail: what changed, or why it is refused.
    """
    async with conn.transaction():
        await conn.execute(query("hold_audit"))  # two dashboards see the same change at once
        known = (await files_on_record(conn)).get(subject)
        if known is not None and known.met == found.met:
            return
        await add_audit(
            conn, actor=FILE_ACTOR, grade=FILE_GRADE, action="file change", subject=subject, result=result,
            detail=f"before={found.taken} after={found.met} {detail}",
        )  # fmt: skip
