"""What `eduops bench` asks of the database itself: when a probe was stored, and how fast a bare COPY is.

These statements belong to the measurement and to no service, so they are not in storage/queries.sql.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection, sql

MAX_COPY_ROWS: Final = 500_000
"""Enough for a second of COPY or more; held in memory meanwhile (42 bytes a row)."""
_CHUNK_BYTES: Final = 1 << 20
_COPY_TABLE: Final = sql.Identifier("bench_copy")
_NEW_PROBES: Final = """
    select (extract(epoch from time) * 1000000)::bigint from reading
    where series = %s and time > to_timestamp(%s::numeric / 1000000) order by time
"""
_HANDED_OVER: Final = """
    select recipient, (extract(epoch from min(over_at)) * 1000000)::bigint from notice
    where fate = 'sent' and recipient = any(%s) group by recipient
"""
_COPY_OUT: Final = sql.SQL(
    "copy (select time, series, value, score from reading limit {}) to stdout (format binary)"
)


class CopyRate(NamedTuple):
    """One COPY into a table by itself."""

    rows: int
    seconds: float


async def new_probes(connection: AsyncConnection[Any], series: int, after_us: int) -> list[int]:
    """Return the times (µs since 1970) of a series' stored readings later than `after_us`, in order."""
    cursor = await connection.execute(_NEW_PROBES, (series, after_us))
    return [time_us for (time_us,) in await cursor.fetchall()]


async def handed_over(connection: AsyncConnection[Any], recipients: Sequence[str]) -> dict[str, int]:
    """Return when the first message to each of some recipients was handed over, µs since 1970."""
    cursor = await connection.execute(_HANDED_OVER, (list(recipients),))
    return dict(await cursor.fetchall())


async def copy_rate(connection: AsyncConnection[Any]) -> CopyRate:
    """Return how fast rows of `reading` enter a table of the same shape by COPY BINARY, committed.

    The table has the columns, types and index of one partition of `reading`; the rows are those of this run
    in the order in which they lie in the table.
    """
    async with connection.cursor() as cursor, cursor.copy(_COPY_OUT.format(MAX_COPY_ROWS)) as out:
        rows = b"".join([bytes(block) async for block in out])
    async with table_like_reading(connection, _COPY_TABLE), connection.cursor() as cursor:
        began_s = time.perf_counter()
        async with cursor.copy(sql.SQL("copy {} from stdin (format binary)").format(_COPY_TABLE)) as copy:
            for start in range(0, len(rows), _CHUNK_BYTES):
                await copy.write(rows[start : start + _CHUNK_BYTES])
        return CopyRate(cursor.rowcount, time.perf_counter() - began_s)


@asynccontextmanager
async def table_like_reading(connection: AsyncConnection[Any], name: sql.Identifier) -> AsyncIterator[None]:
    """Have a table with the columns, types and index of one partition of `reading` for a while."""
    await connection.execute(sql.SQL("drop table if exists {}").format(name))
    await connection.execute(sql.SQL("create table {} (like reading including all)").format(name))
    try:
        yield
    finally:
        await connection.execute(sql.SQL("drop table {}").format(name))
