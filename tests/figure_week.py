"""A week of a small city as raw readings, with what leadership's figures must get right in it."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.figures.lines import QUARTERS, QuarterGrid
from contract.figures.school_day import QUARTER_US
from contract.fleet import STREAMS_OF, Fleet, School
from contract.reading import Readings
from contract.series import series_of
from contract.topic import Stream
from device_simulator.world.city import World
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.history import columns_of
from device_simulator.world.publishers import Publishers

MONDAY = date(2026, 11, 23)
DAYS = [MONDAY + timedelta(n) for n in range(7)]
"""Tuesday, 24 November, is a public holiday."""
MINUTE_US = 60_000_000
STEP_MIN = 15
OUTAGES = (
    (3, 0, time(8, 5), 0, time(9, 40)),
    (3, 2, time(14, 2), 2, time(14, 9)),
    (7, 1, time(21, 30), 2, time(8, 20)),
    (11, 3, time(9, 0), 3, time(16, 0)),
)
"""(school position, day and time at which it fell, day and time at which it was back)."""
SILENT = ((5, 0, time(7, 0), 0, time(17, 30)), (6, 4, time(0, 0), 6, time(23, 59)))
"""The same of schools that said nothing at all: nobody knows."""
LOSSY = (8, 3)
"""Position of a school whose line loses packets, and the day."""


@dataclass(frozen=True, eq=False)
class FigureWeek:
    """The city, its calendar, and all that was measured."""

    fleet: Fleet
    calendar: SchoolCalendar
    catalogue: Catalogue
    readings: Readings

    def start_us(self, day: date) -> int:
        return self.calendar.moment_us(day, time.min)

    def series(self, name: str) -> dict[int, int]:
        """Return the position of the school of each series of a metric."""
        metric = self.catalogue.named(name)
        return {
            series_of(d.id, metric.id): self.fleet.school_position[d.school_id]
            for d in self.fleet.devices
            if metric.stream in STREAMS_OF[d.kind]
        }

    @cached_property
    def _by_metric(self) -> dict[tuple[str, date], list[tuple[School, int, float]]]:
        """Return all readings by metric and day, in order of time."""
        r = self.readings
        names = {metric.id: metric.name for metric in self.catalogue.metrics}
        school = {d.id: self.fleet.school_by_id[d.school_id] for d in self.fleet.devices}
        days = (r.time_us - self.start_us(MONDAY)) // (QUARTERS * QUARTER_US)
        order = np.argsort(r.time_us, kind="stable")
        columns = (r.time_us, r.series, r.value, days)
        found: dict[tuple[str, date], list[tuple[School, int, float]]] = {}
        for time_us, series, value, day in zip(*(c[order].tolist() for c in columns), strict=True):
            key = names[series & 255], DAYS[day]
            found.setdefault(key, []).append((school[series >> 8], time_us, value))
        return found

    def of(self, name: str, day: date) -> list[tuple[School, int, float]]:
        """Return (school, time, value) of a metric on a day, in order of time."""
        return self._by_metric.get((name, day), [])

    def grid(self, name: str, day: date) -> QuarterGrid:
        """Return what the rollups by quarter hour say, made of the raw readings."""
        n, total = (np.zeros((len(self.fleet.schools), QUARTERS)) for _ in range(2))
        low, high = np.full(n.shape, np.inf), np.full(n.shape, -np.inf)
        for school, time_us, value in self.of(name, day):
            at = self.fleet.school_position[school.id], (time_us - self.start_us(day)) // QUARTER_US
            n[at] += 1
            total[at] += value
            low[at], high[at] = min(low[at], value), max(high[at], value)
        return QuarterGrid(n, total, np.where(n > 0, low, 0.0), np.where(n > 0, high, 0.0))


def make_week(calendar: SchoolCalendar, catalogue: Catalogue, schools: int = 16, seed: int = 3) -> FigureWeek:
    """Return the week of a city of so many schools, at least 12."""
    fleet = generate_fleet(schools=schools, seed=seed)
    world, publishers = World(fleet, calendar), Publishers(fleet, catalogue)
    week = FigureWeek(fleet, calendar, catalogue, Readings.empty())
    start_us = week.start_us(MONDAY)
    parts = []
    for step in range(7 * 24 * 60 // STEP_MIN):
        time_us = start_us + step * STEP_MIN * MINUTE_US
        for stream in (Stream.BANDWIDTH, Stream.ELEARNING, Stream.ATTENDANCE):
            if stream is Stream.ATTENDANCE and not world.in_register(time_us):
                continue
            measured = world.measure(stream, time_us, publishers.positions(stream))
            parts += columns_of(publishers, measured, publishers.metrics[stream])
    everything = _lossy(week, Readings.concat([*parts, _online(week)]))
    for span in (*OUTAGES, *SILENT):
        everything = everything.take(~_within(week, everything, span))
    return FigureWeek(fleet, calendar, catalogue, Readings.concat([everything, _wills(week)]))


def moment(week: FigureWeek, day: int, of_day: time) -> int:
    return week.calendar.moment_us(DAYS[day], of_day)


def _online(week: FigureWeek) -> Readings:
    times = week.start_us(MONDAY) + MINUTE_US * np.arange(7 * 24 * 60, dtype=np.int64)
    series = np.array(sorted(week.series("online")), np.int32)
    return Readings(
        np.tile(times, len(series)), np.repeat(series, len(times)), np.ones(len(times) * len(series))
    )


def _wills(week: FigureWeek) -> Readings:
    """Return what the broker says of those who fell: offline, once."""
    series = {position: s for s, position in week.series("online").items()}
    times = [moment(week, day, at) for _, day, at, _, _ in OUTAGES]
    who = [series[position] for position, *_ in OUTAGES]
    return Readings(np.array(times, np.int64), np.array(who, np.int32), np.zeros(len(who)))


def _within(
    week: FigureWeek, readings: Readings, span: tuple[int, int, time, int, time]
) -> NDArray[np.bool_]:
    position, first, begin, last, end = span
    device_ids = [d.id for d in week.fleet.devices if d.school_id == week.fleet.schools[position].id]
    own = np.isin(readings.series >> 8, device_ids)
    found: NDArray[np.bool_] = own & (readings.time_us >= moment(week, first, begin))
    return found & (readings.time_us < moment(week, last, end))


def _lossy(week: FigureWeek, readings: Readings) -> Readings:
    position, day = LOSSY
    series = next(s for s, p in week.series("loss_ratio").items() if p == position)
    start_us = week.start_us(DAYS[day])
    hit = (
        (readings.series == series)
        & (readings.time_us >= start_us)
        & (readings.time_us < start_us + 96 * QUARTER_US)
    )
    return Readings(readings.time_us, readings.series, np.where(hit, 0.04, readings.value))
