"""Makes the brief of a span from what is stored."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from typing import Final, NamedTuple

from msgspec.structs import replace

from alerting.incidents.response import GroupBy, ResponseFigures, TimeSpread, response_figures
from contract.calendar import SchoolCalendar
from contract.figures.definitions import DEFINITIONS, FigureName, FigureUnit, FigureValue, figure_of
from contract.figures.plan import PLAN, CityPlan, misses
from contract.figures.spans import DaySpan, SpanKind, SpanPair, span_pair, trend_weeks
from contract.figures.sums import DayPart, FigureRow, FigureSums, GroupKind, add_sums
from contract.fleet import Fleet
from contract.incident import Incident, IncidentTimes
from ops_dashboard.view.leadership.beginning import compared_from, first_figures_us, is_enough
from ops_dashboard.view.leadership.benchmarks import aim_of, standings
from ops_dashboard.view.leadership.brief import (
    Brief,
    BriefFigure,
    Comparison,
    FigureCard,
    GroupFigure,
    Headline,
    Question,
    Standing,
    WayStep,
)

CARDS: Final[Mapping[FigureName, tuple[FigureName, ...]]] = {
    FigureName.ADEQUATE: (FigureName.GOOD, FigureName.EXCELLENT, FigureName.PROVEN),
    FigureName.AVAILABILITY: (FigureName.CONTRACT_KEPT, FigureName.USE),
    FigureName.ATTENDANCE: (FigureName.SUBMITTED,),
    FigureName.STICKINESS: (FigureName.WEEKLY_REACH, FigureName.DOSE),
    FigureName.SUCCESS: (FigureName.RESPONSE, FigureName.SYNCED),
}
"""The figures that have a card, with those beside them; times of incidents are the sixth."""
COMPARED: Final = (FigureName.LOST_EACH, *CARDS)
"""What groups are compared by on the page; the API compares by every figure."""
INNER: Final = (GroupKind.WARD, GroupKind.LEVEL, GroupKind.ISP)
OUTER: Final = (GroupKind.CLUSTER, *INNER)
"""What the city is compared by; a cluster by all but clusters."""
SENTENCE: Final = ("open_schools", "lost_pupil_min", "down_schools", "down_pupils", "unknown_schools")
"""Sums of the day that its sentence speaks of."""
QUESTIONS: Final = 3
MOST_INCIDENTS: Final = 20


class BriefAsked(NamedTuple):
    """Which brief is wanted."""

    kind: SpanKind
    day: date
    by: GroupKind
    """What is compared."""
    scope: str = ""
    """Code of the cluster within which; empty for the city."""
    figure: FigureName = FigureName.LOST_EACH
    """By which groups are compared."""
    benchmark: str = PLAN
    """What they are compared with; the plan or one of its benchmarks."""
    now_us: int = 0
    """Log time; 0 where only whole days matter."""


class BriefData(NamedTuple):
    """What the store has for a brief."""

    city: list[FigureRow]
    """Rows of the city for all spans, those before and the weeks of the trend."""
    clusters: tuple[Mapping[str, FigureSums], Mapping[str, FigureSums]]
    """Sums of clusters over the span and the one before."""
    groups: tuple[Mapping[str, FigureSums], Mapping[str, FigureSums]]
    """The same of what is compared."""
    weeks: Sequence[Mapping[str, FigureSums]]
    """Sums of what is compared over the weeks of the trend; empty where they are not drawn."""
    isps: Mapping[str, Mapping[str, FigureSums]]
    """Sums over the span of providers by cluster."""
    times: Sequence[IncidentTimes]
    """Of the weeks of the trend."""
    incidents: Sequence[Incident]
    """That were open in the span."""


class Brand(NamedTuple):
    """What a brief is measured by."""

    fleet: Fleet
    calendar: SchoolCalendar
    plan: CityPlan
    coverage_min: float


def are_drawn(asked: BriefAsked) -> bool:
    """Return whether the weeks of what is compared are drawn: 168 wards side by side are no picture."""
    return asked.by is not GroupKind.WARD or asked.scope != ""


def make_brief(asked: BriefAsked, data: BriefData, by: Brand) -> Brief:
    """Return the brief; what nothing is known of says so."""
    maker = _Maker(asked, data, by)
    pair = span_pair(by.calendar, asked.kind, asked.day)
    today = [r for r in data.city if r.day == asked.day]
    sessions = [r for r in today if r.part is not DayPart.DAY]
    last = sessions[-1] if sessions else None
    attendance = figure_of(FigureName.ATTENDANCE, last.sums if last else FigureSums(), by.coverage_min)
    whole = add_sums(r.sums for r in today)
    counted = {name: getattr(whole, name) for name in SENTENCE}
    return Brief(
        asked.kind.value,
        asked.day,
        pair.now.first,
        max((r.through_us for r in today), default=0),
        by.coverage_min,
        counted,
        _shown(attendance),
        last.part.value if last else "",
        round(last.sums.session_schools - last.sums.submitted) if last else 0,
        sum(i.ended_at_us is None for i in data.incidents),
        [maker.headline(kind) for kind in SpanKind],
        [*(maker.card(name) for name in CARDS), maker.response_card()],
        maker.comparison(),
        maker.standings(),
        maker.questions(),
        maker.incidents(),
        by.calendar.is_school_day(asked.day),
        min(maker.known, default=None),
        maker.first_us(),
        compared_from(by.calendar, asked.day, maker.known),
    )


def _is_known(row: FigureRow) -> bool:
    """Return whether a row knows of any minute in session; days before the first reading have rows too."""
    return row.sums.up_min + row.sums.lost_min > 0


def _shown(figure: FigureValue) -> BriefFigure:
    return BriefFigure(figure.value, figure.known, figure.expected)


class _Maker:
    def __init__(self, asked: BriefAsked, data: BriefData, by: Brand) -> None:
        self._asked, self._data, self._by = asked, data, by
        self._pair = span_pair(by.calendar, asked.kind, asked.day)
        self.known = {row.day for row in data.city if _is_known(row)}
        """Days of which anything is known."""

    def first_us(self) -> int:
        asked = self._asked
        if asked.day <= max(self.known, default=date.min):
            return 0
        return first_figures_us(self._by.calendar, asked.day, asked.now_us)

    def headline(self, kind: SpanKind) -> Headline:
        pair = span_pair(self._by.calendar, kind, self._asked.day)
        sums = self._sums(pair.now)
        known, days = self._days(pair.now)
        lost = figure_of(FigureName.LOST, sums, self._by.coverage_min)
        each = figure_of(FigureName.LOST_EACH, sums, self._by.coverage_min)
        target = self._by.plan.figures.get(FigureName.AVAILABILITY)
        allowed = None if target is None else (1 - target.on(self._asked.day)) * sums.pupil_min
        return Headline(
            kind.value,
            pair.now.first,
            _shown(lost),
            self._lost_before(pair),
            allowed,
            each.value,
            known,
            days,
        )

    def card(self, name: FigureName) -> FigureCard:
        sums, minimum = self._sums(self._pair.now), self._by.coverage_min
        target, definition = self._by.plan.figures.get(name), DEFINITIONS[name]
        figure = figure_of(name, sums, minimum)
        now, before = self._data.clusters
        return FigureCard(
            name.value,
            definition.unit,
            _shown(figure),
            None if target is None else target.on(self._asked.day),
            definition.is_better_high,
            misses(name, figure, target, self._asked.day),
            [figure_of(name, self._sums(week), minimum).value for week in trend_weeks(self._asked.day)],
            self._groups(GroupKind.CLUSTER, name, now, before),
            {other.value: _shown(figure_of(other, sums, minimum)) for other in CARDS[name]},
            self._through_us(),
        )

    def response_card(self) -> FigureCard:
        span, fleet = self._pair.now, self._by.fleet
        own = self._times(span)
        whole = _only(response_figures(own, GroupBy.ALL, fleet))
        figures = {
            name: _spread(whole, name, len(own)) for name in ("acknowledge", "detect", "notify", "resolve")
        }
        target = self._by.plan.response_s.get("acknowledge")
        shown = figures.pop("acknowledge")
        groups = [
            GroupFigure(
                one.group, self._name(GroupKind.CLUSTER, one.group), _spread(one, "acknowledge", 1), None, 0
            )
            for one in response_figures(own, GroupBy.CLUSTER, fleet)
            if one.group in fleet.cluster_by_code
        ]
        weeks = [
            _spread(_only(response_figures(self._times(week), GroupBy.ALL, fleet)), "acknowledge", 1).value
            for week in trend_weeks(self._asked.day)
        ]
        return FigureCard(
            "acknowledge",
            FigureUnit.MINUTES,
            shown,
            None if target is None else target / 60,
            False,
            target is not None and shown.value is not None and shown.value > target / 60,
            weeks,
            _worst_first(groups, is_better_high=False),
            figures,
            self._through_us(),
        )

    def comparison(self) -> Comparison:
        asked, (now, before) = self._asked, self._data.groups
        way = [WayStep("", "")]
        whole = self._sums(self._pair.now)
        if asked.scope:
            way.append(WayStep(self._name(GroupKind.CLUSTER, asked.scope), asked.scope))
            whole = self._data.clusters[0].get(asked.scope, FigureSums())
        definition = DEFINITIONS[asked.figure]
        return Comparison(
            asked.by.value,
            asked.scope,
            asked.figure.value,
            definition.unit,
            definition.is_better_high,
            way,
            _shown(figure_of(asked.figure, whole, self._by.coverage_min)),
            aim_of(self._by.plan, asked.benchmark, asked.figure, whole, asked.day),
            [self._with_weeks(group) for group in self._groups(asked.by, asked.figure, now, before)],
        )

    def _with_weeks(self, group: GroupFigure) -> GroupFigure:
        weeks = [
            figure_of(self._asked.figure, sums.get(group.member, FigureSums()), self._by.coverage_min).value
            for sums in self._data.weeks
        ]
        return replace(group, weeks=weeks)

    def standings(self) -> list[Standing]:
        whole = self._sums(self._pair.now)

        def value_of(name: FigureName) -> FigureValue:
            return figure_of(name, whole, self._by.coverage_min)

        return standings(self._by.plan, value_of, self._asked.day)

    def questions(self) -> list[Question]:
        now, before = self._data.clusters
        groups = self._groups(GroupKind.CLUSTER, FigureName.LOST_EACH, now, before)
        changed = [
            (abs(g.figure.value - g.before), g)
            for g in groups
            if g.figure.value is not None and g.before is not None and abs(g.figure.value - g.before) >= 0.05
        ]
        changed.sort(key=lambda pair: (-pair[0], pair[1].member))
        return [self._question(group) for _, group in changed[:QUESTIONS]]

    def _question(self, group: GroupFigure) -> Question:
        isps = self._data.isps.get(group.member, {})
        lost = {isp: sums.lost_pupil_min for isp, sums in isps.items()}
        worst = max(lost, key=lambda isp: lost[isp], default="")
        total = sum(lost.values())
        place = _placing(self._by.fleet)
        inside = [i for i in self._data.incidents if place(i) == group.member]
        first = max(inside, key=lambda i: i.lost_pupil_s, default=None)
        return Question(
            group.member,
            group.name,
            group.before or 0.0,
            group.figure.value or 0.0,
            worst if total else "",
            lost[worst] / total if total else 0.0,
            round(self._data.clusters[0][group.member].down_schools),
            "" if first is None else first.incident_id,
        )

    def incidents(self) -> list[Incident]:
        found = sorted(self._data.incidents, key=lambda i: (i.worst_priority, -i.lost_pupil_s, i.incident_id))
        return found[:MOST_INCIDENTS]

    def _groups(
        self,
        kind: GroupKind,
        name: FigureName,
        now: Mapping[str, FigureSums],
        before: Mapping[str, FigureSums],
    ) -> list[GroupFigure]:
        minimum = self._by.coverage_min
        is_comparable = self._pair.before is not None and self._is_enough(self._pair.before)
        found = []
        for member, sums in now.items():
            earlier = None
            if is_comparable:
                earlier = figure_of(name, _as_long(before.get(member, FigureSums()), sums), minimum).value
            figure = _shown(figure_of(name, sums, minimum))
            found.append(GroupFigure(member, self._name(kind, member), figure, earlier, round(sums.pupils)))
        return _worst_first(found, is_better_high=DEFINITIONS[name].is_better_high)

    def _name(self, kind: GroupKind, member: str) -> str:
        fleet = self._by.fleet
        if kind is GroupKind.CLUSTER and member in fleet.cluster_by_code:
            return fleet.cluster_by_code[member].name
        if kind is GroupKind.WARD and member in fleet.ward_by_code:
            return fleet.ward_by_code[member].short_name
        return member

    def _sums(self, span: DaySpan) -> FigureSums:
        return add_sums(r.sums for r in self._data.city if span.first <= r.day <= span.last)

    def _days(self, span: DaySpan) -> tuple[int, int]:
        """Return on how many school days of a span something is known, and how many it has."""
        known = [day for day in self.known if span.first <= day <= span.last]
        days = [date.fromordinal(n) for n in range(span.first.toordinal(), span.last.toordinal() + 1)]
        return len(known), sum(self._by.calendar.is_school_day(day) for day in days)

    def _is_enough(self, span: DaySpan) -> bool:
        return is_enough(self._by.calendar, span, self.known)

    def _lost_before(self, pair: SpanPair) -> float | None:
        """Return what was lost over the span before, its last day up to the time of day that is known."""
        if pair.before is None or not self._is_enough(pair.before):
            return None
        whole = self._sums(DaySpan(pair.before.first, pair.before.last))
        if figure_of(FigureName.LOST, whole, self._by.coverage_min).value is None:
            return None
        last = [r for r in self._data.city if r.day == pair.before.last]
        after = sum(sum(r.profile[self._quarters() :]) for r in last if r.part is DayPart.DAY)
        return whole.lost_pupil_min - after

    def _quarters(self) -> int:
        """Return how many quarter hours of the day are known."""
        begin_us = self._by.calendar.moment_us(self._asked.day, _MIDNIGHT)
        through_us = self._through_us()
        return 96 if not through_us else (through_us - begin_us) // 900_000_000

    def _through_us(self) -> int:
        return max((r.through_us for r in self._data.city if r.day == self._asked.day), default=0)

    def _times(self, span: DaySpan) -> list[IncidentTimes]:
        day_of = self._by.calendar.local_day
        return [one for one in self._data.times if span.first <= day_of(one.began_us) <= span.last]


_MIDNIGHT: Final = time.min


def _as_long(before: FigureSums, now: FigureSums) -> FigureSums:
    """Return earlier sums with what was lost in as many minutes as are known now: a day is not over yet."""
    share = now.pupil_min / before.pupil_min if before.pupil_min else 1.0
    return before._replace(lost_pupil_min=before.lost_pupil_min * share)


def _only(groups: Sequence[ResponseFigures]) -> ResponseFigures | None:
    return groups[0] if groups else None


def _spread(figures: ResponseFigures | None, name: str, incidents: int) -> BriefFigure:
    """Return the median of a time of incidents, minutes; it rests on those that have it."""
    found: TimeSpread | None = None if figures is None else getattr(figures, name)
    if figures is None or found is None:
        return BriefFigure(None, 0, incidents)
    return BriefFigure(found.median_s / 60, found.incidents, figures.incidents)


def _worst_first(groups: list[GroupFigure], *, is_better_high: bool) -> list[GroupFigure]:
    sign = 1.0 if is_better_high else -1.0

    def rank(group: GroupFigure) -> tuple[bool, float, str]:
        value = group.figure.value
        return value is None, 0.0 if value is None else sign * value, group.member

    return sorted(groups, key=rank)


def _placing(fleet: Fleet) -> Callable[[Incident], str]:
    """Return how the cluster of an incident is found; empty for one that is in several."""
    schools = {f.school.id: f.school for f in fleet.former} | dict(fleet.school_by_id)

    def place(one: Incident) -> str:
        school = None if one.cause.school_id is None else schools.get(one.cause.school_id)
        ward = fleet.ward_by_code.get(one.cause.ward_code if school is None else school.ward_code)
        return one.cause.cluster_code if ward is None else ward.cluster_code

    return place
