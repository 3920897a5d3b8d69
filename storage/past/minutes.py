"""Stored minutes, and who was heard: what the wall's figures and cells were made of."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from storage.moment import moment
from storage.queries import query, value_of

QUARTER_US: Final = 900_000_000


class MinuteSum(NamedTuple):
    """A metric over the schools of a partition at the last tick of a minute."""

    minute_us: int
    """Start of the minute, µs since 1970."""
    partition: int
    metric_id: int
    expected: int
    reporting: int
    total: float


async def first_known_us(conn: AsyncConnection[Any]) -> int | None:
    """Return the log time of the oldest minute or incident that is kept; None where there is none."""
    found: int | None = await value_of(conn, "first_known")
    return found


async def kept_minutes(
    conn: AsyncConnection[Any], metric_ids: Sequence[int], from_us: int, to_us: int
) -> list[MinuteSum]:
    """Return the minutes of metrics from `from_us` until before `to_us`, in order."""
    asked = {"metrics": list(metric_ids), "first": moment(from_us), "end": moment(to_us)}
    cursor = await conn.execute(query("kept_minutes"), asked, binary=True)
    return [MinuteSum(*row) for row in await cursor.fetchall()]


async def heard_at(
    conn: AsyncConnection[Any], series: Sequence[int], moments_us: Sequence[int], stale_us: int
) -> dict[int, list[int]]:
    """Return which series had a raw reading within `stale_us` before each moment; none is left out."""
    stale = timedelta(microseconds=stale_us)
    asked = {
        "series": list(series),
        "moments": [moment(at_us) for at_us in moments_us],
        "stale": stale,
        "first": moment(min(moments_us)) - stale,
        "last": moment(max(moments_us)),
    }
    cursor = await conn.execute(query("heard_in_readings"), asked, binary=True)
    found = dict(await cursor.fetchall())
    return {at_us: found.get(at_us, []) for at_us in moments_us}


async def heard_in_quarters(
    conn: AsyncConnection[Any], series: Sequence[int], moments_us: Sequence[int]
) -> dict[int, list[int]]:
    """Return which series were heard in the quarter hour before each moment, by rollups."""
    begins = {at_us: (at_us - 1) // QUARTER_US * QUARTER_US for at_us in moments_us}
    bounds = min(begins.values()), max(begins.values())
    asked = {"series": list(series), "first": moment(bounds[0]), "last": moment(bounds[1])}
    cursor = await conn.execute(query("heard_in_quarters"), asked, binary=True)
    found = dict(await cursor.fetchall())
    return {at_us: found.get(begin_us, []) for at_us, begin_us in begins.items()}
