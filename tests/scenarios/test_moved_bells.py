"""Bells of a simulated city that move unannounced: proposed on the second day, and nothing before."""

from datetime import date, time, timedelta
from typing import Final

import numpy as np
import pytest

from anomaly.moved_bells import propose_bells
from config.files import read_config
from contract.calendar import parse_calendar
from contract.special_days.begins import begins_of
from contract.special_days.history import PARTS, Measure
from contract.special_days.special_day import DayPlace, DayProposal, PlaceKind
from contract.topic import Stream
from device_simulator.world.city import World
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.severity import Severity
from storage.special_days.history import AT_WORK

SCHOOLS: Final = 90
SEED: Final = 821
FIRST: Final = date(2026, 10, 5)
DAYS: Final = [day for n in range(19) if (day := FIRST + timedelta(n)).weekday() < 5]
MOVED: Final = 11
"""Place of the first day on which bells ring later, a Tuesday."""
TOLD: Final = {
    "register": (Stream.ATTENDANCE, "attendance_ratio", 0.0),
    "traffic": (Stream.BANDWIDTH, "down_bps", AT_WORK),
    "learners": (Stream.ELEARNING, "active_users", AT_WORK),
}
FLEET, TEXT = generate_fleet(SCHOOLS, seed=SEED), read_config(None, "calendar.toml")
KNOWN: Final = parse_calendar(TEXT)
LATER_MIN: Final = 30


@pytest.fixture(scope="module")
def minutes() -> dict[str, Measure]:
    """When things begin in a messy city, by quarters of an hour as the tables have them."""
    old, everybody = World(FLEET, KNOWN, SEED, Severity.REAL), np.arange(SCHOOLS)
    found = {name: np.full((len(DAYS), PARTS, SCHOOLS), np.nan) for name in TOLD}
    for row, day in enumerate(DAYS):
        shift_us = LATER_MIN * 60_000_000 if row >= MOVED else 0
        for part in range(PARTS):
            quarters = [60 * (6 + 6 * part) + 15 * n for n in range(24)]
            moments = [KNOWN.moment_us(day, time(q // 60, q % 60)) for q in quarters]
            for name, (stream, metric, share) in TOLD.items():
                # The world half an hour ago is that of bells that ring half an hour later.
                told = [old.measure(stream, at - shift_us, everybody).values[metric] for at in moments]
                values = np.array(told)
                busy = np.nanquantile(np.where(np.isfinite(values).any(axis=0), values, 0.0), 0.75, axis=0)
                begins = np.isfinite(values) & (values >= share * busy)
                first = np.array(quarters, np.float64)[begins.argmax(axis=0)]
                found[name][row, part] = np.where(begins.any(axis=0), first, np.nan)
    return found


def proposed(minutes: dict[str, Measure], days: int) -> list[DayProposal]:
    """Return what is proposed once so many days are over."""
    seen = {name: one[:days] for name, one in minutes.items()}
    return propose_bells(begins_of(FLEET, KNOWN, DAYS[:days], seen), ())


def test_they_are_proposed_on_the_second_day_and_nothing_is_before(minutes: dict[str, Measure]) -> None:
    assert not [one for days in range(MOVED + 1) for one in proposed(minutes, days)]
    for days in range(MOVED + 2, len(DAYS) + 1):
        (one,) = proposed(minutes, days)
        assert (one.place, one.first, one.last) == (DayPlace(PlaceKind.CITY), DAYS[MOVED], DAYS[days - 1])
        assert one.evidence.bells is not None
        assert one.evidence.bells.later_min == (LATER_MIN, LATER_MIN)
        for shown in (one.evidence.bells.traffic, one.evidence.bells.learners):
            assert shown is not None
            assert 15.0 <= shown <= 45.0
