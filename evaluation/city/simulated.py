"""The same figures of the simulated city, without faults."""

from datetime import date, datetime, time, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.calendar import SchoolCalendar
from contract.fleet import LEVELS
from contract.topic import Stream
from device_simulator.world.city import World
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.mess import ChronicKind
from device_simulator.world.severity import Severity
from evaluation.city.figures import attendance, round_trips, school_year, traffic

FIRST_DAY: Final = date(2026, 9, 7)
"""The first Monday of a term."""
SCHOOL_DAYS: Final = 160
LINE_DAYS: Final = 5
STEP_S: Final = 600
REGISTERED_AT: Final = (time(8, 5), time(8, 20))
"""When morning registers are looked at: all that are not late have begun."""


def simulated(severity: Severity, calendar: SchoolCalendar, schools: int, seed: int) -> dict[str, float]:
    """Return all figures of a simulated city.

    Args:
        severity: of the city.
        calendar: the center's; days on which all levels have school are looked at.
        schools: how many.
        seed: the world's.
    """
    world = World(generate_fleet(schools, seed=seed), calendar, seed, severity)
    return of_registers(world, calendar) | of_lines(world, calendar)


def of_registers(world: World, calendar: SchoolCalendar) -> dict[str, float]:
    """Return the figures of attendance over most of a school year."""
    days = _school_days(calendar)
    ratio = _registers(world, calendar, days)
    return attendance(ratio) | school_year(np.array(days, "datetime64[D]"), ratio)


def of_lines(world: World, calendar: SchoolCalendar) -> dict[str, float]:
    """Return the figures of traffic and round trips over five days, chronic lines apart."""
    well = np.arange(len(world.fleet.schools))
    if world.mess is not None:
        well = np.flatnonzero(world.mess.chronic == ChronicKind.NONE)
    midnights = [_us(calendar, on, time.min) for on in _school_days(calendar)[:LINE_DAYS]]
    times_us = [us + s * 1_000_000 for us in midnights for s in range(0, 86_400, STEP_S)]
    told = [world.measure(Stream.BANDWIDTH, time_us, well).values for time_us in times_us]
    down = np.stack([values["down_bps"] for values in told])
    flows = np.log(np.maximum(down, 1.0)).reshape(LINE_DAYS, -1, len(well))
    hour = 3600 // STEP_S
    latency = np.stack([values["latency_ms"] for values in told])
    return traffic(flows, slice(8 * hour, 11 * hour)) | round_trips(latency)


def _school_days(calendar: SchoolCalendar) -> list[date]:
    found: list[date] = []
    on = FIRST_DAY
    while len(found) < SCHOOL_DAYS:
        if all(calendar.sessions(i, on) for i in range(len(LEVELS))):
            found.append(on)
        on += timedelta(days=1)
    return found


def _us(calendar: SchoolCalendar, on: date, at: time) -> int:
    return int(datetime.combine(on, at, calendar.timezone).timestamp()) * 1_000_000


def _registers(world: World, calendar: SchoolCalendar, days: list[date]) -> NDArray[np.float64]:
    everybody = np.arange(len(world.fleet.schools))
    rows = []
    for on in days:
        seen = np.full(len(everybody), np.nan)
        for at in REGISTERED_AT:
            told = world.measure(Stream.ATTENDANCE, _us(calendar, on, at), everybody)
            seen = np.where(np.isnan(told.values["attendance_ratio"]), seen, told.values["attendance_ratio"])
        rows.append(seen)
    return np.stack(rows)
