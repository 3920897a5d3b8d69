"""Stored history as columns, for folding it once more; nothing here writes."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from contract.alert import TransitionKind
from contract.reading import Readings
from storage.copy import POSTGRES_EPOCH_US, rows_of_copy
from storage.moment import moment
from storage.queries import query, value_of
from storage.wall import SeriesHistory

_KEY: Final = (("time", ">i8"), ("series", ">i4"))


class Told(NamedTuple):
    """What was told of an alert, as far as the past asks."""

    rule: str
    kind: TransitionKind
    opened_at_us: int
    detected_at_us: int


async def only_read(conn: AsyncConnection[Any]) -> None:
    """Let the server refuse every write of this connection from now on."""
    await conn.execute("set default_transaction_read_only = on")


async def raw_since(conn: AsyncConnection[Any]) -> int | None:
    """Return from when on raw readings are kept, µs since 1970: a chunk's start; None without any."""
    found: int | None = await value_of(conn, "raw_since")
    return found


async def quarters_since(conn: AsyncConnection[Any]) -> int | None:
    """Return from when on quarter hours are known, µs since 1970: a chunk's start; None without any."""
    found: int | None = await value_of(conn, "quarters_since")
    return found


async def folded_until(conn: AsyncConnection[Any]) -> int | None:
    """Return up to when the slowest telemetry log is folded, µs since 1970; None before the first commit."""
    cursor = await conn.execute(query("engine_horizon_and_fold"))
    row = await cursor.fetchone()
    return None if row is None or row[2] is None else int(row[2])


async def read_raw(
    conn: AsyncConnection[Any], series: NDArray[np.int32], from_us: int, to_us: int
) -> Readings:
    """Return the raw readings of some series from `from_us` until before `to_us`, by (time, series)."""
    columns = (*_KEY, ("value", ">f8"))
    rows = await _copied(conn, "copy_raw_out", columns, series, from_us, to_us)
    return Readings(_time_us(rows), rows["series"].astype(np.int32), rows["value"].astype(np.float64))


async def read_quarters(
    conn: AsyncConnection[Any], series: NDArray[np.int32], from_us: int, to_us: int
) -> SeriesHistory:
    """Return the quarter hours of some series that start within [from_us, to_us), by (time, series)."""
    columns = (*_KEY, ("n", ">i8"), ("sum", ">f8"), ("min", ">f8"), ("max", ">f8"))
    rows = await _copied(conn, "copy_15m_out", columns, series, from_us, to_us)
    return SeriesHistory(
        _time_us(rows),
        rows["series"].astype(np.int32),
        rows["n"].astype(np.int64),
        rows["sum"].astype(np.float64),
        rows["min"].astype(np.float64),
        rows["max"].astype(np.float64),
        np.full(len(rows), np.nan, np.float32),
    )


async def ticked_minutes(conn: AsyncConnection[Any], from_us: int, to_us: int) -> NDArray[np.int64]:
    """Return the starts of the minutes that a tick began, rising, µs since 1970, shape (n,).

    The first tick of a minute writes the key figures of the minute before it.
    """
    minute_us = 60_000_000
    asked = {"first": moment(from_us - minute_us), "end": moment(to_us - minute_us)}
    cursor = await conn.execute(query("ticked_minutes"), asked)
    return np.array([row[0] for row in await cursor.fetchall()], np.int64) + minute_us


async def transitions_of_school(
    conn: AsyncConnection[Any], school_id: int, from_us: int, to_us: int
) -> list[Told]:
    """Return what was told of a school's alerts in a stretch of event time, by log time."""
    asked = {"school_id": school_id, "first": moment(from_us), "end": moment(to_us)}
    cursor = await conn.execute(query("transitions_of_school"), asked)
    return [Told(rule, TransitionKind(kind), *times) for rule, kind, *times in await cursor.fetchall()]


async def _copied(
    conn: AsyncConnection[Any],
    name: str,
    columns: Sequence[tuple[str, str]],
    series: NDArray[np.int32],
    from_us: int,
    to_us: int,
) -> NDArray[Any]:
    asked = {"series": series.tolist(), "first": moment(from_us), "end": moment(to_us)}
    buffer = bytearray()
    async with conn.cursor() as cursor, cursor.copy(query(name), asked) as copy:
        async for block in copy:
            buffer += block
    rows = rows_of_copy(buffer, columns)
    return rows[np.lexsort((rows["series"], rows["time"]))]


def _time_us(rows: NDArray[Any]) -> NDArray[np.int64]:
    return rows["time"].astype(np.int64) + POSTGRES_EPOCH_US
