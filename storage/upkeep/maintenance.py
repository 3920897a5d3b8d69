"""What time does to the tables: chunks ahead, rollups of closed and touched buckets, retention.

One caller runs `maintain` about once a minute; a second one at the same time does nothing. On
TimescaleDB its own policies refresh the last two days; `maintain` refreshes what lies further back.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from psycopg import AsyncConnection, sql
from psycopg.errors import LockNotAvailable

from storage.database import LATE_ACCEPTANCE_H
from storage.moment import moment
from storage.queries import query
from storage.upkeep.chunks import make_chunks

MINUTE_US: Final = 60 * 1_000_000
POLICY_US: Final = round(LATE_ACCEPTANCE_H * 60 * MINUTE_US)
"""On TimescaleDB, the age up to which the refresh policies see to late rows: the widest acceptance."""
BATCH: Final = 24
"""Buckets rolled up in one transaction: six hours of quarters."""


class Width(NamedTuple):
    """One resolution of the rollups."""

    name: str
    us: int
    origin_us: int
    """Where some bucket starts, µs."""


WIDTHS: Final = (
    Width("15m", 15 * MINUTE_US, 0),
    Width("1h", 60 * MINUTE_US, 0),
    Width("1d", 24 * 60 * MINUTE_US, 17 * 60 * MINUTE_US),
)
"""Finest first; each is made of the one before. Days begin at 17:00 UTC, midnight in Vietnam."""


class Maintained(NamedTuple):
    """What one round did."""

    chunks_made: int = 0
    buckets_rolled: int = 0
    chunks_dropped: int = 0
    rows_deleted: int = 0


async def maintain(conn: AsyncConnection[Any], now_us: int) -> Maintained:
    """Do what is due at log time `now_us`, µs since 1970, and return what was done.

    Raw rows age by the slower of `now_us` and the slowest telemetry log's position: while history or
    a backlog is folded, the rows that its duplicates are compared with stay. Before the first position
    is committed none goes: what it will commit may be older than any retention.
    """
    cursor = await conn.execute(query("try_maintenance_lock"))
    if await cursor.fetchone() != (True,):
        return Maintained()
    try:
        cursor = await conn.execute(query("engine_horizon_and_fold"))
        engine, horizon_us, fold_us = await cursor.fetchone() or ("plain", 0, None)
        timescale = engine == "timescale"
        made = 0 if timescale else await _make_chunks_ahead(conn, now_us)
        through_us = bucket_start(now_us - (POLICY_US if timescale else 0), WIDTHS[0])
        rolled = await _roll_up(conn, max(horizon_us, through_us), horizon_us, timescale)
        dropped, deleted = await _expire(conn, now_us, fold_us, timescale)
    finally:
        await conn.execute(query("maintenance_unlock"))
    return Maintained(made, rolled, dropped, deleted)


async def _make_chunks_ahead(conn: AsyncConnection[Any], now_us: int) -> int:
    cursor = await conn.execute(query("retention"))
    made = 0
    for table, _, _, chunk in await cursor.fetchall():
        if chunk is not None:
            ahead = now_us + chunk.total_seconds() * 1e6
            made += await make_chunks(conn, table, np.array([now_us, ahead], np.int64))
    return made


async def _roll_up(conn: AsyncConnection[Any], through_us: int, before_us: int, timescale: bool) -> int:
    if through_us > before_us:
        through = {"through": moment(through_us)}
        async with conn.transaction():
            # Waits for commits that still go by the old horizon; those after go by the new one.
            await conn.execute(query("lock_horizon"))
            await conn.execute(query("move_touch_before"), through)
            await conn.execute(query("touch_closed_buckets"), {"after": moment(before_us), **through})
    rolled = 0
    for place, width in enumerate(WIDTHS):
        while taken := await _roll_batch(conn, place, through_us - width.us, timescale):
            rolled += taken
    # Only now do readers look into the rollups for these buckets.
    await conn.execute(query("move_rolled_before"), {"through": moment(through_us)})
    return rolled


async def _roll_batch(conn: AsyncConnection[Any], place: int, last_us: int, timescale: bool) -> int:
    """Roll up the oldest touched buckets of one width, at most `BATCH`, and touch those made of them."""
    width = WIDTHS[place]
    asked = {"width": width.name, "last": moment(last_us), "limit": BATCH}
    cursor = await conn.execute(query("take_touched"), asked)
    buckets = sorted({bucket_us for (bucket_us,) in await cursor.fetchall()})
    # A refresh of TimescaleDB cannot run in a transaction, so taking and forgetting are two.
    for first_us, end_us in ranges_of(buckets, width.us):
        await (_refresh_range if timescale else _roll_range)(conn, width, first_us, end_us)
    async with conn.transaction():
        if place + 1 < len(WIDTHS) and buckets:
            wider = WIDTHS[place + 1]
            starts = [moment(us) for us in sorted({bucket_start(us, wider) for us in buckets})]
            await conn.execute(query("touch"), {"width": wider.name, "buckets": starts})
        forgotten = {"width": width.name, "buckets": [moment(us) for us in buckets]}
        await conn.execute(query("forget_taken"), forgotten)
    return len(buckets)


async def _roll_range(conn: AsyncConnection[Any], width: Width, first_us: int, end_us: int) -> None:
    if width.name != "1d":
        times = np.arange(first_us, end_us, width.us, dtype=np.int64)
        await make_chunks(conn, f"reading_{width.name}_rolled", times)
    # A bucket whose raw rows are gone finds none and so keeps what was rolled up before.
    await conn.execute(query(f"roll_{width.name}"), {"first": moment(first_us), "end": moment(end_us)})


async def _refresh_range(conn: AsyncConnection[Any], width: Width, first_us: int, end_us: int) -> None:
    """Refresh a continuous aggregate, of two buckets at least.

    TimescaleDB 2.23 measures a window by buckets from its own origin, so that one of our days, which begin
    at 17:00 UTC, holds none and is refused as too small. What is current already stays as it is.
    """
    aggregate, first_us = f"reading_{width.name}", min(first_us, end_us - 2 * width.us)
    asked = {"aggregate": aggregate, "first": moment(first_us), "end": moment(end_us)}
    await conn.execute(query("refresh_aggregate"), asked)


async def _expire(
    conn: AsyncConnection[Any], now_us: int, fold_us: int | None, timescale: bool
) -> tuple[int, int]:
    """Drop chunks and delete rows past their retention; return how many of each."""
    raw_us = 0 if fold_us is None else min(now_us, fold_us)
    dropped = deleted = 0
    cursor = await conn.execute(query("retention"))
    for table, column, keep, chunk in await cursor.fetchall():
        keep_us = round(keep.total_seconds() * 1e6)
        before = moment((raw_us if table == "reading" else now_us) - keep_us)
        asked = {"table": table, "before": before}
        if chunk is None:
            statement = sql.SQL("delete from {} where {} < %(before)s")
            gone = await conn.execute(statement.format(sql.Identifier(table), sql.Identifier(column)), asked)
            deleted += gone.rowcount
        elif timescale:
            gone = await conn.execute(query("drop_chunks"), asked)
            dropped += gone.rowcount
        else:
            gone = await conn.execute(query("old_chunks"), asked)
            dropped += await _drop(conn, [name for (name,) in await gone.fetchall()])
    return dropped, deleted


async def _drop(conn: AsyncConnection[Any], chunks: Sequence[str]) -> int:
    """Drop partitions; one that a long reader holds is left to the next round rather than queued for."""
    dropped = 0
    for chunk in chunks:
        try:
            async with conn.transaction():
                await conn.execute("set local lock_timeout = '2s'")
                await conn.execute(query("drop_chunk"), {"chunk": chunk})
        except LockNotAvailable:
            return dropped
        dropped += 1
    return dropped


def bucket_start(time_us: int, width: Width) -> int:
    """Return the start of the bucket that holds a time, both in µs since 1970."""
    return (time_us - width.origin_us) // width.us * width.us + width.origin_us


def ranges_of(starts_us: Sequence[int], width_us: int) -> list[tuple[int, int]]:
    """Return sorted bucket starts as half-open ranges without gaps."""
    ranges: list[tuple[int, int]] = []
    for start_us in starts_us:
        if ranges and ranges[-1][1] == start_us:
            ranges[-1] = (ranges[-1][0], start_us + width_us)
        else:
            ranges.append((start_us, start_us + width_us))
    return ranges
