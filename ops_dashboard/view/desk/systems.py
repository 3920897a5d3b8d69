"""The sheet of a system that schools use: lines, registers, e-learning, each by the metrics it has (pure)."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

from contract.alert import Alert
from contract.catalogue import Catalogue, Metric, Published
from contract.figures.definitions import DEFINITIONS, FigureName
from contract.figures.spans import SpanKind
from contract.figures.sums import GroupKind
from contract.fleet import STREAMS_OF, DeviceKind, Fleet
from contract.incident import CauseKind, Incident
from contract.live import Kpi
from contract.privacy import shown_sum
from contract.rule import MetricRule, Rule
from contract.texts import Language, write_number
from ops_dashboard.view.addresses import area_address, provider_address
from ops_dashboard.view.desk.places import (
    PlaceFigures,
    PlaceTerms,
    figure_cell,
    figure_table,
    incident_table,
    moment,
)
from ops_dashboard.view.desk.sheet import UNKNOWN, Scribe, Sheet, SheetCell, SheetRow, SheetTable

FIGURES_OF: Final[Mapping[DeviceKind, tuple[FigureName, ...]]] = {
    DeviceKind.GATEWAY: (
        FigureName.AVAILABILITY,
        FigureName.CONTRACT_KEPT,
        FigureName.USE,
        FigureName.ADEQUATE,
    ),
    DeviceKind.ATTENDANCE: (FigureName.SUBMITTED, FigureName.ATTENDANCE),
    DeviceKind.ELEARNING: (
        FigureName.SUCCESS,
        FigureName.RESPONSE,
        FigureName.SYNCED,
        FigureName.STICKINESS,
        FigureName.WEEKLY_REACH,
        FigureName.DOSE,
    ),
}
"""The first is the one by which clusters stand side by side."""
COVERED: Final[Mapping[DeviceKind, str]] = {
    DeviceKind.GATEWAY: "online",
    DeviceKind.ATTENDANCE: "present",
    DeviceKind.ELEARNING: "active_users",
}
"""The metric by which each system's coverage is told."""
SUMMED: Final = frozenset({"bit/s", "count"})
"""Units of which a sum over schools says something; of the others the mean of schools is told."""
TOLD_OF_PEOPLE: Final = frozenset({"active_users"})
"""Numbers of pupils that the wall tells as well; of others one sum could be taken from another."""
_SCALE: Final = {"bit/s": (1e-6, "Mbit/s", 1), "/": (100.0, "%", 1), "ms": (1.0, "ms", 0), "s": (1.0, "s", 0)}


class SystemData(NamedTuple):
    """What a sheet is made of."""

    now_us: int
    states: str
    alerts: Sequence[Alert]
    incidents: Sequence[Incident]
    sums: Mapping[str, Kpi]
    """By metric, over the whole city."""
    latest_us: Mapping[str, int]
    """Event time of the youngest value of a metric, 0 without any; of others `told_us` counts."""
    told_us: int
    """Log time of that tick, 0 without any."""
    figures: PlaceFigures


def system_name(kind: DeviceKind, scribe: Scribe) -> str:
    """Return what a system is called."""
    return scribe.say(f"sheet.system_{kind.value}")


def system_rules(kind: DeviceKind, catalogue: Catalogue, rules: Sequence[Rule]) -> frozenset[str]:
    """Return the names of the rules that judge what a system measures."""
    own = {metric.name for stream in STREAMS_OF[kind] for metric in catalogue.of_stream(stream)}
    return frozenset(rule.name for rule in rules if isinstance(rule, MetricRule) and rule.metric in own)


def system_sheet(
    kind: DeviceKind, fleet: Fleet, catalogue: Catalogue, data: SystemData, terms: PlaceTerms, scribe: Scribe
) -> Sheet:
    """Return the sheet of a system."""
    maker = _Maker(kind, fleet, catalogue, data, terms, scribe)
    name, n = system_name(kind, scribe), write_number(len(maker.devices), scribe.language)
    return Sheet(
        name,
        scribe.say("sheet.about_system", n=n),
        [SheetCell(scribe.say("nav.systems"), href="/systems"), SheetCell(name)],
        data.now_us,
        [],
        [maker.incidents(), maker.metrics(), maker.figures(), maker.clusters(), maker.schools()],
    )


def systems_sheet(
    fleet: Fleet, catalogue: Catalogue, data: SystemData, terms: PlaceTerms, scribe: Scribe
) -> Sheet:
    """Return the sheet of all systems, a row each."""
    rows = []
    for kind in DeviceKind:
        maker, figure = _Maker(kind, fleet, catalogue, data, terms, scribe), FIGURES_OF[kind][0]
        kpi = data.sums.get(COVERED[kind], Kpi(0, 0, 0.0))
        week = data.figures.spans[SpanKind.WEEK]
        title = scribe.say(f"measure.{figure.value}")
        cell = figure_cell(figure, week, terms, terms.spans[SpanKind.WEEK].last, scribe)
        cells = [
            SheetCell(system_name(kind, scribe), href=f"/system/{kind.value}"),
            scribe.number(len(maker.devices)),
            scribe.share(kpi.reporting, kpi.expected),
            scribe.number(len(maker.incidents().rows)),
            SheetCell(title[:1].upper() + title[1:]),
            cell,
        ]
        rows.append(SheetRow(cells))
    columns = ("system", "schools", "reporting", "open", "figure", "week")
    numbers = ("schools", "reporting", "open", "week")
    name = scribe.say("nav.systems")
    way = [SheetCell(scribe.say("leadership.city"), href="/"), SheetCell(name)]
    table = scribe.table("systems", columns, rows, numbers=numbers)
    return Sheet(name, scribe.say("sheet.about_systems"), way, data.now_us, [], [table])


class _Maker:
    def __init__(
        self,
        kind: DeviceKind,
        fleet: Fleet,
        catalogue: Catalogue,
        data: SystemData,
        terms: PlaceTerms,
        scribe: Scribe,
    ) -> None:
        self._kind, self._fleet, self._catalogue = kind, fleet, catalogue
        self._data, self._terms, self._scribe = data, terms, scribe
        self.devices = [d for d in fleet.devices if d.kind is kind]
        self._rules = system_rules(kind, catalogue, tuple(terms.office.rules.values()))

    def incidents(self) -> SheetTable:
        is_platform = self._kind is DeviceKind.ELEARNING
        own = [
            one
            for one in self._data.incidents
            if not self._rules.isdisjoint(one.rules) or (is_platform and one.cause.kind is CauseKind.PLATFORM)
        ]
        return incident_table(own, self._terms.office, self._data.now_us, self._scribe)

    def metrics(self) -> SheetTable:
        own = [m for stream in STREAMS_OF[self._kind] for m in self._catalogue.of_stream(stream)]
        rows = [self._metric(m, self._data.sums[m.name]) for m in own if m.name in self._data.sums]
        columns = ("metric", "value", "reporting", "latest")
        about = self._scribe.say("sheet.metrics_about")
        return self._scribe.table("metrics", columns, rows, numbers=("value", "reporting"), about=about)

    def _metric(self, metric: Metric, kpi: Kpi) -> SheetRow:
        meaning = metric.meaning_vi if self._scribe.language is Language.VI else metric.meaning_en
        at_us = self._data.latest_us.get(metric.name, self._data.told_us)
        return SheetRow(
            [
                SheetCell(meaning, note=metric.name),
                self._value(metric, kpi),
                self._scribe.share(kpi.reporting, kpi.expected),
                SheetCell(self._clock(at_us), at_us=at_us) if at_us else SheetCell(UNKNOWN),
            ]
        )

    def _value(self, metric: Metric, kpi: Kpi) -> SheetCell:
        known = kpi.expected > 0 and kpi.reporting >= self._terms.coverage_min * kpi.expected
        is_open = metric.published is Published.OPEN
        if not known or not (is_open or metric.name in TOLD_OF_PEOPLE):
            return SheetCell(UNKNOWN)
        is_sum = metric.unit in SUMMED
        value = (kpi.total if is_open else shown_sum(kpi)) / (1 if is_sum else kpi.reporting)
        scale, unit, decimals = _SCALE.get(metric.unit, (1.0, "", 0))
        note = self._scribe.say("sheet.summed" if is_sum else "sheet.mean")
        text = f"{write_number(value * scale, self._scribe.language, decimals)} {unit}".strip()
        return SheetCell(text, value * scale, decimals, note=note)

    def figures(self) -> SheetTable:
        found = self._data.figures
        names = FIGURES_OF[self._kind]
        return figure_table(names, found.spans, self._terms, found.through_us, self._scribe)

    def clusters(self) -> SheetTable:
        name, inner = FIGURES_OF[self._kind][0], self._data.figures.inner.get(GroupKind.CLUSTER, {})
        day = self._terms.spans[SpanKind.WEEK].last
        rows = []
        for cluster in self._fleet.clusters:
            if cluster.code in inner:
                cell = figure_cell(name, inner[cluster.code], self._terms, day, self._scribe)
                rows.append(SheetRow([SheetCell(cluster.name, href=area_address(cluster.code)), cell]))
        sign = 1 if DEFINITIONS[name].is_better_high else -1
        rows.sort(key=lambda row: (row.cells[1].value is None, sign * (row.cells[1].value or 0.0)))
        title = self._scribe.say(f"measure.{name.value}")
        about = f"{title[:1].upper()}{title[1:]}. {self._scribe.say('sheet.worst_first')}"
        return self._scribe.table("cluster", ("name", "week"), rows, numbers=("week",), about=about)

    def schools(self) -> SheetTable:
        """Return the schools with an open alert of what the system measures, the most urgent first."""
        scribe, office = self._scribe, self._terms.office
        own = [
            a
            for a in self._data.alerts
            if a.rule in self._rules and a.school_id in self._fleet.school_position
        ]
        rows = []
        for alert in sorted(own, key=lambda a: (a.priority, -a.opened_at_us, a.alert_id)):
            position = self._fleet.school_position[alert.school_id]
            school, rule = self._fleet.schools[position], office.rules[alert.rule]
            title = rule.title_vi if scribe.language is Language.VI else rule.title_en
            ward = self._fleet.ward_by_code[school.ward_code]
            cells = [
                SheetCell(f"P{alert.priority}", priority=alert.priority),
                SheetCell(school.name, href=f"/school/{quote(school.code)}", note=school.code),
                SheetCell(title, href=f"/alerts?alert={alert.alert_id}"),
                SheetCell(ward.short_name, href=area_address(ward.code)),
                SheetCell(school.isp, href=provider_address(school.isp)),
                SheetCell(self._clock(alert.opened_at_us), at_us=alert.opened_at_us),
                SheetCell(alert.acknowledged_by or scribe.say("wall.unacknowledged")),
            ]
            rows.append(SheetRow(cells, self._data.states[position], position))
        columns = ("priority", "school", "alert", "ward", "isp", "since", "who")
        return scribe.table("troubled", columns, rows, is_main=True)

    def _clock(self, at_us: int) -> str:
        return moment(at_us, self._data.now_us, self._terms.office, self._scribe)
