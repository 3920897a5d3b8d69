"""Reads what a brief is made of; the page, the API and `eduops report` ask here."""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from typing import Any

from msgspec.structs import replace
from psycopg import AsyncConnection

from contract.figures.spans import DaySpan, SpanKind, span_pair, trend_weeks
from contract.figures.sums import FigureSums, GroupKind
from contract.incident import Incident, IncidentTimes
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.maker import Brand, BriefAsked, BriefData, are_drawn, make_brief
from storage.figures.rows import figure_rows, summed_figures, summed_inside
from storage.incidents import incidents_since
from storage.times import incident_times


async def read_brief(
    conn: AsyncConnection[Any],
    asked: BriefAsked,
    by: Brand,
    known: Sequence[Incident] | None = None,
    until_us: int | None = None,
) -> Brief:
    """Return the brief that is asked for.

    Args:
        conn: a connection.
        asked: which one.
        by: what it is measured by.
        known: the incidents, of a brief as it was earlier; None for those of now.
        until_us: log time after which nobody had done anything yet; None for now.
    """
    pair, weeks = span_pair(by.calendar, asked.kind, asked.day), trend_weeks(asked.day)
    pairs = [span_pair(by.calendar, kind, asked.day) for kind in SpanKind]
    spans = [*weeks, *(p.now for p in pairs), *(p.before for p in pairs if p.before is not None)]
    city = await figure_rows(conn, GroupKind.CITY, "", DaySpan(min(s.first for s in spans), asked.day))
    begin_us = by.calendar.moment_us(weeks[0].first, time.min)
    end_us = by.calendar.moment_us(asked.day + timedelta(1), time.min)
    clusters = await _both(conn, GroupKind.CLUSTER, "", pair.now, pair.before)
    data = BriefData(
        city,
        clusters,
        clusters
        if asked.by is GroupKind.CLUSTER
        else await _both(conn, asked.by, asked.scope, pair.now, pair.before),
        [await _sums(conn, asked.by, asked.scope, week) for week in weeks] if are_drawn(asked) else [],
        await summed_inside(conn, GroupKind.ISP, pair.now),
        [
            times_then(one, until_us)
            for one in await incident_times(conn, begin_us, min(end_us, until_us or end_us))
            if not one.exercise
        ],
        await _incidents(conn, by, pair.now.first, end_us, known),
    )
    return make_brief(asked, data, by)


async def _both(
    conn: AsyncConnection[Any], kind: GroupKind, scope: str, now: DaySpan, before: DaySpan | None
) -> tuple[Mapping[str, FigureSums], Mapping[str, FigureSums]]:
    earlier = {} if before is None else await _sums(conn, kind, scope, before)
    return await _sums(conn, kind, scope, now), earlier


async def _sums(
    conn: AsyncConnection[Any], kind: GroupKind, scope: str, span: DaySpan
) -> Mapping[str, FigureSums]:
    if kind is GroupKind.WARD and not scope:
        return {k: v for of in (await summed_inside(conn, kind, span)).values() for k, v in of.items()}
    return await summed_figures(conn, kind, scope, span)


def times_then(times: IncidentTimes, until_us: int | None) -> IncidentTimes:
    """Return when what happened to an incident, without what came after a moment; None for now."""
    if until_us is None:
        return times

    def known(at_us: int | None) -> int | None:
        return at_us if at_us is not None and at_us <= until_us else None

    return replace(
        times, told_us=known(times.told_us), taken_us=known(times.taken_us), quiet_us=known(times.quiet_us)
    )


async def _incidents(
    conn: AsyncConnection[Any], by: Brand, first: date, end_us: int, known: Sequence[Incident] | None
) -> list[Incident]:
    begin_us = by.calendar.moment_us(first, time.min)
    found = await incidents_since(conn, begin_us) if known is None else known
    is_of_span = [one for one in found if one.ended_at_us is None or one.ended_at_us >= begin_us]
    return [one for one in is_of_span if one.began_at_us < end_us and not one.exercise]
