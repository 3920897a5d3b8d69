"""A school's page: how it is in a sentence, its devices, its neighbours, its line, its alerts, its charts."""

import json
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from msgspec.structs import replace
from plotly.utils import PlotlyJSONEncoder

from alerting.incidents.groups import Groups
from alerting.messages.story import Office
from config.files import shipped_texts
from contract.alert import Alert
from contract.fleet import DeviceKind, Fleet, Former
from contract.incident import Cause, CauseKind, Incident, IncidentState
from contract.rejected import Reason, RefusalDetail, write_detail
from contract.rule import parse_rules
from contract.texts import Language
from ops_dashboard.charts.marks import PAGE
from ops_dashboard.charts.plots import HOLE_RAW_US, Chart, Window, plot
from ops_dashboard.charts.school_charts import PLANS, SchoolCharts, fill_plan
from ops_dashboard.pages.plots.school import school_charts
from ops_dashboard.pages.plots.writer import PlotWriter
from ops_dashboard.pages.prerender import prerender
from ops_dashboard.view.desk.school import LineWeeks, ReceivedKind, SchoolData, school_sheet
from ops_dashboard.view.desk.sheet import Scribe, Sheet, SheetRow
from ops_dashboard.view.desk.waiting import waiting_devices
from storage.wall import RefusedSender
from tests.fold_world import CALENDAR, CATALOGUE, MONDAY_9H_US, RULES, series_named, small_fleet
from tests.outbox import incident_of, resolved

NOW_US = MONDAY_9H_US
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
RULES_OF = {rule.name: rule for rule in parse_rules(RULES, CATALOGUE)}


def alert(rule: str = "wan_down", metric: str = "online", ago: int = 28, over: int | None = None) -> Alert:
    return Alert(
        alert_id=f"{ago:016x}",
        rule=rule,
        series=series_named(1, metric),
        school_id=1,
        priority=2,
        opened_at_us=NOW_US - ago * MINUTE_US,
        detected_at_us=NOW_US,
        value=-25_200.0,
        expected_low=None,
        expected_high=None,
        score=None,
        pupils=100,
        resolved_at_us=None if over is None else NOW_US - over * MINUTE_US,
    )


def told(*alerts: Alert, fleet: Fleet | None = None, states: str = "nnnn", **more: Any) -> Sheet:
    fleet = fleet or small_fleet()
    data = SchoolData(
        NOW_US,
        states,
        alerts,
        [],
        {1: NOW_US - 10_000_000, 2: NOW_US - HOUR_US, 3: NOW_US - HOUR_US},
        {1: 120_000_000, 3: 600_000_000},
        {},
        0.0,
        [ReceivedKind(DeviceKind.GATEWAY, 336, 360)],
    )
    office = Office(Groups(fleet), CATALOGUE, RULES_OF, shipped_texts(), ZONE, "")
    school = small_fleet().schools[0]
    return school_sheet(school, fleet, data._replace(**more), office, Scribe(shipped_texts(), Language.EN))


def said(sheet: Sheet) -> str:
    assert sheet.verdict is not None
    return f"{sheet.verdict.text} {sheet.verdict.note}".strip()


def rows(sheet: Sheet, name: str) -> list[SheetRow]:
    return next(table for table in sheet.tables if table.name == name).rows


def test_how_it_is_stands_first() -> None:
    assert said(told()).startswith("Well:")
    assert said(told(states="mnnn")).startswith("Under announced maintenance")
    assert said(told(states="unnn")) == f"Unknown: last heard at {'08:59'}."
    assert "two days" in said(told(states="unnn", heard={}))


def test_trouble_says_since_when_and_whether_it_is_alone() -> None:
    one = told(alert(), states="2nnn")
    assert said(one) == f"{RULES_OF['wan_down'].title_en} since 08:32. This school alone."
    assert one.verdict is not None
    assert one.verdict.href.startswith("/alerts?alert=")
    assert "And 1 more." in said(told(alert(), alert("clock_wrong", "down_bps", 5), states="2nnn"))
    assert said(told(alert(over=3))).startswith("Well:")


def test_trouble_that_others_share_leads_to_what_it_is_part_of() -> None:
    shared = Incident(
        "c" * 16, IncidentState.OPEN, Cause(CauseKind.ISP, "isp"), "wan_down", ("wan_down",), ("wan_down",),
        1, 1, 3, 4, 3, 3, 4, 900, 950, 70, 200, NOW_US, NOW_US, NOW_US,
    )  # fmt: skip
    sheet = told(alert(), states="2nnn", incidents=[shared])
    assert sheet.verdict is not None
    assert sheet.verdict.href == f"/incidents/{'c' * 16}"
    assert "(schools: 3)" in said(sheet)
    assert len(rows(sheet, "incidents")) == 1


def test_a_school_that_is_no_more_says_where_it_went() -> None:
    whole = small_fleet()
    rest = Fleet(
        whole.province,
        whole.clusters,
        whole.wards,
        whole.schools[1:],
        whole.devices[3:],
        former=(Former(whole.schools[0], NOW_US, 2),),
    )
    sheet = told(fleet=rest, states="nnn")
    assert said(sheet) == "Since 23 Nov 2026 this school is part of Trường 2."
    assert sheet.verdict is not None
    assert sheet.verdict.href == "/school/79000002"
    assert (sheet.schools, rows(sheet, "own_devices")) == ([], [])


def test_a_school_whose_keeper_merged_too_leads_to_who_is_there() -> None:
    whole = small_fleet()
    former = (Former(whole.schools[0], NOW_US, 2), Former(whole.schools[1], NOW_US, 3))
    rest = Fleet(whole.province, whole.clusters, whole.wards, whole.schools[2:], whole.devices[6:], former)
    sheet = told(fleet=rest, states="nn")
    assert sheet.verdict is not None
    assert sheet.verdict.href == "/school/79000003"


def test_a_device_that_says_nothing_any_more_is_silent_and_a_register_is_not() -> None:
    states = [row.cells[1].text for row in rows(told(), "own_devices")]
    assert states == ["works", "works", "silent"]
    assert [row.cells[1].text for row in rows(told(heard={}), "own_devices")] == ["not heard"] * 3


def test_nobody_is_to_be_called_about_a_register_that_is_not_due_yet() -> None:
    gateway, register, _ = rows(told(heard={}, waiting=frozenset({2})), "own_devices")
    assert [(cell.text, cell.is_bad) for cell in (gateway.cells[1], register.cells[1])] == [
        ("not heard", True),
        ("waits for a session", False),
    ]
    assert "installed" in gateway.cells[4].text
    assert register.cells[4].text == "–"


@pytest.mark.parametrize(
    ("local", "any_came", "waits"),
    [
        (time(9), True, False),  # Tuesday's sessions are over, and within two days
        (time(9), False, True),  # the center began today
        (time(6), True, False),
    ],
)
def test_a_register_is_waited_for_once_a_session_is_over(local: time, any_came: bool, waits: bool) -> None:
    now_us = CALENDAR.moment_us(date(2026, 11, 18), local)
    found = waiting_devices(small_fleet(1), CALENDAR, now_us, 48 * HOUR_US, any_came=any_came)
    assert found == ({2} if waits else set())


def test_on_a_monday_morning_no_register_is_missed() -> None:
    monday_us = CALENDAR.moment_us(date(2026, 11, 23), time(7, 30))
    assert waiting_devices(small_fleet(1), CALENDAR, monday_us, 48 * HOUR_US, any_came=True) == {2}


def test_a_wrong_clock_stands_beside_its_device() -> None:
    gateway, register, _ = rows(told(alert("clock_wrong", "down_bps"), states="2nnn"), "own_devices")
    assert gateway.cells[3].text == "clock 7 h behind"
    assert gateway.cells[3].href.startswith("/alerts?alert=")
    assert register.cells[3].text == "–"
    assert "behind" not in rows(told(alert("clock_wrong", over=1)), "own_devices")[0].cells[3].text


def test_a_chronic_device_says_since_which_day() -> None:
    gateway, *_ = rows(told(alert("chronic_line"), states="cnnn"), "own_devices")
    assert gateway.cells[3].text == "chronic since 23 Nov 2026"


def test_neighbours_are_counted_without_the_school_itself() -> None:
    found = rows(told(alert(), states="21un"), "neighbours")
    assert [[cell.text for cell in row.cells[1:]] for row in found] == [["3", "1", "1"]] * 3
    assert rows(told(fleet=small_fleet(1), states="n"), "neighbours") == []


def test_the_line_is_told_beside_its_contract() -> None:
    lines = {"down_bps": LineWeeks(np.array([20e6, 30e6, 40e6]), 55e6)}
    sheet = told(lines=lines, bad_min=15.0)
    assert [cell.text for cell in rows(sheet, "line")[0].cells] == ["Down", "100", "30.0", "21.0", "55.0"]
    about = next(table.about for table in sheet.tables if table.name == "line")
    assert "15 of 45 minutes" in about
    assert rows(told(), "line") == []


def test_what_came_is_told_beside_what_was_due() -> None:
    (row,) = rows(told(), "received")
    assert (row.cells[1].text, row.cells[1].note) == ("93.3 %", "336/360")


def test_what_was_refused_is_told_in_the_readers_words_to_whom_it_is_for() -> None:
    detail = write_detail(RefusalDetail.AHEAD, metric="down_bps", claimed="1795430000", s=25_200)
    topic = "edu/v1/79/79000001/gw-1/bandwidth"
    sender = RefusedSender("79000001", "gw-1", Reason.FUTURE_TIME, 212, NOW_US, topic, detail)
    (row,) = rows(told(refused=[sender]), "refused")
    assert row.cells[2].text == "down_bps claims time 1795430000 s, 25,200 s ahead of its arrival"
    assert (row.cells[1].href, row.cells[3].text) == ("/quarantine?reason=future_time", "212")
    assert all(table.name != "refused" for table in told(refused=None).tables)
    present = write_detail(RefusalDetail.NOT_WITHIN, value="present 31", low="0", high="30")
    private = sender._replace(topic="edu/v1/79/79000001/att-1/attendance", detail=present)
    assert rows(told(refused=[private]), "refused")[0].cells[2].text == "present is not within 0 to 30"


def test_incidents_before_say_how_long_and_who_had_them() -> None:
    over = resolved(incident_of(1, Cause(CauseKind.SCHOOL, school_id=1), assignee="Lan"))
    (row,) = rows(told(past=[over]), "past")
    assert row.cells[0].href == f"/incidents/{over.incident_id}"
    assert [cell.text for cell in row.cells[2:]] == ["20", "Lan"]


def test_open_alerts_come_first_and_say_how_long() -> None:
    found = rows(told(alert(ago=5, over=1), alert(ago=28), states="2nnn"), "alerts")
    assert [(row.state, row.cells[2].text, row.cells[4].text) for row in found] == [
        ("2", "Not acknowledged", "28"),
        ("", "Resolved", "4"),
    ]


@pytest.mark.parametrize("language", Language)
def test_charts_stand_in_the_document_with_what_lies_across_them(language: Language) -> None:
    texts, school = shipped_texts(), small_fleet().schools[0]
    window = Window(NOW_US - HOUR_US, NOW_US, HOLE_RAW_US)
    charts = [fill_plan(p, school, CATALOGUE, {}, "raw", texts, language) for p in PLANS]
    drawn = [(chart, plot(chart, window, language, PAGE)) for chart in charts]
    section = school_charts(
        texts, language, school.code, SchoolCharts(window, drawn, [alert()]), [*RULES_OF.values()], ZONE
    )
    html = prerender(section)
    assert html.count("<svg") == len(PLANS)
    assert html.count("plot-span") == len(PLANS)
    assert "left: min(53.33%, calc(100% - 4px)); width: 46.67%" in html
    assert f"/alerts?alert={alert().alert_id}" in html
    assert all(f">{at}</span>" in html for at in ("08:10", "08:50"))
    assert f'aria-label="{texts.say("figure.latency", language)}' in html
    assert "data-svg" in json.dumps(section, cls=PlotlyJSONEncoder)


def test_a_line_that_was_there_for_a_part_of_the_time_says_for_how_much() -> None:
    window = Window(NOW_US - HOUR_US, NOW_US, HOLE_RAW_US)
    online = Chart("online", "", [], words=("mất", "có"))
    writer = PlotWriter(shipped_texts(), Language.VI, window, ZONE)
    assert [writer.value(online, share, 0) for share in (0.0, 0.9, 1.0, None)] == [
        "mất",
        "có 90 %",
        "có",
        "–",
    ]


def test_an_alert_that_began_before_is_cut_at_the_edge() -> None:
    window = Window(NOW_US - HOUR_US, NOW_US, HOLE_RAW_US)
    long = replace(alert(), opened_at_us=NOW_US - 5 * HOUR_US)
    drawn = SchoolCharts(window, [], [long])
    html = prerender(school_charts(shipped_texts(), Language.EN, "1", drawn, [], ZONE))
    assert "left: min(0.00%, calc(100% - 4px)); width: 100.00%" in html
