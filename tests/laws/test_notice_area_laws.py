"""Somebody with an account is told what it may see: nothing beyond its area changes a word of it."""

import dataclasses
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerting.incidents.area_view import AreaView
from alerting.incidents.groups import GROUP_KINDS, Groups, cause_of, covers_school
from alerting.messages.story import Office, Story
from alerting.messages.webhook import webhook_body
from alerting.messages.wording import MessageForm, write_notice
from config.files import shipped_texts
from contract.access.area import CITY, Area
from contract.alert import Alert
from contract.catalogue import parse_catalogue
from contract.fleet import School
from contract.incident import Cause, CauseKind, Incident, IncidentState
from contract.routing.notice import Notice, NoticeReason
from contract.rule import parse_rules
from contract.texts import Language
from device_simulator.world.fleet import generate_fleet
from tests.laws.test_access_laws import AREAS

FLEET = generate_fleet(schools=30)
MINUTE_US = 60_000_000
NOW_US = 1_795_700_000_000_000
RULES = ("wan_down", "latency_high", "attendance_low")


@cache
def office() -> Office:
    """What every message needs."""

    def packaged(name: str) -> str:
        return (files("config") / name).read_text(encoding="utf-8")

    catalogue = parse_catalogue(packaged("metrics.toml"))
    rules = {rule.name: rule for rule in parse_rules(packaged("rules.toml"), catalogue)}
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    return Office(Groups(FLEET), catalogue, rules, shipped_texts(), zone, "http://wall.example")


@st.composite
def alerts_of(draw: st.DrawFn, school: School) -> list[Alert]:
    """Draw the alerts of a school in an incident, open and over."""
    return [
        Alert(
            alert_id=f"{school.id:08x}{number:08x}",
            rule=draw(st.sampled_from(RULES)),
            series=number,
            school_id=school.id,
            priority=draw(st.integers(1, 3)),
            opened_at_us=NOW_US - draw(st.integers(2, 90)) * MINUTE_US,
            detected_at_us=NOW_US,
            value=0.0,
            expected_low=0.5,
            expected_high=None,
            score=None,
            pupils=draw(st.sampled_from([0, 3, 40, school.pupils])),
            acknowledged_at_us=draw(st.sampled_from([None, NOW_US - MINUTE_US])),
            resolved_at_us=draw(st.none() | st.integers(0, 1).map(lambda m: NOW_US - m * MINUTE_US)),
        )
        for number in range(draw(st.integers(0, 2)))
    ]


@st.composite
def incidents(draw: st.DrawFn) -> tuple[Incident, dict[int, list[Alert]]]:
    """Draw an incident of several schools and its alerts, by school."""
    school = draw(st.sampled_from(FLEET.schools))
    cause = cause_of(school, draw(st.sampled_from(GROUP_KINDS)), FLEET)
    met = [s for s in FLEET.schools if covers_school(cause, s, FLEET)]
    own = {s.id: found for s in met if (found := draw(alerts_of(s)))}
    assume(own)
    every = [alert for found in own.values() for alert in found]
    rules = tuple(sorted({alert.rule for alert in every}))
    state = draw(st.sampled_from([IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.RESOLVED]))
    over_us = NOW_US if state is IncidentState.RESOLVED else None
    return Incident(
        "f" * 16, state, cause, rules[0], rules, rules, 1, 1, len(every), len(every), 0, len(own), len(own),
        5000, 5500, 70, NOW_US, NOW_US - 99 * MINUTE_US, NOW_US - 99 * MINUTE_US, NOW_US,
        quiet_at_us=over_us, ended_at_us=over_us,
    ), own  # fmt: skip


def said(area: Area, incident: Incident, alerts: list[Alert]) -> list[object] | None:
    """Return all that somebody of an area may be sent of an incident; None for nothing."""
    view, here = AreaView(FLEET, area), office()
    part = view.told(incident, alerts)
    if part is None:
        return None
    story, own = Story(*part), dataclasses.replace(here, groups=Groups(view.fleet))
    found: list[object] = []
    for reason in (NoticeReason.OPENED, NoticeReason.DIGEST):
        notice = Notice("key", incident.incident_id, "An", "An", reason, 1, NOW_US, "all", 1, ())
        for language in Language:
            texts = [write_notice(notice, (), [story], own, form, language) for form in MessageForm]
            found += [*texts, webhook_body(notice, [story], own, texts[0], language)]
    return found


@given(incidents(), AREAS, st.data())
def test_what_lies_beyond_an_area_changes_no_word(
    drawn: tuple[Incident, dict[int, list[Alert]]], area: Area, data: st.DataObject
) -> None:
    incident, by_school = drawn
    view = AreaView(FLEET, area)
    assume(area != CITY and not view.covers(incident))
    here = [alert for key, own in by_school.items() if view.has(key) for alert in own]
    there = [alert for key, own in by_school.items() if not view.has(key) for alert in own]
    kept = data.draw(st.lists(st.sampled_from(there), unique=True)) if there else []
    other = replace(
        incident,
        priority=3,
        worst_priority=data.draw(st.integers(1, 3)),
        alerts=7,
        schools=data.draw(st.integers(1, 30)),
        most_schools=30,
        pupils=1,
        most_pupils=data.draw(st.integers(0, 99_999)),
        opened_at_us=NOW_US - 999 * MINUTE_US,
    )
    told = said(area, incident, [*here, *there])
    assert told == said(area, other, [*kept, *here])
    names = {s.name for s in FLEET.schools if not view.has(s.id)} - {s.name for s in view.fleet.schools}
    assert not [name for name in names if name in repr(told)]


@given(incidents(), AREAS)
def test_nothing_is_told_of_what_is_elsewhere_or_over_here(
    drawn: tuple[Incident, dict[int, list[Alert]]], area: Area
) -> None:
    incident, by_school = drawn
    view = AreaView(FLEET, area)
    every = [alert for own in by_school.values() for alert in own]
    is_over = incident.state is IncidentState.RESOLVED
    own = [a for a in every if view.has(a.school_id) and (is_over or a.resolved_at_us is None)]
    told = view.told(incident, every)
    if area == CITY:
        assert told == (incident, every)
    else:
        assert (told is None) is (not own)
        assert told is None or told[1] == own


def test_the_center_lies_in_no_area_but_the_city() -> None:
    system = Incident(
        "f" * 16, IncidentState.OPEN, Cause(CauseKind.SYSTEM), "session_lost", (), (), 1, 1, 1, 1, 1, 0, 0,
        0, 0, 0, NOW_US, NOW_US, NOW_US, NOW_US,
    )  # fmt: skip
    alert = Alert("a" * 16, "session_lost", 1, 0, 1, NOW_US, NOW_US, 0.0, 0.5, None, None, 0)
    school = FLEET.schools[0]
    assert AreaView(FLEET, CITY).told(system, [alert]) == (system, [alert])
    assert AreaView(FLEET, Area(clusters=tuple(c.code for c in FLEET.clusters))).told(system, [alert]) is None
    assert AreaView(FLEET, Area(schools=(school.code,))).told(system, [alert]) is None
