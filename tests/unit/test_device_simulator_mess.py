"""A messy city: packs astray, registers that never come, bad lines, labels of all of it."""

from importlib.resources import files

import numpy as np
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import ReadingsEntry
from contract.fleet import Fleet
from contract.reading import Readings
from contract.topic import Stream
from device_simulator.world.city import World
from device_simulator.world.everyday import AWAY, CHRONIC, UNSENT
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.mess import ChronicKind, Mess
from device_simulator.world.noise import Noise
from device_simulator.world.scenarios import HOUR_US, Scenario, draw_scenario, duty_name
from device_simulator.world.severity import MESS, Severity
from evaluation.scenarios.entries import ScenarioLog

CALENDAR = (files("config") / "calendar.toml").read_text(encoding="utf-8")
INTERVAL_US = 900_000_000


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return generate_fleet(120, seed=5)


def scenario(fleet: Fleet, severity: Severity, days: int = 20) -> Scenario:
    return draw_scenario(fleet, CALENDAR, seed=5, days=days, mild=True, severity=severity)


def arrived(fleet: Fleet, catalogue: Catalogue, severity: Severity) -> Readings:
    """Return the line's readings of one day, in the order of their arrival."""
    log = ScenarioLog(
        scenario(fleet, severity, days=1), catalogue, frozenset({"down_bps", "online"}), INTERVAL_US, 5
    )
    return Readings.concat(
        [e.readings for chunk in log.chunks() for e in chunk if isinstance(e, ReadingsEntry)]
    )


def test_a_schools_own_day_is_student_t_with_the_degrees_asked_for() -> None:
    noise = Noise(1, 200_000)
    for degrees, half_within, hundredth_beyond in ((2, 0.816, 9.92), (3, 0.765, 5.84)):
        drawn = np.abs(noise.heavy(1, 2, 3, degrees))
        assert np.quantile(drawn, 0.5) == pytest.approx(half_within, rel=0.02)
        assert np.quantile(drawn, 0.99) == pytest.approx(hundredth_beyond, rel=0.05)


def test_packs_are_lost_late_and_sent_twice_as_often_as_the_terms_say(
    fleet: Fleet, catalogue: Catalogue
) -> None:
    told = arrived(fleet, catalogue, Severity.REAL)
    line = told.take(told.series % 256 == catalogue.named("down_bps").id)
    due = 86_400_000_000 // INTERVAL_US * len(fleet.schools)
    pairs = np.stack((line.series.astype(np.int64), line.time_us))
    once = np.unique(pairs, axis=1).shape[1]
    terms = MESS[Severity.REAL]
    assert 0.3 * terms.lost < 1.0 - once / due < 3.0 * terms.lost
    assert 0.3 * terms.twice < (len(line) - once) / due < 3.0 * terms.twice
    back = sum(int((np.diff(line.time_us[line.series == s]) < 0).any()) for s in np.unique(line.series))
    assert back > 0


def test_in_a_calm_city_every_pack_arrives_once(fleet: Fleet, catalogue: Catalogue) -> None:
    told = arrived(fleet, catalogue, Severity.CALM)
    pairs = np.stack((told.series.astype(np.int64), told.time_us))
    assert np.unique(pairs, axis=1).shape[1] == len(told)


def test_a_moment_of_a_messy_city_is_the_same_for_whomever_it_is_asked(
    fleet: Fleet, calendar: SchoolCalendar
) -> None:
    some, everybody = np.array([3, 77, 119]), np.arange(len(fleet.schools))
    time_us = 1_795_574_400_000_000
    for stream in (Stream.BANDWIDTH, Stream.ELEARNING, Stream.ATTENDANCE):
        whole = World(fleet, calendar, 5, Severity.REAL).measure(stream, time_us, everybody).values
        for name, column in (
            World(fleet, calendar, 5, Severity.REAL).measure(stream, time_us, some).values.items()
        ):
            if name != "response_ms":  # Its load is that of the schools asked for.
                np.testing.assert_array_equal(column, whole[name][some])


def test_what_is_wrong_without_a_fault_has_labels_that_are_told_apart(fleet: Fleet) -> None:
    messy = scenario(fleet, Severity.REAL)
    mess = Mess(fleet, messy.lived, MESS[Severity.REAL], 5)
    chronic = [label for label in messy.labels if label.kind == CHRONIC]
    assert len(chronic) == np.count_nonzero(mess.chronic) > 0
    assert {label.variant for label in chronic} <= {kind.name.lower() for kind in ChronicKind}
    assert all(label.end_us - label.start_us == 20 * 24 * HOUR_US for label in chronic)
    unsent = [label for label in messy.labels if label.kind == UNSENT]
    share = sum(len(label.schools) for label in unsent) / (20 * 2 * len(fleet.schools) * 5 / 7)
    assert 0.01 < share < 0.1
    assert all(duty_name(label) == "apart" for label in messy.labels if label.kind in {CHRONIC, UNSENT, AWAY})
    assert "unannounced-half-day" in {label.kind for label in messy.labels}
    assert not {CHRONIC, UNSENT, AWAY} & {label.kind for label in scenario(fleet, Severity.CALM).labels}


def test_faults_of_a_messy_city_meet_in_one_school_and_day(fleet: Fleet) -> None:
    spans = [
        (code, label.start_us, label.end_us, label.kind)
        for label in scenario(fleet, Severity.STORM, days=40).labels
        if duty_name(label) == "find"
        for code in label.schools
    ]
    meets = [
        (a, b)
        for i, a in enumerate(spans)
        for b in spans[i + 1 :]
        if a[0] == b[0] and a[1] < b[2] and b[1] < a[2]
    ]
    assert meets
    assert all(a[3] != b[3] for a, b in meets)
