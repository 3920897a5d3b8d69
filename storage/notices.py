"""The outbox of notices and the state of their fold, as the alerts log's owner writes and reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from contract.routing.notice import Notice
from storage.moment import moment
from storage.queries import query


async def notice_states(conn: AsyncConnection[Any]) -> dict[str, bytes]:
    """Return all parts of the state of the fold of notices, by key."""
    cursor = await conn.execute(query("notice_states"))
    return {key: bytes(state) for key, state in await cursor.fetchall()}


async def write_notices(cursor: AsyncCursor[Any], notices: Sequence[Notice]) -> None:
    """Put notices into the outbox, within the transaction of whoever decided them; notifiers hear of it."""
    if notices:
        await cursor.executemany(query("insert_notice"), [_values(notice) for notice in notices])
        await cursor.execute(query("tell_notices"))


async def write_notice_states(cursor: AsyncCursor[Any], states: Mapping[str, bytes | None]) -> None:
    """Keep parts of the state of the fold of notices, within the transaction of whoever folded."""
    kept = [(key, state) for key, state in states.items() if state is not None]
    gone = [(key,) for key, state in states.items() if state is None]
    if kept:
        await cursor.executemany(query("upsert_notice_state"), kept)
    if gone:
        await cursor.executemany(query("delete_notice_state"), gone)


def _values(n: Notice) -> tuple[object, ...]:
    return (
        n.notice_id, n.incident_id, n.to, n.contact, n.reason.value, n.priority, moment(n.at_us), n.route,
        n.step, list(n.incidents),
    )  # fmt: skip
