"""A scenario anywhere in the school year: recesses, seasons, and schools that join, close and merge."""

from datetime import date, timedelta
from importlib.resources import files

import numpy as np
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import ReadingsEntry
from contract.errors import ConfigurationError
from contract.fleet import LEVELS, Fleet, Level
from contract.series import METRIC_BITS
from contract.topic import Stream
from device_simulator.world.city import World
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.mess import Mess
from device_simulator.world.moves import Moves
from device_simulator.world.scenarios import HOUR_US, Scenario, draw_scenario, duty_name
from device_simulator.world.severity import MESS, Severity
from device_simulator.world.stretches import CLOSED_SCHOOL, EVE, GROWN_SCHOOL, NEW_SCHOOL, RECESS, RETURN
from evaluation.scenarios.entries import ScenarioLog
from evaluation.scenarios.report import given, judge
from evaluation.scenarios.run import ScenarioTerms, run_scenario, school_days

CALENDAR = (files("config") / "calendar.toml").read_text(encoding="utf-8")
PRIMARY = LEVELS.index(Level.PRIMARY)
TET = date(2027, 1, 18)
"""Two weeks before the break, which is from 1 to 14 February."""
HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return generate_fleet(60, seed=7)


@pytest.fixture(scope="module")
def across_tet(fleet: Fleet) -> Scenario:
    return draw_scenario(fleet, CALENDAR, 7, 42, severity=Severity.REAL, first_day=TET)


def test_a_first_day_of_ones_own_lies_across_a_break_and_keeps_faults_of_school_days_out_of_it(
    across_tet: Scenario,
) -> None:
    assert across_tet.known.local_day(across_tet.start_us) == TET
    kinds = {label.kind: duty_name(label) for label in across_tet.labels}
    assert {kinds[kind] for kind in (EVE, RECESS, RETURN, NEW_SCHOOL, CLOSED_SCHOOL)} == {"quiet"}
    begins = {across_tet.lived.local_day(f.start_us) for f in across_tet.faults if "drop" in f.kind}
    assert begins
    assert all(across_tet.lived.sessions(PRIMARY, on) for on in begins)


def test_without_one_no_school_moves_and_a_calm_city_has_no_moves_at_all(fleet: Fleet) -> None:
    usual = draw_scenario(fleet, CALENDAR, 7, 14, severity=Severity.REAL)
    calm = draw_scenario(fleet, CALENDAR, 7, 14, first_day=TET)
    assert not usual.moves
    assert not calm.moves
    assert not {EVE, NEW_SCHOOL} & {label.kind for label in usual.labels}


def test_days_outside_of_every_term_are_refused(fleet: Fleet) -> None:
    with pytest.raises(ConfigurationError, match="no school day from 2026-06-08 to 2026-07-07"):
        draw_scenario(fleet, CALENDAR, 7, 30, first_day=date(2026, 6, 8))
    with pytest.raises(ConfigurationError, match="1 to 366 days, not 367"):
        draw_scenario(fleet, CALENDAR, 7, 367, first_day=TET)


def test_the_fleet_says_who_joined_who_closed_and_into_whom_one_merged(
    fleet: Fleet, across_tet: Scenario
) -> None:
    moves = Moves(fleet, across_tet.moves)
    first, last = moves.fleet_at(across_tet.start_us), moves.fleet_at(across_tet.end_us)
    joined = [move for move in across_tet.moves if move.joins]
    gone = [move for move in across_tet.moves if not move.joins]
    merged = [move for move in gone if move.into is not None]
    assert joined
    assert len(gone) > len(merged) > 0
    assert len(first.schools) == len(fleet.schools) - len(joined)
    assert {f.school.id for f in last.former} == {fleet.schools[m.position].id for m in gone}
    for move in merged:
        assert move.into is not None
        keeper, own = fleet.schools[move.into], fleet.schools[move.position]
        assert keeper.level is own.level
        assert last.school_by_id[keeper.id].pupils == keeper.pupils + own.pupils
    kinds = [label.kind for label in across_tet.labels]
    assert kinds.count(GROWN_SCHOOL) == len(merged)
    # Faults meet only schools that are there.
    for fault in across_tet.faults:
        assert moves.there_throughout(fault.start_us, fault.end_us)[list(fault.positions)].all()


def test_nothing_comes_from_a_school_before_it_joins_or_after_it_closed(
    fleet: Fleet, across_tet: Scenario, catalogue: Catalogue
) -> None:
    log = ScenarioLog(across_tet, catalogue, frozenset({"down_bps", "online"}), HOUR, 7, HOUR)
    heard: dict[int, list[int]] = {}
    for chunk in log.chunks():
        assert not [at for at in log.moves.moments_us if chunk[0].at_us < at <= chunk[-1].at_us]
        for entry in chunk:
            if isinstance(entry, ReadingsEntry):
                for device in np.unique(entry.readings.series >> METRIC_BITS).tolist():
                    heard.setdefault(device, []).append(entry.at_us)
    gateway = {d.school_id: d.id for d in fleet.devices if d.code == "gw-1"}
    for move in across_tet.moves:
        at_us = heard[gateway[fleet.schools[move.position].id]]
        assert (min(at_us) if move.joins else max(at_us)) == pytest.approx(move.at_us, abs=6 * HOUR)
        assert (min(at_us) >= move.at_us) if move.joins else (max(at_us) < move.at_us + 2 * HOUR)


def test_the_fold_goes_on_over_moves_and_tells_nothing_of_a_school_that_was_closed() -> None:
    terms = ScenarioTerms(
        7, 30, 12, HOUR, "ew", 2, unannounced=False, mild=False, all_metrics=False, first_day=date(2027, 3, 1)
    )
    run = judge(run_scenario(terms, *given(bare=True)))
    assert run.told.scenario.moves
    closed = [f for f in run.matched.findings if f.truth.kind == CLOSED_SCHOOL]
    assert closed
    assert not [f.incidents for f in closed if f.incidents]
    assert run.days == school_days(run.told.scenario)


def test_the_last_day_before_a_recess_and_the_winter_are_absent_as_recorded(
    fleet: Fleet, calendar: SchoolCalendar
) -> None:
    terms = MESS[Severity.REAL]
    mess = Mess(fleet, calendar, terms, 7)
    eve = np.exp(mess.level_absence(date(2027, 1, 29)) - mess.city_absence(date(2027, 1, 29)))
    assert min(terms.eve_times) <= eve[PRIMARY] <= max(terms.eve_times)
    # Upper schools have one more day.
    assert eve[LEVELS.index(Level.UPPER_SECONDARY)] == 1.0
    october, winter = (
        [date(year, month, 5) + timedelta(n) for n in range(20)] for year, month in ((2026, 10), (2027, 1))
    )
    usual, cold = (np.median([mess.expected_absence(on) for on in days]) for days in (october, winter))
    assert cold / usual == pytest.approx(np.exp(0.19), rel=0.06)


def test_what_is_usual_changes_from_one_school_year_to_the_next(
    fleet: Fleet, calendar: SchoolCalendar
) -> None:
    mess = Mess(fleet, calendar, MESS[Severity.REAL], 7)
    days = (
        [date(2025, 10, 6) + timedelta(n) for n in range(40)],
        [date(2026, 10, 5) + timedelta(n) for n in range(40)],
    )
    before, after = (np.log([mess.expected_absence(on) for on in one]).mean(axis=0) for one in days)
    assert 0.07 < np.std(before - after) < 0.14


def test_a_school_that_another_became_part_of_has_its_pupils_and_a_line_for_them(
    fleet: Fleet, across_tet: Scenario, calendar: SchoolCalendar
) -> None:
    move = next(m for m in across_tet.moves if m.into is not None)
    assert move.into is not None
    at, at_us = np.array([move.into]), move.at_us + 10 * HOUR_US
    grown, alone = (
        World(fleet, calendar, 7, Severity.REAL, moves).measure(Stream.BANDWIDTH, at_us, at).values
        for moves in (across_tet.moves, ())
    )
    growth = Moves(fleet, across_tet.moves).growth(at_us)[move.into]
    assert growth > 1.0
    assert grown["down_bps"] == pytest.approx(growth * alone["down_bps"], rel=1e-6)
    assert grown["latency_ms"] == pytest.approx(alone["latency_ms"], rel=1e-6)
