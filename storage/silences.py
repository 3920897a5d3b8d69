"""Silences, as the alerts log's owner writes and reads them."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection, AsyncCursor

from contract.routing.silence import Recurrence, Silence, SilenceKind, SilenceMatcher
from storage.moment import moment
from storage.queries import query

_matchers: Final = msgspec.json.Decoder(tuple[SilenceMatcher, ...])
_recurrence: Final = msgspec.json.Decoder(Recurrence | None)


async def silences_since(conn: AsyncConnection[Any], ended_us: int) -> list[Silence]:
    """Return the silences that end after `ended_us`, µs since 1970; by their beginning."""
    where = "where least(until_at, ended_at) > %(at)s order by from_at, silence_id"
    return await _silences(conn, where, {"at": moment(ended_us)})


async def load_silences(conn: AsyncConnection[Any], silence_ids: Sequence[str]) -> list[Silence]:
    """Return those of some silences that there are, over or not."""
    where = "where silence_id = any(%(silence_ids)s) order by silence_id"
    return await _silences(conn, where, {"silence_ids": list(silence_ids)})


async def silences_of_event(conn: AsyncConnection[Any], uid: str) -> list[Silence]:
    """Return all silences that a calendar event announced, over or not, the newest first."""
    return await _silences(conn, "where uid = %(uid)s order by created_at desc, silence_id", {"uid": uid})


async def write_silences(cursor: AsyncCursor[Any], silences: Sequence[Silence]) -> None:
    """Send silences as they stand, within the transaction of whoever changed them."""
    latest = {silence.silence_id: silence for silence in silences}
    if latest:
        await cursor.executemany(query("upsert_silence"), [_values(silence) for silence in latest.values()])


async def _silences(conn: AsyncConnection[Any], rest: str, values: dict[str, object]) -> list[Silence]:
    cursor = await conn.execute(query("silences") + " " + rest, values)
    return [_silence(*row) for row in await cursor.fetchall()]


def _silence(silence_id: str, kind: str, matchers: str, *rest: Any) -> Silence:
    from_us, until_us, owner, reason, created_at_us, recurrence, *more = rest
    return Silence(
        silence_id, SilenceKind(kind), _matchers.decode(matchers), from_us, until_us, owner, reason,
        created_at_us, _recurrence.decode(recurrence), *more,
    )  # fmt: skip


def _values(s: Silence) -> tuple[object, ...]:
    return (
        s.silence_id, s.kind.value, msgspec.json.encode(s.matchers).decode(), moment(s.from_us),
        moment(s.until_us), s.owner, s.reason, moment(s.created_at_us),
        msgspec.json.encode(s.recurrence).decode(), s.uid, moment(s.ended_at_us), s.ended_by, s.replaced_by,
    )  # fmt: skip
