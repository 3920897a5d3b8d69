"""How right proposals for the calendar are: planted days are found, what is known explains what is told."""

import json
from datetime import date

import numpy as np
import pytest

from contract.special_days.special_day import DayKind, DayPlace, PlaceKind
from evaluation.attendance.known_days import KNOWN, recess_days
from evaluation.attendance.levels import level_of
from evaluation.attendance.proposals import PLANTED, judge_proposals
from evaluation.attendance.proposals_report import render
from evaluation.attendance.recorded import HALF, Registers

SCHOOLS = 60


def registers(storm: str = "") -> Registers:
    """Return a year of registers of ten districts on which nothing happens but a storm."""
    days = np.arange("2013-12-02", "2015-01-30", dtype="datetime64[D]")
    days = days[np.is_busday(days)]
    ratio = np.clip(np.random.default_rng(1).normal(0.93, 0.01, (len(days), SCHOOLS)), 0, 1)
    if storm:
        ratio[days == np.datetime64(storm)] *= 0.7
    district = np.arange(SCHOOLS) % 10
    return Registers(days, district, ratio, np.zeros(ratio.shape, np.int8), ratio)


def test_planted_days_are_found_and_nothing_else_is_proposed() -> None:
    for half in judge_proposals(registers(), np.array([""] * SCHOOLS), 1):
        assert (half.closures, half.events) == ((PLANTED, PLANTED), (PLANTED, PLANTED))
        assert half.unexplained == ()
        assert half.explained[0] == half.explained[1] >= 2 * PLANTED


@pytest.mark.parametrize(("storm", "is_known"), [("2014-01-22", True), ("2014-03-18", False)])
def test_a_storm_is_explained_if_it_is_known(storm: str, is_known: bool) -> None:
    first, _ = judge_proposals(registers(storm), np.array([""] * SCHOOLS), 1)
    told = [(p.kind, p.place.kind, p.first) for p in first.unexplained]
    assert told == ([] if is_known else [(DayKind.EVENT, PlaceKind.CITY, date.fromisoformat(storm))])
    storms = {one.first for one in KNOWN if one.place.kind is PlaceKind.CITY}
    missed = {one.first for one in first.missed}
    assert missed & storms == storms - ({date.fromisoformat(storm)} if is_known else set())


def test_eves_returns_and_the_last_days_of_june_are_recess_days() -> None:
    days = np.array(
        ["2013-11-27", "2013-12-02", "2013-12-03", *(f"2014-06-{n}" for n in range(10, 20))], "datetime64[D]"
    )
    found = {day.isoformat() for day in recess_days(days)}
    assert {"2013-11-27", "2013-12-02", "2014-06-15", "2014-06-19"} <= found
    assert "2014-06-14" not in found
    assert days[-1] < HALF


def test_levels_are_read_from_names() -> None:
    names = ("P.S. 015 ROBERTO CLEMENTE", "BARD HIGH SCHOOL EARLY COLLEGE", "J.H.S. 045", "EARTH SCHOOL")
    assert [level_of(name) for name in names] == ["primary", "high", "middle", ""]


def test_the_table_and_the_json_tell_both_halves() -> None:
    halves = judge_proposals(registers("2014-03-18"), np.array([""] * SCHOOLS), 1)
    text = render(halves, as_json=False)
    assert "first half, nothing known explains: event city 2014-03-18" in text
    assert json.loads(render(halves, as_json=True))["first"]["unexplained"] == ["event city 2014-03-18"]
    assert DayPlace(PlaceKind.CITY) == halves[0].unexplained[0].place
