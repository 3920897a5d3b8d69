"""A month's labels: drawn by the seed, apart from each other, true to both calendars."""

from datetime import timedelta
from importlib.resources import files
from itertools import pairwise, product

import pytest

from contract.errors import ConfigurationError
from contract.fleet import LEVELS, Fleet
from device_simulator.world.fault_specs import SPECS
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.scenarios import (
    APART_H,
    BELL_DAYS,
    BELLS,
    FIRST_DAY,
    HOUR_US,
    LONGEST_DAYS,
    PROBATION,
    Scenario,
    draw_scenario,
    duty_name,
)

CALENDAR = (files("config") / "calendar.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return generate_fleet(300, seed=2)


@pytest.fixture(scope="module")
def scenario(fleet: Fleet) -> Scenario:
    return draw_scenario(fleet, CALENDAR, seed=2, unannounced=True, mild=True)


def test_a_seed_chooses_everything(fleet: Fleet, scenario: Scenario) -> None:
    again = draw_scenario(fleet, CALENDAR, seed=2, unannounced=True, mild=True)
    assert (again.faults, again.labels) == (scenario.faults, scenario.labels)
    assert draw_scenario(fleet, CALENDAR, seed=3).faults != scenario.faults


def test_every_kind_is_there_within_the_days_and_after_the_probation(scenario: Scenario) -> None:
    assert {spec.kind for spec in SPECS} == {fault.kind for fault in scenario.faults}
    names = {label.kind for label in scenario.labels}
    assert {"holiday", "half-day", "closure", "exam-days", "unannounced-half-day"} <= names
    first_us = scenario.start_us + int(PROBATION * scenario.days) * 24 * HOUR_US
    for label in scenario.labels:
        assert first_us <= label.start_us < label.end_us <= scenario.end_us


def test_labels_of_a_school_are_far_apart_and_days_of_the_calendar_apart_from_faults(
    scenario: Scenario,
) -> None:
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for label in scenario.labels:
        for code in label.schools:
            spans.setdefault(code, []).append((label.start_us, label.end_us, label.kind))
    days = {"holiday", "half-day", "closure", "exam-days", "unannounced-half-day", "unannounced-closure"}
    for of_school in spans.values():
        for (_, end_us, kind), (start_us, _, following) in pairwise(sorted(of_school)):
            if not {kind, following} <= days:
                # Hours are taken whole, so minutes may be missing.
                assert start_us - end_us > (APART_H - 1) * HOUR_US, (kind, following)


def test_the_center_knows_all_days_but_the_unannounced(scenario: Scenario) -> None:
    day_of = {
        label.kind: FIRST_DAY + timedelta(days=(label.start_us - scenario.start_us) // (24 * HOUR_US))
        for label in scenario.labels
    }
    codes = {label.kind: label.schools for label in scenario.labels}
    for calendar in (scenario.known, scenario.lived):
        assert calendar.day_name(day_of["holiday"]) == "holiday"
        for i in range(len(LEVELS)):
            assert len(calendar.sessions(i, day_of["half-day"])) == 1
        assert set(codes["closure"]) <= calendar.closed_schools(day_of["closure"])
    assert len(scenario.known.sessions(1, day_of["unannounced-half-day"])) == 2
    assert len(scenario.lived.sessions(1, day_of["unannounced-half-day"])) == 1
    shut = day_of["unannounced-closure"]
    assert not scenario.known.closed_schools(shut) & set(codes["unannounced-closure"])
    assert set(codes["unannounced-closure"]) <= scenario.lived.closed_schools(shut)


def test_bells_move_from_the_middle_day_on_and_nobody_tells_the_center(fleet: Fleet) -> None:
    moved = draw_scenario(fleet, CALENDAR, seed=2, days=14, bells_later=timedelta(minutes=30))
    later: dict[bool, set[int]] = {False: set(), True: set()}
    for nth, level in product(range(14), range(len(LEVELS))):
        day = FIRST_DAY + timedelta(days=nth)
        told, lived = moved.known.sessions(level, day), moved.lived.sessions(level, day)
        later[nth >= 7] |= {a.start_us - b.start_us for a, b in zip(lived, told, strict=True)}
    assert later == {False: {0}, True: {1_800_000_000}}
    labels = [label for label in moved.labels if label.kind == BELLS]
    assert [len(label.schools) for label in labels] == [len(fleet.schools)] * BELL_DAYS
    assert {duty_name(label) for label in labels} == {"apart"}


def test_what_is_expected_of_a_detector(scenario: Scenario) -> None:
    duties = {(label.kind, label.variant): duty_name(label) for label in scenario.labels}
    assert duties["clock-skew", "ahead"] == "find"
    assert duties["clock-skew", "behind"] == "find"
    assert duties["exam-surge", ""] == "quiet"
    assert duties["unannounced-closure", ""] == "apart"
    assert duties["attendance-drop", "mild"] == "find"


def test_few_schools_and_days_still_make_a_scenario() -> None:
    small = draw_scenario(generate_fleet(1, seed=1), CALENDAR, seed=1, days=1)
    assert small.end_us - small.start_us == 24 * HOUR_US


@pytest.mark.parametrize("days", [0, LONGEST_DAYS + 1])
def test_a_scenario_keeps_to_the_days_before_the_next_holiday(days: int) -> None:
    with pytest.raises(ConfigurationError, match=f"1 to {LONGEST_DAYS} days, not {days}"):
        draw_scenario(generate_fleet(1, seed=1), CALENDAR, seed=1, days=days)
