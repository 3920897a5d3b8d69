"""Rows of figures in memory, read as the store of figures is."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from contract.figures.spans import DaySpan, SpanKind, span_pair, trend_weeks
from contract.figures.sums import FigureRow, FigureSums, GroupKind, add_sums
from contract.incident import Incident, IncidentTimes
from ops_dashboard.view.desk.places import PlaceFigures, SchoolGroup
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.maker import Brand, BriefAsked, BriefData, are_drawn, make_brief

Sums = Mapping[str, FigureSums]


class FigureShelf:
    """Rows by what stands side by side."""

    def __init__(self, rows: Iterable[FigureRow] = ()) -> None:
        self._rows: dict[tuple[GroupKind, str], list[FigureRow]] = defaultdict(list)
        for row in rows:
            self._rows[row.kind, row.scope].append(row)

    def rows(self, kind: GroupKind, scope: str, first: date, last: date) -> list[FigureRow]:
        """Return the rows of groups that stand side by side, of some days."""
        return [row for row in self._rows[kind, scope] if first <= row.day <= last]

    def sums(self, kind: GroupKind, scope: str, span: DaySpan | None) -> Sums:
        """Return the sums of such groups over a span, by member; nothing of no span."""
        groups: dict[str, list[FigureSums]] = {}
        for row in [] if span is None else self.rows(kind, scope, span.first, span.last):
            groups.setdefault(row.member, []).append(row.sums)
        return {member: add_sums(sums) for member, sums in groups.items()}

    def brief(
        self,
        asked: BriefAsked,
        by: Brand,
        times: Sequence[IncidentTimes] = (),
        incidents: Sequence[Incident] = (),
    ) -> Brief:
        """Return leadership's brief; `times` and `incidents` as `BriefData` has them."""
        pair = span_pair(by.calendar, asked.kind, asked.day)
        clusters = [cluster.code for cluster in by.fleet.clusters]

        def side_by_side(kind: GroupKind, scope: str, span: DaySpan | None) -> Sums:
            if kind is not GroupKind.WARD or scope:
                return self.sums(kind, scope, span)
            return {k: v for code in clusters for k, v in self.sums(kind, code, span).items()}

        def both(kind: GroupKind, scope: str) -> tuple[Sums, Sums]:
            return side_by_side(kind, scope, pair.now), side_by_side(kind, scope, pair.before)

        city = self.rows(GroupKind.CITY, "", date.min, asked.day)
        isps = {code: self.sums(GroupKind.ISP, code, pair.now) for code in clusters}
        compared = both(asked.by, asked.scope)
        weeks = trend_weeks(asked.day) if are_drawn(asked) else []
        drawn = [side_by_side(asked.by, asked.scope, week) for week in weeks]
        data = BriefData(city, both(GroupKind.CLUSTER, ""), compared, drawn, isps, times, incidents)
        return make_brief(asked, data, by)

    def place(
        self, place: SchoolGroup, spans: Mapping[SpanKind, DaySpan], clusters: Sequence[str]
    ) -> PlaceFigures:
        """Return the figures of a place over spans of days; `clusters` are the codes of all."""
        sums = {
            kind: self.sums(place.kind, place.scope, span).get(place.code, FigureSums())
            for kind, span in spans.items()
        }
        today = self.rows(place.kind, place.scope, spans[SpanKind.DAY].first, spans[SpanKind.DAY].last)
        own = [row.through_us for row in today if row.member == place.code]
        return PlaceFigures(sums, self._inner(place, spans[SpanKind.WEEK], clusters), max(own, default=0))

    def _inner(self, place: SchoolGroup, week: DaySpan, clusters: Sequence[str]) -> dict[GroupKind, Sums]:
        if place.kind is GroupKind.CLUSTER:
            return {k: self.sums(k, place.code, week) for k in (GroupKind.WARD, GroupKind.ISP)}
        if place.kind is GroupKind.ISP:
            of = {code: self.sums(GroupKind.ISP, code, week) for code in clusters}
            return {GroupKind.CLUSTER: {c: s[place.code] for c, s in of.items() if place.code in s}}
        if place.kind is GroupKind.CITY:
            return {GroupKind.CLUSTER: self.sums(GroupKind.CLUSTER, "", week)}
        return {}
