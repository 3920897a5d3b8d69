"""The calendar of duty: days of two weeks, the page, and the file to subscribe to."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar

from alerting.routing.duty import DutyTurn, duty_turns
from alerting.routing.duty_file import write_duty
from alerting.routing.swaps import with_swaps
from config.files import shipped_texts
from contract.routing.contact import DAY_US, Rota
from contract.routing.routes_file import parse_routes
from contract.routing.swap import Swap
from contract.texts import Language
from ops_dashboard.pages.oncall import oncall_page
from ops_dashboard.view.oncall import DAYS, rota_weeks, rotas_of, told_swaps

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ROUTES = """
[[person]]
name = "An"
channels = ["inbox://"]
[[person]]
name = "Bình"
channels = ["inbox://"]
[[rota]]
name = "crew"
[[rota.layer]]
people = ["An"]
handover = 2026-11-02T08:00:00
period = "7d"
[[rota.layer]]
people = ["Bình"]
handover = 2026-11-02T18:00:00
period = "1d"
from = 18:00:00
to = 07:00:00
weekdays = [0, 1, 2, 3, 4]
[[rota.override]]
person = "An"
from = 2026-11-27T20:00:00
to = 2026-11-28T02:00:00
[[route]]
name = "everything"
contacts = ["crew"]
"""


def us(at: str) -> int:
    return round(datetime.fromisoformat(at).replace(tzinfo=ZONE).timestamp() * 1e6)


def crew() -> Rota:
    (found,) = rotas_of(parse_routes(ROUTES))
    return found


def test_a_day_has_the_pieces_of_its_turns() -> None:
    weeks = rota_weeks(crew(), us("2026-11-27T19:00:00"), ZONE)
    assert (weeks.now.on_duty.person, weeks.now.to_us) == ("Bình", us("2026-11-27T20:00:00"))
    assert weeks.following is not None
    assert (weeks.following.on_duty.person, weeks.following.on_duty.override) == ("An", True)
    friday, saturday, sunday = weeks.days[:3]
    assert [
        (p.person, (p.to_us - p.from_us) // 3_600_000_000, p.override, p.is_now) for p in friday.pieces
    ] == [
        ("Bình", 7, False, False),
        ("An", 11, False, False),
        ("Bình", 2, False, True),
        ("An", 4, True, False),
    ]
    assert [p.person for p in saturday.pieces] == ["An", "Bình", "An"]
    assert [(p.person, p.is_whole_day) for p in sunday.pieces] == [("An", True)]
    assert [day.weekday for day in weeks.days[:4]] == [4, 5, 6, 0]
    assert len(weeks.days) == DAYS
    for day in weeks.days:
        assert sum(piece.to_us - piece.from_us for piece in day.pieces) == DAY_US


def test_the_page_says_who_and_until_when_and_reloads_then() -> None:
    weeks = rota_weeks(crew(), us("2026-11-27T19:00:00"), ZONE)
    page: Any = oncall_page(shipped_texts(), Language.EN, [weeks], ZONE)
    page = page.to_plotly_json()
    assert page["props"]["data-until"] == str(us("2026-11-27T20:00:00"))
    written = json.dumps(page, default=lambda part: part.to_plotly_json(), ensure_ascii=False)
    for word in (
        "Hands over at 20:00 27 Nov 2026 to An",
        "20:00–24:00",
        "All day",
        "override",
        "?person=B%C3%ACnh",
    ):
        assert word in written, word


def test_swaps_are_shown_with_who_made_them_and_what_they_do() -> None:
    now_us = us("2026-11-27T19:00:00")
    made = Swap("a", "crew", "An", now_us, us("2026-11-27T20:00:00"), "Lan", "Bình ốm", now_us)
    gone = Swap("b", "crew", "Chi", now_us, us("2026-11-29T00:00:00"), "Lan", "đi vắng", now_us)
    file = parse_routes(ROUTES)
    (rota,) = rotas_of(with_swaps(file, [made, gone]))
    weeks, told = rota_weeks(rota, now_us, ZONE), told_swaps([made, gone], file, now_us)
    for people, ends in ((["An", "Bình"], 2), ([], 0)):
        page: Any = oncall_page(shipped_texts(), Language.EN, [weeks], ZONE, told, people)
        written = json.dumps(
            page.to_plotly_json(), default=lambda part: part.to_plotly_json(), ensure_ascii=False
        )
        for word in ("swapped by Lan", "In force", "Lan: Bình ốm", "Does nothing", "no longer has this rota"):
            assert word in written, word
        assert written.count('"data-swap"') == ends
        assert ('"swap-new"' in written) is bool(people)


def test_without_a_rota_the_page_says_how_to_write_one() -> None:
    page: Any = oncall_page(shipped_texts(), Language.EN, [], ZONE)
    assert "no rota" in json.dumps(page.to_plotly_json(), default=lambda part: part.to_plotly_json())


def test_a_file_without_turns_is_a_calendar_too() -> None:
    made_us = us("2026-11-27T00:00:00")
    empty: tuple[dict[str, list[DutyTurn]], ...] = ({}, {"crew": []})
    for turns in empty:
        file = Calendar.from_ical(write_duty(turns, {"crew": "On call, crew"}, made_us, ZONE))
        assert [part.name for part in file.subcomponents] == ["VTIMEZONE"]  # RFC 5545, 3.6: one at least


def test_the_file_has_an_event_a_turn_and_says_the_same_turn_by_the_same_id() -> None:
    turns = duty_turns(crew(), us("2026-11-27T00:00:00"), us("2026-11-29T00:00:00"))
    files = [
        Calendar.from_ical(
            write_duty({"crew": some}, {"crew": "On call, crew"}, us("2026-11-27T00:00:00"), ZONE)
        )
        for some in (turns, turns[1:])
    ]
    events, fewer = (file.walk("VEVENT") for file in files)
    assert [(e.decoded("DTSTART"), e.decoded("DTEND")) for e in events] == [
        (datetime.fromtimestamp(t.from_us / 1e6, ZONE), datetime.fromtimestamp(t.to_us / 1e6, ZONE))
        for t in turns
    ]
    assert [str(e["SUMMARY"]) for e in events][:2] == ["On call, crew: Bình", "On call, crew: An"]
    ids = [str(e["UID"]) for e in events]
    assert len(set(ids)) == len(turns)
    assert [str(e["UID"]) for e in fewer] == ids[1:]
