"""Sheets: what a place shows, what is chosen of it, and that page and file say the same."""

import csv
import io
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest

from alerting.incidents.groups import Groups
from alerting.messages.story import Office
from config.files import shipped_texts
from contract.access.area import Area, narrow_fleet
from contract.alert import Alert
from contract.catalogue import Catalogue
from contract.figures.definitions import FigureName
from contract.figures.plan import CityPlan, PlanTarget
from contract.figures.spans import DaySpan, SpanKind
from contract.figures.sums import FigureSums, GroupKind
from contract.fleet import Fleet
from contract.texts import Language
from ops_dashboard.view.desk.lists import ListChoice, alert_list
from ops_dashboard.view.desk.places import (
    NewestReading,
    PlaceData,
    PlaceFigures,
    PlaceTerms,
    SchoolGroup,
    area_place,
    place_sheet,
    provider_place,
)
from ops_dashboard.view.desk.sheet import MOST_ROWS, Scribe, Sheet, SheetChoice, SheetTable, chosen, sheet_csv
from ops_dashboard.view.leadership.tables import TableForm

NOW_US = 1_795_400_000_000_000
DAY = date(2026, 11, 23)
SUMS = FigureSums(scheduled_min=1000.0, up_min=900.0, lost_min=90.0, pupils=10.0, lost_pupil_min=1234.0)


def made(
    fleet: Fleet, catalogue: Catalogue, place: SchoolGroup, *, figures: bool = True, states: str = ""
) -> Sheet:
    spans = {kind: DaySpan(DAY, DAY) for kind in SpanKind}
    plan = CityPlan({FigureName.AVAILABILITY: PlanTarget(0.99, "plan")}, {})
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    office = Office(Groups(fleet), catalogue, {}, shipped_texts(), zone, "")
    school = next(s for s in fleet.schools if place.has(s, fleet))
    alert = Alert("a" * 16, "wan_down", 1, school.id, 1, NOW_US, NOW_US, 0.0, None, None, None, school.pupils)
    data = PlaceData(
        NOW_US,
        states or "n" * len(fleet.schools),
        [alert],
        [],
        {(school.id, "down_bps"): NewestReading(NOW_US - 5_000_000, 42.5e6)},
        PlaceFigures(dict.fromkeys(SpanKind, SUMS), {}, NOW_US) if figures else None,
    )
    return place_sheet(
        place, fleet, data, PlaceTerms(office, plan, 0.8, spans), Scribe(shipped_texts(), Language.VI)
    )


def table_of(sheet: Sheet, name: str) -> SheetTable:
    return next(table for table in sheet.tables if table.name == name)


def cells(table: SheetTable, column: str) -> list[str]:
    place = [c.name for c in table.columns].index(column)
    return [row.cells[place].text for row in table.rows]


@pytest.mark.parametrize("kind", [GroupKind.ISP, GroupKind.CLUSTER, GroupKind.WARD])
def test_a_place_shows_its_schools_and_no_other(city: Fleet, catalogue: Catalogue, kind: GroupKind) -> None:
    school = city.schools[0]
    ward = city.ward_by_code[school.ward_code]
    names = {GroupKind.CLUSTER: ward.cluster_code, GroupKind.WARD: ward.code}
    place = provider_place(school.isp, city) if kind is GroupKind.ISP else area_place(names[kind], city)
    assert place is not None
    assert place.kind is kind
    sheet = made(city, catalogue, place)
    own = [s.name for s in city.schools if place.has(s, city)]
    assert sorted(cells(table_of(sheet, "schools"), "school")) == sorted(own)
    assert [city.schools[i].name for i in sheet.schools] == own
    measured = table_of(sheet, "schools")
    assert "42,5" in cells(measured, "measured")
    told = next(row for row in measured.rows if row.school == city.schools.index(school))
    assert [cell.at_us for cell in told.cells if cell.at_us] == [NOW_US - 5_000_000] * 2


def test_a_figure_says_its_coverage_and_that_it_misses_its_target(city: Fleet, catalogue: Catalogue) -> None:
    place = area_place(city.clusters[0].code, city)
    assert place is not None
    row = table_of(made(city, catalogue, place), "figures").rows[0]
    assert (row.cells[1].text, row.cells[1].note, row.cells[1].is_bad) == ("90,91 %", "phủ 99,0 %", True)
    assert row.cells[4].text == "99,00 %"
    untold = table_of(made(city, catalogue, place, figures=False), "figures")
    assert (untold.rows, "khu vực của bạn" in untold.nothing) == ([], True)


def test_the_worst_school_stands_first_and_rows_are_chosen(city: Fleet, catalogue: Catalogue) -> None:
    isp = city.schools[-1].isp
    place = provider_place(isp, city)
    assert place is not None
    states = ["n"] * len(city.schools)
    states[-1] = "1"
    sheet = made(city, catalogue, place, states="".join(states))
    everything = table_of(sheet, "schools")
    assert everything.rows[0].school == len(city.schools) - 1
    hit = table_of(chosen(sheet, SheetChoice(state="1")), "schools")
    assert [row.school for row in hit.rows] == [len(city.schools) - 1]
    named = table_of(chosen(sheet, SheetChoice(text=city.schools[-1].code)), "schools")
    assert (named.count, named.rows) == (1, hit.rows)
    pupils = [
        row.cells[4].value for row in table_of(chosen(sheet, SheetChoice(sort="-pupils")), "schools").rows
    ]
    assert pupils == sorted(pupils, key=lambda n: -(n or 0.0))
    measured = table_of(chosen(sheet, SheetChoice(sort="measured")), "schools")
    assert measured.rows[0].cells[6].value == 42.5  # the unknown ones stand last, whichever way
    many = msgspec.structs.replace(everything, rows=everything.rows * 20)
    long = chosen(msgspec.structs.replace(sheet, tables=[many]), SheetChoice()).tables[0]
    assert (len(long.rows), long.count) == (MOST_ROWS, len(many.rows))


def test_page_and_file_say_the_same(city: Fleet, catalogue: Catalogue) -> None:
    place = provider_place(city.schools[0].isp, city)
    assert place is not None
    table = table_of(made(city, catalogue, place), "figures")
    plain = list(csv.reader(io.StringIO(sheet_csv(table, TableForm.PLAIN))))
    excel = list(csv.reader(io.StringIO(sheet_csv(table, TableForm.EXCEL)), delimiter=";"))
    assert plain[0] == [column.title for column in table.columns]
    assert plain[1][1] == "90.91"
    assert excel[1][1] == "90,91"
    assert len(plain) == len(excel) == 1 + len(table.rows)


def test_beyond_an_area_there_is_no_place(city: Fleet) -> None:
    school = city.schools[0]
    own = narrow_fleet(city, Area(schools=(school.code,)))
    foreign = next(w for w in city.wards if w.code != school.ward_code)
    assert area_place(foreign.code, own) is None
    assert area_place(school.ward_code, own) is not None
    others = {s.isp for s in city.schools} - {school.isp}
    assert others
    assert all(provider_place(isp, own) is None for isp in others)


def test_a_list_of_alerts_is_chosen_as_on_its_page(city: Fleet, catalogue: Catalogue) -> None:
    office = Office(Groups(city), catalogue, {}, shipped_texts(), ZoneInfo("Asia/Ho_Chi_Minh"), "")
    found = [
        Alert(f"{n:016x}", rule, n, city.schools[n].id, priority, NOW_US, NOW_US, 1.5, None, None, None, 9)
        for n, (rule, priority) in enumerate([("wan_down", 1), ("latency_high", 2), ("wan_down", 3)])
    ]
    found[2] = msgspec.structs.replace(found[2], resolved_at_us=NOW_US)

    silenced_us = {found[1].alert_id: NOW_US}

    def ids(**choice: str) -> list[str]:
        chosen, scribe = ListChoice(**choice), Scribe(shipped_texts(), Language.EN)
        table = alert_list(found, silenced_us, chosen, office, city, scribe)
        return cells(table, "id")

    assert ids() == [found[0].alert_id, found[1].alert_id]
    assert ids(state="resolved") == [found[2].alert_id]
    assert ids(state="silenced") == [found[1].alert_id]
    assert ids(rule="latency_high") == ids(priority="2") == [found[1].alert_id]
    assert ids(text=f"{city.schools[0].code}") == ids(rule="wan_down") == [found[0].alert_id]
    assert ids(isp="none") == []
