"""Nobody can know of a fault before what reaches the center depends on it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time
from importlib.resources import files

import numpy as np
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import MistimedEntry, ReadingsEntry
from device_simulator.world.faults import Fault, FaultKind, label_of
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.scenarios import FIRST_DAY, HOUR_US, Scenario, draw_scenario
from device_simulator.world.severity import Severity
from evaluation.scenarios.earliest import earliest_of
from evaluation.scenarios.entries import ScenarioLog

MINUTE_US = 60_000_000
CALENDAR = (files("config") / "calendar.toml").read_text(encoding="utf-8")
WATCHED = frozenset({"online", "down_bps", "latency_ms", "loss_ratio", "attendance_ratio", "success_ratio"})
FLEET = generate_fleet(12, seed=3)
SECONDARY = int(np.flatnonzero(FLEET.level_index == 2)[0])
"""Its morning begins at seven, its first register comes ten minutes later."""
DAYS = 9

Known = Callable[..., list[float | None]]


@pytest.fixture
def known_after_min(catalogue: Catalogue, calendar: SchoolCalendar) -> Known:
    """Return how many minutes after its start each of some faults could be known.

    Faults are (kind, hour, minute, hours, strength, variant) of the eighth day, a Monday, in a calm city
    whose devices report every ten minutes.
    """
    midnight = datetime.combine(FIRST_DAY, time.min, calendar.timezone)
    start_us = int(midnight.timestamp()) * 1_000_000

    def known(*told: tuple[FaultKind, int, int, float, float, str]) -> list[float | None]:
        faults = []
        for kind, hour, minute, hours, strength, variant in told:
            begin_us = start_us + (7 * 24 + hour) * HOUR_US + minute * MINUTE_US
            end_us = begin_us + round(hours * HOUR_US)
            faults.append(Fault(kind, begin_us, end_us, (SECONDARY,), strength, variant))
        labels = tuple(label_of(fault, FLEET) for fault in faults)
        scenario = Scenario(FLEET, calendar, calendar, start_us, DAYS, tuple(faults), labels)
        found = earliest_of(ScenarioLog(scenario, catalogue, WATCHED, 10 * MINUTE_US, 3))
        return [
            None if at_us is None else (at_us - fault.start_us) / MINUTE_US
            for at_us, fault in zip(found, faults, strict=True)
        ]

    return known


@pytest.mark.parametrize(
    ("kind", "begins", "strength", "variant", "after_min"),
    [
        (FaultKind.LINK_CUT, (10, 3), 1.0, "", 7.0),
        (FaultKind.LINK_CUT, (10, 0), 1.0, "", 0.0),
        (FaultKind.SILENT_DEVICE, (2, 5), 1.0, "gateway", 5.0),
        (FaultKind.SILENT_DEVICE, (6, 35), 1.0, "attendance", 35.0),
        (FaultKind.STUCK_SENSOR, (10, 3), 1.0, "", 17.0),
        (FaultKind.CLOCK_SKEW, (10, 3), -900.0, "", 7.0),
        (FaultKind.CLOCK_SKEW, (10, 3), 900.0, "", 7.0),
        (FaultKind.ATTENDANCE_DROP, (6, 35), 0.9, "reader", 35.0),
        (FaultKind.LMS_OUTAGE, (10, 3), 0.5, "", 7.0),
    ],
)
def test_the_first_pack_that_tells_is_the_moment(
    known_after_min: Known,
    kind: FaultKind,
    begins: tuple[int, int],
    strength: float,
    variant: str,
    after_min: float,
) -> None:
    assert known_after_min((kind, *begins, 4.0, strength, variant)) == [after_min]


def test_what_grows_is_known_the_sooner_the_faster_it_grows(known_after_min: Known) -> None:
    fast, slow, never = (
        known_after_min((FaultKind.SLOW_DEGRADATION, 8, 3, 6.0, strength, ""))[0]
        for strength in (0.5, 0.01, 0.0001)
    )
    assert fast is not None
    assert slow is not None
    assert fast < 20.0 < 40.0 < slow
    assert never is None


def test_a_copied_register_is_known_by_the_traffic_of_those_who_are_missing(known_after_min: Known) -> None:
    (after_min,) = known_after_min((FaultKind.ATTENDANCE_DROP, 8, 33, 4.0, 0.6, "copied"))
    assert after_min is not None
    assert after_min >= 7.0


def test_nobody_knows_of_a_cut_while_the_line_is_down_anyway(known_after_min: Known) -> None:
    outage = (FaultKind.ISP_OUTAGE, 10, 3, 1.0, 1.0, "")
    assert known_after_min(outage, (FaultKind.LINK_CUT, 10, 13, 2.0, 1.0, "")) == [7.0, 57.0]
    assert known_after_min(outage, (FaultKind.LINK_CUT, 10, 13, 0.5, 1.0, "")) == [7.0, None]


def test_what_need_not_be_found_has_no_moment(known_after_min: Known) -> None:
    assert known_after_min((FaultKind.EXAM_SURGE, 10, 3, 2.0, 5.0, "")) == [None]


CERTAIN = {FaultKind.LINK_CUT, FaultKind.ISP_OUTAGE, FaultKind.SILENT_DEVICE, FaultKind.CLOCK_SKEW}


def test_until_then_all_that_comes_is_as_without_the_fault(catalogue: Catalogue) -> None:
    # In a messy city, by what the fold is given, with packs that are lost, late and sent twice.
    scenario = draw_scenario(generate_fleet(20, seed=8), CALENDAR, seed=8, days=2, severity=Severity.REAL)
    log = ScenarioLog(scenario, catalogue, WATCHED, HOUR_US, 8)
    earliest = earliest_of(log)
    whole = arrivals(log)
    looked_at = set()
    for fault, known_us in zip(scenario.faults, earliest, strict=False):
        if fault.kind not in CERTAIN:
            continue
        others = tuple(other for other in scenario.faults if other is not fault)
        without = arrivals(ScenarioLog(replace(scenario, faults=others), catalogue, WATCHED, HOUR_US, 8))
        assert min((at_us for at_us in whole if whole[at_us] != without[at_us]), default=None) == known_us, (
            fault
        )
        looked_at.add(fault.kind)
    assert looked_at == CERTAIN


def arrivals(log: ScenarioLog) -> dict[int, list[tuple[str, int, int, float]]]:
    """Return what comes at each moment: readings and refused readings."""
    found: dict[int, list[tuple[str, int, int, float]]] = {}
    for entry in (entry for chunk in log.chunks() for entry in chunk):
        if isinstance(entry, ReadingsEntry | MistimedEntry):
            told = entry.readings
            columns = told.time_us.tolist(), told.series.tolist(), told.value.tolist()
            found.setdefault(entry.at_us, []).extend(
                (type(entry).__name__, *one) for one in zip(*columns, strict=True)
            )
    return found
