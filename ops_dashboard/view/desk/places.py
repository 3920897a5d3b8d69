"""The sheet of a provider, a cluster or a ward: one layout for every grouping of schools (pure)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple
from urllib.parse import quote

import numpy as np

from alerting.messages.story import Office
from contract.alert import Alert
from contract.figures.definitions import DEFINITIONS, FigureName, figure_of
from contract.figures.plan import CityPlan, misses
from contract.figures.spans import DaySpan, SpanKind
from contract.figures.sums import FigureSums, GroupKind
from contract.fleet import Fleet, School
from contract.incident import Incident
from contract.live import STATE_UNKNOWN
from contract.texts import write_clock, write_date, write_number
from ops_dashboard.view.addresses import area_address, provider_address
from ops_dashboard.view.areas import find_area
from ops_dashboard.view.desk.sheet import UNKNOWN, Scribe, Sheet, SheetCell, SheetRow, SheetTable
from ops_dashboard.view.incidents import incident_words
from ops_dashboard.view.leadership.numbers import written

FIGURES: Final = (
    FigureName.AVAILABILITY,
    FigureName.CONTRACT_KEPT,
    FigureName.USE,
    FigureName.ADEQUATE,
    FigureName.GOOD,
    FigureName.EXCELLENT,
    FigureName.PROVEN,
    FigureName.LOST,
    FigureName.LOST_EACH,
)
"""Of lines alone: what is counted of pupils may stand beside other groups only where all are told."""
PART_FIGURES: Final = (FigureName.AVAILABILITY, FigureName.CONTRACT_KEPT, FigureName.ADEQUATE)
"""Of what is side by side within a place."""
LINE_METRICS: Final = ("down_bps", "online")
"""What a sheet tells of each school's line: metrics that are open."""
_WORST_FIRST: Final = "123ucmn"


class SchoolGroup(NamedTuple):
    """Schools that are looked at together."""

    kind: GroupKind
    """`ISP`, `CLUSTER` or `WARD`."""
    code: str
    """Of the cluster or the ward, or the provider's name."""
    name: str
    scope: str
    """Code of the cluster that a ward is in; else empty."""

    def has(self, school: School, fleet: Fleet) -> bool:
        """Return whether a school is one of them."""
        if self.kind is GroupKind.ISP:
            return school.isp == self.code
        if self.kind is GroupKind.WARD:
            return school.ward_code == self.code
        return fleet.ward_by_code[school.ward_code].cluster_code == self.code


def provider_place(name: str, fleet: Fleet) -> SchoolGroup | None:
    """Return the schools of a provider; None where the fleet has none."""
    known = any(school.isp == name for school in fleet.schools)
    return SchoolGroup(GroupKind.ISP, name, name, "") if known else None


def area_place(text: str, fleet: Fleet) -> SchoolGroup | None:
    """Return the cluster or the ward that a code or a name means."""
    area = find_area(text, fleet)
    if area is None:
        return None
    if not area.is_ward:
        return SchoolGroup(GroupKind.CLUSTER, area.code, area.name, "")
    ward = fleet.ward_by_code[area.code]
    return SchoolGroup(GroupKind.WARD, ward.code, ward.name, ward.cluster_code)


class NewestReading(NamedTuple):
    """The last that a series said."""

    time_us: int
    value: float


class PlaceFigures(NamedTuple):
    """What the store of figures has of a place."""

    spans: Mapping[SpanKind, FigureSums]
    inner: Mapping[GroupKind, Mapping[str, FigureSums]]
    """The week's sums of what is side by side within it, by what and by code."""
    through_us: int
    """Up to when today's know, µs since 1970; 0 without any."""


class PlaceData(NamedTuple):
    """What a sheet is made of."""

    now_us: int
    states: str
    """Of all schools of the fleet."""
    alerts: Sequence[Alert]
    incidents: Sequence[Incident]
    newest: Mapping[tuple[int, str], NewestReading]
    """By school and metric."""
    figures: PlaceFigures | None
    """None where not all schools of the place are seen."""


class PlaceTerms(NamedTuple):
    """What a sheet is measured by."""

    office: Office
    plan: CityPlan
    coverage_min: float
    spans: Mapping[SpanKind, DaySpan]


def place_sheet(
    place: SchoolGroup, fleet: Fleet, data: PlaceData, terms: PlaceTerms, scribe: Scribe
) -> Sheet:
    """Return the sheet of a place; `fleet` is the part of the city that is seen."""
    maker = _Maker(place, fleet, data, terms, scribe)
    return Sheet(
        place.name,
        maker.about(),
        maker.way(),
        data.now_us,
        maker.positions,
        [maker.incidents(), maker.figures(), *maker.parts(), maker.schools()],
    )


def incident_table(
    incidents: Sequence[Incident], office: Office, now_us: int, scribe: Scribe, name: str = "incidents"
) -> SheetTable:
    """Return open incidents, the most urgent first."""
    rows = []
    for one in sorted(incidents, key=lambda i: (i.priority, -i.last_opened_at_us, i.incident_id)):
        words = incident_words(one, office, scribe.language, now_us)
        most = write_number(one.most_schools, scribe.language)
        cells = [
            SheetCell(f"P{one.priority}", priority=one.priority),
            SheetCell(words.name, href=f"/incidents/{one.incident_id}", note=words.what),
            scribe.number(one.schools, note=scribe.say("sheet.at_worst", n=most)),
            SheetCell(words.pupils),
            SheetCell(moment(one.opened_at_us, now_us, office, scribe), at_us=one.opened_at_us),
            SheetCell(words.who),
        ]
        rows.append(SheetRow(cells))
    columns = ("priority", "incident", "reach", "pupils", "since", "who")
    return scribe.table(name, columns, rows, numbers=("reach", "pupils"))


def figure_table(
    names: Sequence[FigureName],
    spans: Mapping[SpanKind, FigureSums],
    terms: PlaceTerms,
    through_us: int,
    scribe: Scribe,
) -> SheetTable:
    """Return figures of the day, the week and the term so far, beside target and coverage."""
    rows = []
    for name in names if spans else ():
        unit, target = DEFINITIONS[name].unit, terms.plan.figures.get(name)
        title = scribe.say(f"measure.{name.value}")
        cells = [SheetCell(title[:1].upper() + title[1:])]
        for kind, sums in spans.items():
            cells.append(figure_cell(name, sums, terms, terms.spans[kind].last, scribe))
        aim = SheetCell(UNKNOWN)
        if target is not None:
            told = written(target.on(terms.spans[SpanKind.DAY].last), unit, name)
            text = f"{told.words(scribe.language)} {scribe.say(told.unit)}"
            aim = SheetCell(text, told.number, told.decimals)
        rows.append(SheetRow([*cells, aim]))
    columns = ("figure", *(kind.value for kind in spans), "target") if spans else ("figure", "target")
    zone = terms.office.zone
    about = ""
    if through_us:
        about = scribe.say("sheet.through", at=write_clock(through_us, scribe.language, zone)[:5])
    numbers = [kind.value for kind in spans]
    return scribe.table("figures", columns, rows, numbers=(*numbers, "target"), about=about)


def figure_cell(
    name: FigureName, sums: FigureSums, terms: PlaceTerms, day: date, scribe: Scribe
) -> SheetCell:
    """Return a figure with its coverage; `day` is the one whose target it should reach."""
    figure = figure_of(name, sums, terms.coverage_min)
    covered = scribe.share(figure.known, figure.expected).text
    note = scribe.say("sheet.coverage", share=covered) if figure.expected else ""
    if figure.value is None:
        return SheetCell(UNKNOWN, note=note)
    told = written(figure.value, DEFINITIONS[name].unit, name)
    text = f"{told.words(scribe.language)} {scribe.say(told.unit)}"
    is_bad = misses(name, figure, terms.plan.figures.get(name), day)
    return SheetCell(text, told.number, told.decimals, note=note, is_bad=is_bad)


def moment(at_us: int, now_us: int, office: Office, scribe: Scribe) -> str:
    """Return a time of day, with its day where that is not today."""
    clock = write_clock(at_us, scribe.language, office.zone)[:5]
    day = write_date(at_us, scribe.language, office.zone)
    return clock if day == write_date(now_us, scribe.language, office.zone) else f"{day} {clock}"


class _Maker:
    def __init__(
        self, place: SchoolGroup, fleet: Fleet, data: PlaceData, terms: PlaceTerms, scribe: Scribe
    ) -> None:
        self._place, self._fleet, self._data = place, fleet, data
        self._terms, self._scribe = terms, scribe
        self.positions = [i for i, s in enumerate(fleet.schools) if place.has(s, fleet)]
        self._alerts: dict[int, int] = {}
        for alert in data.alerts:
            self._alerts[alert.school_id] = self._alerts.get(alert.school_id, 0) + 1

    def about(self) -> str:
        schools = [self._fleet.schools[i] for i in self.positions]
        language = self._scribe.language
        pupils = write_number(sum(s.pupils for s in schools), language)
        n = write_number(len(schools), language)
        return self._scribe.say(f"sheet.about_{self._place.kind.value}", n=n, pupils=pupils)

    def way(self) -> list[SheetCell]:
        steps = [SheetCell(self._scribe.say("leadership.city"), href="/")]
        if self._place.scope:
            cluster = self._fleet.cluster_by_code[self._place.scope]
            steps.append(SheetCell(cluster.name, href=area_address(cluster.code)))
        return [*steps, SheetCell(self._place.name)]

    def incidents(self) -> SheetTable:
        return incident_table(self._data.incidents, self._terms.office, self._data.now_us, self._scribe)

    def figures(self) -> SheetTable:
        found = self._data.figures
        spans = {} if found is None else found.spans
        return figure_table(FIGURES, spans, self._terms, found.through_us if found else 0, self._scribe)

    def parts(self) -> list[SheetTable]:
        """Return what stands side by side within the place, the worst first."""
        kinds = {GroupKind.ISP: (GroupKind.CLUSTER,), GroupKind.CLUSTER: (GroupKind.WARD, GroupKind.ISP)}
        return [self._part(kind) for kind in kinds.get(self._place.kind, ())]

    def _part(self, kind: GroupKind) -> SheetTable:
        schools: dict[str, list[int]] = {}
        for i in self.positions:
            schools.setdefault(self._member(self._fleet.schools[i], kind), []).append(i)
        inner = {} if self._data.figures is None else self._data.figures.inner.get(kind, {})
        rows = [self._part_row(kind, code, own, inner.get(code)) for code, own in schools.items()]
        rows.sort(key=lambda row: (-(row.cells[2].value or 0.0), row.cells[0].text))
        columns = ("name", "schools", "troubled", *(figure.value for figure in PART_FIGURES))
        about = self._scribe.say("sheet.part_about")
        return self._scribe.table(kind.value, columns, rows, numbers=columns[1:], about=about)

    def _part_row(self, kind: GroupKind, code: str, own: list[int], sums: FigureSums | None) -> SheetRow:
        fleet, scribe = self._fleet, self._scribe
        name, address = code, provider_address(code)
        if kind is not GroupKind.ISP:
            address = area_address(code)
            is_ward = kind is GroupKind.WARD
            name = fleet.ward_by_code[code].short_name if is_ward else fleet.cluster_by_code[code].name
        troubled = sum(self._data.states[i] in "123" for i in own)
        dark = sum(self._data.states[i] == STATE_UNKNOWN for i in own)
        note = scribe.say("sheet.dark", n=write_number(dark, scribe.language)) if dark else ""
        cells = [SheetCell(name, href=address), scribe.number(len(own)), scribe.number(troubled, note=note)]
        day = self._terms.spans[SpanKind.WEEK].last
        told = sums or FigureSums()
        figures = [figure_cell(name, told, self._terms, day, scribe) for name in PART_FIGURES]
        return SheetRow([*cells, *figures])

    def _member(self, school: School, kind: GroupKind) -> str:
        if kind is GroupKind.ISP:
            return school.isp
        ward = self._fleet.ward_by_code[school.ward_code]
        return ward.code if kind is GroupKind.WARD else ward.cluster_code

    def schools(self) -> SheetTable:
        """Return the schools, those in trouble first."""
        states = self._data.states
        own = sorted(
            self.positions, key=lambda i: (_WORST_FIRST.find(states[i]), self._fleet.schools[i].name, i)
        )
        columns = ("state", "school", "ward", "isp", "pupils", "contracted", "measured", "heard", "alerts")
        numbers = ("pupils", "contracted", "measured", "alerts")
        rows = [self._school(i) for i in own]
        return self._scribe.table("schools", columns, rows, numbers=numbers, is_main=True)

    def _school(self, position: int) -> SheetRow:
        school, scribe = self._fleet.schools[position], self._scribe
        ward = self._fleet.ward_by_code[school.ward_code]
        state = self._data.states[position]
        measured = self._data.newest.get((school.id, "down_bps"))
        heard = [r for name in LINE_METRICS if (r := self._data.newest.get((school.id, name))) is not None]
        last = max((r.time_us for r in heard), default=None)
        cells = [
            state_cell(state, scribe),
            SheetCell(
                school.name,
                href=f"/school/{quote(school.code)}",
                note=f"{school.code} · {scribe.say(f'level.{school.level.value}')}",
            ),
            SheetCell(ward.short_name, href=area_address(ward.code)),
            SheetCell(school.isp, href=provider_address(school.isp)),
            scribe.number(school.pupils),
            scribe.number(school.contracted_down_bps / 1e6),
            _measured(measured, scribe),
            SheetCell(UNKNOWN if last is None else self._clock(last), at_us=last),
            scribe.number(self._alerts.get(school.id, 0)),
        ]
        return SheetRow(cells, state, position)

    def _clock(self, at_us: int) -> str:
        return moment(at_us, self._data.now_us, self._terms.office, self._scribe)


def state_cell(state: str, scribe: Scribe) -> SheetCell:
    """Return the state of a school in a word."""
    priority = int(state) if state in "123" else None
    return SheetCell(scribe.say(f"state.p{state}" if priority else f"state.{state}"), priority=priority)


def _measured(reading: NewestReading | None, scribe: Scribe) -> SheetCell:
    if reading is None or not np.isfinite(reading.value):
        return SheetCell(UNKNOWN)
    value = reading.value / 1e6
    return SheetCell(write_number(value, scribe.language, 1), value, 1, at_us=reading.time_us)
