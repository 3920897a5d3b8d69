"""What departs from the timetable: shared days, heavy tails, bad lines, late registers, wrong clocks.

Pure and addressed by time like all noise of the world: a moment is the same whenever it is asked for,
and no state is carried along. Everything is a column by the school positions asked for.
"""

from datetime import date
from enum import IntEnum
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.calendar import SchoolCalendar
from contract.fleet import LEVELS, Fleet
from contract.topic import Stream
from device_simulator.world.noise import Noise
from device_simulator.world.school_time.school_year import SchoolYear, school_year_of, season
from device_simulator.world.school_time.timetable import MINUTE_US
from device_simulator.world.severity import MessTerms

Column = NDArray[np.float64]
Mask = NDArray[np.bool_]

DAY_US: Final = 24 * 60 * MINUTE_US
SLOT_US: Final = 5 * MINUTE_US
"""What happens to a line for a moment lasts for a slot, however often its gateway reports."""
OWN_DEGREES: Final = 3
"""Degrees of freedom of Student's t that a school's own day is drawn from: New York (severity.py)."""
OWN_MOST: Final = 16.0
"""A school's own day lies within so many of its scales, eleven deviations of `anomaly.absence`: in New York
one school-day in 10,000 lies beyond."""
ABSENT_MOST: Final = 0.97
"""Share of pupils who are absent at most; chosen."""
FIRST_YEAR: Final = 2026
"""School year whose usual absence and traffic are as drawn; others depart from it."""
WEEKS: Final = 42
"""Days within which a school's traffic drifts outside of autumn; chosen, six weeks."""
EVENING_H: Final = (19.0, 22.5)
"""When a provider is slow: homes are online; chosen."""
_PACKS: Final = {Stream.BANDWIDTH: 0, Stream.ELEARNING: 1, Stream.ATTENDANCE: 2, Stream.STATUS: 3}


class ChronicKind(IntEnum):
    """What is always wrong with a line."""

    NONE = 0
    BAD = 1
    FLAPPING = 2
    SILENT = 3


class _Label(IntEnum):
    """Names of the noises; a number once used keeps its meaning."""

    USUAL = 1
    OWN_DAY = 2
    OWN_TAIL = 3
    RUN = 4
    WARD_DAY = 5
    CITY_DAY = 6
    BAD_DAY = 7
    BAD_SIZE = 8
    UNSENT_USUAL = 9
    UNSENT = 10
    LATE = 11
    LATE_BY = 12
    CORRECTED = 13
    TRAFFIC_DAY = 14
    TRAFFIC_SLOW = 15
    TRAFFIC_QUICK = 16
    TRAFFIC_TAIL = 17
    BELL = 18
    SPIKE = 19
    ROUND_TRIP = 20
    EVENING = 21
    EVENING_SIZE = 22
    CHRONIC = 23
    CHRONIC_SIZE = 24
    FLAP = 25
    QUIET = 26
    CLOCK = 27
    DRIFT = 28
    DRIFTS = 29
    PACK = 30
    """And the three after it: a number a stream."""
    EVE = 34
    RETURN = 35
    YEAR = 36
    TRAFFIC_YEAR = 37
    TRAFFIC_WEEKS = 38


class Mess:
    """Answers how each school departs from the timetable at any time."""

    def __init__(self, fleet: Fleet, calendar: SchoolCalendar, terms: MessTerms, seed: int) -> None:
        """Draw what stays: usual absence, chronic lines, bells, clocks.

        Args:
            fleet: whose schools.
            calendar: by which the city lives.
            terms: how much.
            seed: the world's.
        """
        self.terms = terms
        self._year = SchoolYear(calendar)
        self._level = fleet.level_index
        n = len(fleet.schools)
        wards = {w.code: i for i, w in enumerate(fleet.wards)}
        isps = {name: i for i, name in enumerate(sorted({s.isp for s in fleet.schools}))}
        self._ward = np.array([wards[s.ward_code] for s in fleet.schools], np.intp)
        self._isp = np.array([isps[s.isp] for s in fleet.schools], np.intp)
        self._own = Noise(seed + 11, n)
        self._of_ward = Noise(seed + 12, len(wards))
        self._of_isp = Noise(seed + 13, len(isps))
        self._of_city = Noise(seed + 14, 1)
        fixed, share = self._own.white, self._own.uniform
        self.usual_absence = terms.absence * np.exp(terms.absence_between * fixed(_Label.USUAL, 0))
        self._unsent = terms.unsent * np.exp(terms.unsent_between * fixed(_Label.UNSENT_USUAL, 0)).clip(
            0.0, 15.0
        )
        drawn = share(_Label.CHRONIC, 0)
        third = np.ceil(3.0 * drawn / terms.chronic).clip(1, 3)
        self.chronic = np.where(drawn < terms.chronic, third, 0).astype(np.int8)
        """A `ChronicKind` a school, shape (schools,)."""
        self._badness = 0.5 + share(_Label.CHRONIC_SIZE, 0)
        self.bell = (share(_Label.BELL, 0) * len(terms.bells_min)).astype(np.intp)
        """Which of `bells_us` each school rings by, shape (schools,)."""
        self.bells_us = tuple(minutes * MINUTE_US for minutes in terms.bells_min)
        self._clock_s = terms.clock_s * fixed(_Label.CLOCK, 0)
        drifts = share(_Label.DRIFTS, 0) < 0.05
        self._drift_s = np.where(drifts, terms.drift_s_a_day * fixed(_Label.DRIFT, 0), 0.0)
        # What a session or a day has is asked for again and again: the newest are kept.
        kept = lru_cache(maxsize=16)
        self.absence = kept(self._absent)
        """Share of pupils who are absent on a day, by position."""
        self.register_delay_us = kept(self._delay_us)
        """By how much each school's register begins late, infinite if it never comes; by position."""
        self.overstated = kept(self._overstated)
        """Share of pupils who are first told as absent and are there, by position."""
        self._busy_day = kept(self._traffic_day)

    def city_absence(self, on: date) -> float:
        """Return the logarithm of the times by which the whole city is absent on a day."""
        terms, number = self.terms, on.toordinal()
        found = terms.weekday[on.weekday()] + terms.absence_city * float(
            self._of_city.white(_Label.CITY_DAY, number)[0]
        )
        if self._of_city.uniform(_Label.BAD_DAY, number)[0] < terms.bad_day:
            least, most = np.log(terms.bad_day_times)
            found += float(least + (most - least) * self._of_city.uniform(_Label.BAD_SIZE, number)[0])
        return found

    def level_absence(self, on: date) -> Column:
        """Return the same by level, with how near a recess is, shape (levels,)."""
        return self.city_absence(on) + np.array([self._near_recess(i, on) for i in range(len(LEVELS))])

    def _near_recess(self, level: int, on: date) -> float:
        """Return the logarithm of the times by which a level is absent because a recess is near."""
        terms, found = self.terms, 0.0
        before, after = self._year.before_recess(level, on), self._year.after_recess(level, on)
        if before is not None and before.is_summer:
            found += float(np.log(terms.last_days[before.nth - 1]))
        elif before is not None and before.nth == 1:
            found += self._drawn(terms.eve_times, _Label.EVE, on)
        if after is not None and after.is_summer:
            found += float(np.log(terms.first_days[after.nth - 1]))
        elif after is not None and after.nth == 1:
            found += self._drawn(terms.return_times, _Label.RETURN, on)
        return found

    def _drawn(self, times: tuple[float, ...], label: _Label, on: date) -> float:
        share = self._of_city.uniform(label, on.toordinal())[0]
        return float(np.log(times[int(np.ceil(share * len(times))) - 1]))

    def _of_year(self, label: _Label, spread: float, on: date) -> Column | float:
        """Return by how much, as a logarithm, a school year is unlike the first, by position."""
        year = school_year_of(on)
        return 0.0 if year == FIRST_YEAR else spread * self._own.white(label, year)

    def expected_absence(self, on: date) -> Column:
        """Return the share of pupils absent on a day but for each school's own draw, by position."""
        terms, number = self.terms, on.toordinal()
        run = terms.absence_run * self._own.smooth(_Label.RUN, number, 5)
        ward = terms.absence_ward * self._of_ward.white(_Label.WARD_DAY, number)[self._ward]
        slow = self._of_year(_Label.YEAR, terms.absence_year, on) + season(terms.season, on)
        found: Column = self.usual_absence * np.exp(run + ward + slow + self.level_absence(on)[self._level])
        return found

    def _absent(self, on: date) -> Column:
        drawn = self._own.heavy(_Label.OWN_DAY, _Label.OWN_TAIL, on.toordinal(), OWN_DEGREES)
        own = self.terms.absence_day * drawn.clip(-OWN_MOST, OWN_MOST)
        found: Column = (self.expected_absence(on) ** 0.25 + own).clip(0.0) ** 4
        return found.clip(None, ABSENT_MOST)

    def _delay_us(self, start_us: int) -> Column:
        late = self._own.uniform(_Label.LATE, start_us) < self.terms.late
        by_us = -1e6 * self.terms.late_s * np.log(self._own.uniform(_Label.LATE_BY, start_us))
        return np.where(self.unsent(start_us), np.inf, np.where(late, by_us, 0.0))

    def unsent(self, start_us: int) -> Mask:
        """Return which schools never submit the register of a session, shape (schools,)."""
        never: Mask = self._own.uniform(_Label.UNSENT, start_us) < self._unsent
        return never

    def _overstated(self, start_us: int) -> Column:
        drawn = self._own.uniform(_Label.CORRECTED, start_us) / self.terms.corrected
        return np.where(drawn < 1.0, self.terms.overstated * drawn, 0.0)

    def traffic(self, time_us: int, on: date, at: NDArray[np.intp]) -> Column:
        """Return the times by which each school is busier than its timetable says: fewer pupils, less."""
        terms = self.terms
        slow = terms.traffic_slow * self._own.smooth(_Label.TRAFFIC_SLOW, time_us, 25 * MINUTE_US)[at]
        tail = self._own.heavy(_Label.TRAFFIC_QUICK, _Label.TRAFFIC_TAIL, time_us)[at]
        times: Column = np.exp(self._busy_day(on)[at] + slow + terms.traffic_quick * tail.clip(-30, 30))
        return times.clip(0.02, 20.0)

    def _traffic_day(self, on: date) -> Column:
        terms, number = self.terms, on.toordinal()
        own = terms.traffic_day * self._own.white(_Label.TRAFFIC_DAY, number)
        ward = terms.traffic_ward_day * self._of_ward.white(_Label.TRAFFIC_DAY, number)[self._ward]
        found: Column = own + ward + terms.traffic_city_day * self._of_city.white(_Label.TRAFFIC_DAY, number)
        found += self._of_year(_Label.TRAFFIC_YEAR, terms.traffic_year, on)
        if season(terms.season, on):
            found += terms.traffic_season * self._own.smooth(_Label.TRAFFIC_WEEKS, number, WEEKS)
        there = (1.0 - self.absence(on)) / (1.0 - self.usual_absence.clip(0.0, 0.9))
        return found + np.log(there)

    def round_trip(self, time_us: int, hour: float, at: NDArray[np.intp]) -> Column:
        """Return the times by which each round trip is longer, chronic lines apart.

        Args:
            time_us: when.
            hour: local hour of the day.
            at: school positions.
        """
        terms = self.terms
        drawn = self._own.uniform(_Label.SPIKE, time_us // SLOT_US)[at] / terms.spike
        spikes = terms.spike_times * drawn.clip(1e-9, 1.0) ** (-1.0 / terms.spike_tail)
        times = np.where(drawn < 1.0, spikes.clip(None, terms.spike_most), 1.0)
        times *= np.exp(terms.round_trip * self._own.white(_Label.ROUND_TRIP, time_us)[at])
        first, last = EVENING_H
        if first < hour < last:
            times *= 1.0 + (self._evenings(time_us // DAY_US)[self._isp[at]] - 1.0) * np.sin(
                np.pi * (hour - first) / (last - first)
            )
        return times

    def _evenings(self, day: int) -> Column:
        """Return the times by which each provider is slow on an evening, shape (providers,)."""
        least, most = self.terms.slow_times
        slow = least + (most - least) * self._of_isp.uniform(_Label.EVENING_SIZE, day)
        return np.where(self._of_isp.uniform(_Label.EVENING, day) < self.terms.slow_evening, slow, 1.0)

    def chronic_line(self, time_us: int, at: NDArray[np.intp]) -> tuple[Column, Column]:
        """Return (round trip added, ms; loss added) of lines that are always bad, 0 elsewhere."""
        bad = np.where(self.chronic[at] == ChronicKind.BAD, self._badness[at], 0.0)
        now = np.abs(self._own.smooth(_Label.CHRONIC_SIZE, time_us, 90 * MINUTE_US)[at])
        return 110.0 * bad * (0.6 + now), 0.04 * bad * now

    def cut(self, time_us: int, at: NDArray[np.intp]) -> Mask:
        """Return which flapping lines are cut just now."""
        flaps = self._own.uniform(_Label.FLAP, time_us // SLOT_US)[at] < self.terms.flap
        found: Mask = flaps & (self.chronic[at] == ChronicKind.FLAPPING)
        return found

    def quiet(self, time_us: int, at: NDArray[np.intp]) -> Mask:
        """Return which unreliable gateways say nothing in this hour."""
        drawn = self._own.uniform(_Label.QUIET, time_us // (60 * MINUTE_US))[at] < self.terms.quiet_hour
        found: Mask = drawn & (self.chronic[at] == ChronicKind.SILENT)
        return found

    def packs(self, stream: Stream, time_us: int, at: NDArray[np.intp]) -> tuple[Mask, Mask, Mask]:
        """Return which packs of a stream are (lost, late, sent twice), none more than one of them."""
        terms = self.terms
        drawn = self._own.uniform(_Label.PACK + _PACKS[stream], time_us)[at]
        late = terms.lost + terms.delayed
        twice = late + terms.twice
        return drawn < terms.lost, (terms.lost <= drawn) & (drawn < late), (late <= drawn) & (drawn < twice)

    def skew_us(self, time_us: int, at: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the error of the devices' clocks; those that drift are set once in four weeks."""
        days = time_us / DAY_US % 28.0
        found: NDArray[np.int64] = np.round(1e6 * (self._clock_s[at] + days * self._drift_s[at])).astype(
            np.int64
        )
        return found
