"""Reads the figures of a provider, a cluster or a ward, and of what is side by side within it."""

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection

from contract.figures.spans import DaySpan, SpanKind
from contract.figures.sums import FigureSums, GroupKind
from ops_dashboard.view.desk.places import PlaceFigures, SchoolGroup
from storage.figures.rows import figure_rows, summed_figures, summed_inside


async def read_place_figures(
    conn: AsyncConnection[Any], place: SchoolGroup, spans: Mapping[SpanKind, DaySpan]
) -> PlaceFigures:
    """Return the sums of a place over spans of days, and the week's of what is within it."""
    sums = {}
    for kind, span in spans.items():
        found = await summed_figures(conn, place.kind, place.scope, span, member=place.code)
        sums[kind] = found.get(place.code, FigureSums())
    today = await figure_rows(conn, place.kind, place.scope, spans[SpanKind.DAY], place.code)
    inner = await _inner(conn, place, spans[SpanKind.WEEK])
    return PlaceFigures(sums, inner, max((row.through_us for row in today), default=0))


async def _inner(
    conn: AsyncConnection[Any], place: SchoolGroup, span: DaySpan
) -> dict[GroupKind, Mapping[str, FigureSums]]:
    if place.kind is GroupKind.CLUSTER:
        kinds = (GroupKind.WARD, GroupKind.ISP)
        return {kind: await summed_figures(conn, kind, place.code, span) for kind in kinds}
    if place.kind is GroupKind.ISP:
        clusters = await summed_inside(conn, GroupKind.ISP, span)
        return {
            GroupKind.CLUSTER: {c: sums[place.code] for c, sums in clusters.items() if place.code in sums}
        }
    if place.kind is GroupKind.CITY:
        return {GroupKind.CLUSTER: await summed_figures(conn, GroupKind.CLUSTER, "", span)}
    return {}
