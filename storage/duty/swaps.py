"""Swaps of duty, as the alerts log's owner writes and reads them."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from contract.routing.swap import Swap
from storage.moment import moment
from storage.queries import query


async def swaps_since(conn: AsyncConnection[Any], ended_us: int) -> list[Swap]:
    """Return the swaps that end after `ended_us`, µs since 1970; by their beginning."""
    where = "where least(until_at, ended_at) > %(at)s order by from_at, swap_id"
    return await _swaps(conn, where, {"at": moment(ended_us)})


async def load_swaps(conn: AsyncConnection[Any], swap_ids: Sequence[str]) -> list[Swap]:
    """Return those of some swaps that there are, over or not."""
    where = "where swap_id = any(%(swap_ids)s) order by swap_id"
    return await _swaps(conn, where, {"swap_ids": list(swap_ids)})


async def write_swaps(cursor: AsyncCursor[Any], swaps: Sequence[Swap]) -> None:
    """Send swaps as they stand, within the transaction of whoever changed them."""
    latest = {swap.swap_id: swap for swap in swaps}
    if latest:
        await cursor.executemany(query("upsert_swap"), [_values(swap) for swap in latest.values()])


async def _swaps(conn: AsyncConnection[Any], rest: str, values: dict[str, object]) -> list[Swap]:
    cursor = await conn.execute(query("swaps") + " " + rest, values)
    return [Swap(*row) for row in await cursor.fetchall()]


def _values(s: Swap) -> tuple[object, ...]:
    return (
        s.swap_id, s.rota, s.person, moment(s.from_us), moment(s.until_us), s.actor, s.reason,
        moment(s.created_at_us), moment(s.ended_at_us), s.ended_by,
    )  # fmt: skip
