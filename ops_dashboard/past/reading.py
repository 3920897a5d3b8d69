"""Reads earlier minutes, as many at once as are asked for."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from alerting.incidents.homes import StoredIncidents
from alerting.incidents.replay import DeskThen, replay
from contract.calendar import MINUTE_US
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.live import Kpi
from ops_dashboard.view.minutes import NO_SERIES, MinuteThen, SchoolLayout, silence_then, stale_us
from ops_dashboard.view.past import PAST_METRICS, SPAN_US, WEEK_US, WEEKS, Past, PastSums, past_of
from storage.past.desk import incidents_open_between
from storage.past.minutes import heard_at, heard_in_quarters, kept_minutes
from storage.silences import silences_since
from storage.wall import kept_bucket, kpi_stretches

MOST_MINUTES: Final = 60
"""Minutes in one answer: chosen, an hour is what a review looks at, and some 20 kB as they are sent."""


class MinuteAsked(NamedTuple):
    """What is known of everybody's minutes alike."""

    fleet: Fleet
    """The whole city."""
    catalogue: Catalogue
    partitions: int
    coverage_min: float


class MinutesRead(NamedTuple):
    """Minutes in order, and how finely it is kept who was heard."""

    minutes: list[MinuteThen]
    heard_by: str
    """`raw`, `15m`, or empty where nobody knows."""


@lru_cache(maxsize=4)
def layout_of(fleet: Fleet, catalogue: Catalogue, partitions: int) -> SchoolLayout:
    """Return the layout of a fleet; it lasts as long as that."""
    return SchoolLayout(fleet, catalogue, partitions)


async def read_minutes(
    conn: AsyncConnection[Any], asked: MinuteAsked, moments_us: Sequence[int]
) -> MinutesRead:
    """Return what was known at moments that are a minute apart."""
    first_us, last_us = moments_us[0], moments_us[-1]
    layout = layout_of(asked.fleet, asked.catalogue, asked.partitions)
    desks = await read_desks(conn, asked.fleet, moments_us)
    silences = await silences_since(conn, first_us)
    sums = await _sums(conn, asked, first_us, last_us)
    pasts = await _pasts(conn, asked, moments_us)
    heard_by, heard = await _heard(conn, asked, layout, moments_us)
    minutes = [
        MinuteThen(
            desk,
            [known for s in silences if (known := silence_then(s, at)) is not None],
            sums.get(at - MINUTE_US, {}),
            heard.get(at),
            past,
        )
        for at, desk, past in zip(moments_us, desks, pasts, strict=True)
    ]
    return MinutesRead(minutes, heard_by)


async def read_desks(conn: AsyncConnection[Any], fleet: Fleet, moments_us: Sequence[int]) -> list[DeskThen]:
    """Return what was open at moments, in order."""
    record = StoredIncidents(*await incidents_open_between(conn, moments_us[0], moments_us[-1]))
    return await asyncio.to_thread(lambda: list(replay(record, fleet, moments_us)))


async def _sums(
    conn: AsyncConnection[Any], asked: MinuteAsked, first_us: int, last_us: int
) -> dict[int, dict[int, dict[str, Kpi]]]:
    names = {m.id: m.name for m in asked.catalogue.metrics}
    found: dict[int, dict[int, dict[str, Kpi]]] = {}
    rows = await kept_minutes(conn, list(names), first_us - MINUTE_US, last_us)
    for row in rows:
        own = found.setdefault(row.minute_us, {}).setdefault(row.partition, {})
        own[names[row.metric_id]] = Kpi(row.expected, row.reporting, row.total)
    return found


async def _pasts(conn: AsyncConnection[Any], asked: MinuteAsked, moments_us: Sequence[int]) -> list[Past]:
    """Return what the wall had beside its figures: those of the weeks before."""
    ids = {m.name: m.id for m in asked.catalogue.metrics if m.name in PAST_METRICS}
    starts = [[at - week * WEEK_US - SPAN_US // 2 for week in range(1, WEEKS + 1)] for at in moments_us]
    stretches = [(start, start + SPAN_US) for of in starts for start in of]
    found = await kpi_stretches(conn, list(ids.values()), stretches)
    return [
        past_of(
            [
                {name: PastSums(*found[start, i]) for name, i in ids.items() if (start, i) in found}
                for start in of
            ],
            asked.coverage_min,
        )
        for of in starts
    ]


async def _heard(
    conn: AsyncConnection[Any], asked: MinuteAsked, layout: SchoolLayout, moments_us: Sequence[int]
) -> tuple[str, dict[int, frozenset[int]]]:
    series = [int(one) for one in layout.heartbeat if one != NO_SERIES]
    stale = stale_us(layout, asked.catalogue)
    kept = await kept_bucket(conn, moments_us[0] - stale, "raw")
    if kept == "raw":
        found = await heard_at(conn, series, moments_us, stale)
    elif kept == "15m":
        found = await heard_in_quarters(conn, series, moments_us)
    else:
        return "", {}
    return kept, {at_us: frozenset(of) for at_us, of in found.items()}
