"""What the calendar says once a day is accepted: of the city, a level, an area or one school."""

from datetime import date, time, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from config.files import load_configuration
from contract.calendar import Context, in_session
from contract.figures.school_day import school_day
from contract.figures.sums import DayPart
from contract.fleet import LEVELS, Level
from contract.special_days.special_day import DayKind, DayPlace, DayVerdict, PlaceKind
from stream_processor.fold.constants import build_fold
from tests.special_day_city import FLEET, packaged_calendar, special_day

TUESDAY, WEDNESDAY = date(2026, 10, 20), date(2026, 10, 21)
CALENDAR = packaged_calendar()
CITY = DayPlace(PlaceKind.CITY)
FIRST = FLEET.schools[0]
SCHOOL = DayPlace(PlaceKind.SCHOOL, FIRST.code)
MORNING, NOON, AFTERNOON = time(9), time(12, 15), time(14, 30)


def level_of(code: str) -> int:
    return LEVELS.index(next(s.level for s in FLEET.schools if s.code == code))


def minutes(known: list[DayKind], place: DayPlace, part: DayPart) -> NDArray[np.float64]:
    """Return the school minutes of each school in a part of Tuesday."""
    calendar = CALENDAR.with_days([special_day(kind, place, TUESDAY) for kind in known], FLEET)
    end_us = calendar.moment_us(WEDNESDAY, time())
    found: NDArray[np.float64] = (
        school_day(calendar, TUESDAY, FLEET.schools, end_us).in_session[part].sum(axis=1)
    )
    return found


def test_the_city_is_closed_and_offices_are_not() -> None:
    calendar = CALENDAR.with_days([special_day(DayKind.CLOSURE, CITY, TUESDAY, WEDNESDAY)], FLEET)
    for day in (TUESDAY, WEDNESDAY):
        assert not calendar.is_school_day(day)
        assert calendar.is_working_day(day)
    assert calendar.is_school_day(TUESDAY - timedelta(1))
    assert CALENDAR.is_school_day(TUESDAY)


def test_a_half_day_of_a_level_has_the_morning_alone() -> None:
    place = DayPlace(PlaceKind.LEVEL, Level.PRIMARY.value)
    calendar = CALENDAR.with_days([special_day(DayKind.HALF_DAY, place, TUESDAY)], FLEET)
    assert [len(calendar.sessions(i, TUESDAY)) for i in range(len(LEVELS))] == [2, 1, 2, 2]


@pytest.mark.parametrize("kind", [PlaceKind.CLUSTER, PlaceKind.WARD, PlaceKind.SCHOOL])
def test_an_area_is_closed_for_its_own_schools(kind: PlaceKind) -> None:
    ward = next(w for w in FLEET.wards if w.code == FIRST.ward_code)
    code = {PlaceKind.CLUSTER: ward.cluster_code, PlaceKind.WARD: ward.code, PlaceKind.SCHOOL: FIRST.code}
    calendar = CALENDAR.with_days([special_day(DayKind.CLOSURE, DayPlace(kind, code[kind]), TUESDAY)], FLEET)
    closed = calendar.closed_schools(TUESDAY)
    assert FIRST.code in closed
    assert len(closed) < len(FLEET.schools)
    assert calendar.closed_schools(WEDNESDAY) == frozenset()
    assert calendar.is_shut(FIRST.code, level_of(FIRST.code), calendar.moment_us(TUESDAY, MORNING))


def test_after_its_half_day_a_school_is_shut() -> None:
    calendar = CALENDAR.with_days([special_day(DayKind.HALF_DAY, SCHOOL, TUESDAY)], FLEET)
    shut = [
        calendar.is_shut(FIRST.code, level_of(FIRST.code), calendar.moment_us(TUESDAY, at))
        for at in (MORNING, NOON, AFTERNOON)
    ]
    assert shut == [False, True, True]


def test_an_event_is_in_session_and_nothing_is_as_usual() -> None:
    calendar = CALENDAR.with_days([special_day(DayKind.EVENT, CITY, TUESDAY)], FLEET)
    at_us = np.array([calendar.moment_us(TUESDAY, at) for at in (time(6, 50), MORNING, time(22))])
    found = calendar.contexts(np.zeros(3, np.int8), at_us)
    assert found.tolist() == [Context.EVENT, Context.EVENT, Context.OUT]
    assert in_session(found).tolist() == [True, True, False]


def test_what_was_rejected_or_taken_back_changes_nothing() -> None:
    for verdict in (DayVerdict.REJECTED, DayVerdict.WITHDRAWN):
        day = special_day(DayKind.CLOSURE, CITY, TUESDAY, verdict=verdict)
        assert CALENDAR.with_days([day], FLEET).is_school_day(TUESDAY)


def test_figures_count_what_was_due() -> None:
    morning, afternoon = DayPart.MORNING, DayPart.AFTERNOON
    usual = minutes([], SCHOOL, morning), minutes([], SCHOOL, afternoon)
    assert (usual[0] > 0).all()
    half = minutes([DayKind.HALF_DAY], SCHOOL, morning), minutes([DayKind.HALF_DAY], SCHOOL, afternoon)
    assert (half[0] == usual[0]).all()
    assert (half[1][0], half[1][1:].tolist()) == (0, usual[1][1:].tolist())
    closed = minutes([DayKind.CLOSURE], SCHOOL, morning)
    assert (closed[0], closed[1:].tolist()) == (0, usual[0][1:].tolist())
    assert (minutes([DayKind.EVENT], SCHOOL, morning) == usual[0]).all()
    assert (minutes([DayKind.CLOSURE], CITY, morning) == 0).all()


def test_when_it_was_decided_is_known_of_days_on_which_something_else_is_due() -> None:
    closed = special_day(DayKind.CLOSURE, SCHOOL, TUESDAY)._replace(decided_us=7)
    event = special_day(DayKind.EVENT, SCHOOL, WEDNESDAY)._replace(decided_us=9)
    calendar = CALENDAR.with_days([closed, event], FLEET)
    assert [calendar.decided_us(day) for day in (TUESDAY, WEDNESDAY)] == [7, 0]


def test_the_fold_knows_the_days_of_single_schools() -> None:
    """A closed school is closed all day, after a half day it is out, on an event nothing is as usual."""
    kinds = (DayKind.CLOSURE, DayKind.HALF_DAY, DayKind.EVENT)
    schools = [school for school in FLEET.schools if school.level is Level.PRIMARY][:4]
    days = [
        special_day(kind, DayPlace(PlaceKind.SCHOOL, school.code), TUESDAY)
        for kind, school in zip(kinds, schools, strict=False)
    ]
    own = load_configuration(None)
    fold = build_fold(FLEET, own.catalogue, CALENDAR.with_days(days, FLEET), own.rules, 0, 1)
    slot = [
        int(np.flatnonzero(fold.layout.school == fold.layout.school_codes.index(school.code))[0])
        for school in schools
    ]
    at_us = [CALENDAR.moment_us(TUESDAY, at) for at in (MORNING, AFTERNOON)]
    found = [fold.contexts(np.array(slot), np.full(len(slot), us)).tolist() for us in at_us]
    assert found[0] == [Context.CLOSED, Context.SESSION, Context.EVENT, Context.SESSION]
    assert found[1] == [Context.CLOSED, Context.OUT, Context.EVENT, Context.SESSION]
    plan = fold.day_plan(TUESDAY)
    at = [fold.layout.school_codes.index(school.code) for school in schools]
    assert [plan.shut(us)[at].tolist() for us in at_us] == [
        [True, False, False, False],
        [True, True, False, False],
    ]
