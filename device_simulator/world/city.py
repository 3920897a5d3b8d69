"""The city's schools as a function of time: traffic, line quality, e-learning and registers.

Pure: everything follows from (fleet, calendar, seed, time). Columns are by the school positions
asked for; NaN means that nothing was measured. Values are rounded as a device would send them, so
a decoded pack equals what the world said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.calendar import SchoolCalendar
from contract.fleet import LEVELS, Fleet
from contract.topic import Stream
from device_simulator.world.mess import Mess
from device_simulator.world.moves import Move, Moves
from device_simulator.world.noise import Noise
from device_simulator.world.school_time.timetable import EXAM_FACTOR, MINUTE_US, Timetable
from device_simulator.world.severity import MESS, Severity

Column = NDArray[np.float64]
"""One number a school asked for, shape (n,)."""

TRAFFIC_BPS: Final = np.array([22_000.0, 36_000.0, 44_000.0, 50_000.0])
"""Traffic of a present pupil by level: chosen up to the 50 kbit/s a pupil of the UN/ITU 2030 target."""
_ONLINE_SHARE: Final = np.array([0.008, 0.05, 0.09, 0.13])
"""Share of present pupils on the e-learning platform by level: chosen."""
_EVENING_SHARE: Final = np.array([0.004, 0.04, 0.10, 0.16])
"""Share of all pupils on it at the evening's peak by level: chosen."""
_MONTH_SHARE: Final = np.array([0.10, 0.45, 0.70, 0.85])
"""Share of all pupils who are on it in 28 days by level: chosen; of them two in three in a week."""
_DAY_OF_MONTH: Final = 0.27
"""Share of a month's learners who are there on a school day: chosen."""
_ISP_MS: Final[Mapping[str, float]] = {"VNPT": 6.0, "Viettel": 7.0, "FPT": 5.0, "CMC": 4.0}
"""Round trip to the provider's exchange: chosen, metropolitan fibre; 8 ms for any other."""
_FULLEST: Final = 0.93
"""Highest use of a line: above it senders slow down (TCP congestion control), so averages stay below."""
_QUEUE_MS: Final = 3.0
"""Waiting time scale of the M/M/1 queue, ρ/(1−ρ): Kleinrock, Queueing Systems I, 1975."""
_SYNC_S: Final = 900
"""The connector synchronises every 15 minutes: chosen."""


class _Label(IntEnum):
    """Names of the noises; a number once used keeps its meaning."""

    HABIT = 1
    BUSY = 2
    DOWN = 3
    UP = 4
    ISP_DELAY = 5
    WARD_DELAY = 6
    DELAY = 7
    LOSS = 8
    USERS = 9
    EVENTS = 10
    SUCCESS = 11
    RESPONSE = 12
    SHIFT = 13
    RATE = 14
    SESSION = 15
    WARD_DAY = 16
    LATE = 17
    PACE = 18
    UP_SHARE = 19
    PLATFORM = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """What one stream's devices measured at one moment."""

    time_us: int
    stream: Stream
    positions: NDArray[np.intp]
    """School positions in the fleet, shape (n,)."""
    values: Mapping[str, Column]
    """By metric name, each shape (n,); NaN where nothing was measured."""


class World:
    """Answers what every school measures at any time."""

    def __init__(
        self,
        fleet: Fleet,
        calendar: SchoolCalendar,
        seed: int = 79,
        severity: Severity = Severity.CALM,
        moves: Sequence[Move] = (),
    ) -> None:
        n = len(fleet.schools)
        self.fleet = fleet
        self._timetable = Timetable(calendar)
        self._noise = Noise(seed, n)
        wards = {w.code: i for i, w in enumerate(fleet.wards)}
        isps = {name: i for i, name in enumerate(sorted({s.isp for s in fleet.schools}))}
        self._ward_noise = Noise(seed + 1, len(wards))
        self._isp_noise = Noise(seed + 2, len(isps))
        self._ward = np.array([wards[s.ward_code] for s in fleet.schools], np.intp)
        self._isp = np.array([isps[s.isp] for s in fleet.schools], np.intp)
        self._isp_ms = np.array([_ISP_MS.get(s.isp, 8.0) for s in fleet.schools])
        self._level = fleet.level_index.astype(np.intp)
        self._pupils = fleet.pupils.astype(float)
        self._moves = Moves(fleet, moves)
        self.contracted_down_bps = fleet.contracted_down_bps
        self.contracted_up_bps = fleet.contracted_up_bps
        self._positions = {s.code: i for i, s in enumerate(fleet.schools)}
        fixed = self._noise.white
        self._habit = np.exp(0.30 * fixed(_Label.HABIT, 0).clip(-2, 2))
        self._up_share = 0.16 * np.exp(0.25 * fixed(_Label.UP_SHARE, 0).clip(-2, 2))
        self._ward_ms = 2.0 * np.abs(self._ward_noise.white(_Label.WARD_DELAY, 0))
        self._rate = (0.968 + 0.010 * fixed(_Label.RATE, 0)).clip(0.93, 0.99)
        self._pace_us = (35 + 8 * fixed(_Label.PACE, 0)).clip(20, 60) * MINUTE_US
        self._shift = self._shifts(fixed(_Label.SHIFT, 0))
        self.mess = Mess(fleet, calendar, MESS[severity], seed) if severity in MESS else None
        """What departs from the timetable; None in a calm city."""
        self._bells_us = self.mess.bells_us if self.mess else (0,)
        self._bell = self.mess.bell if self.mess else np.zeros(n, np.intp)

    def _enrolled(self, time_us: int) -> Column:
        """Return the pupils of each school, shape (schools,)."""
        return self._pupils * self._moves.growth(time_us)

    def measure(self, stream: Stream, time_us: int, positions: NDArray[np.intp]) -> Measured:
        """Return what the devices of a stream measure at a time in the schools asked for."""
        found = {
            Stream.BANDWIDTH: self._bandwidth,
            Stream.ELEARNING: self._elearning,
            Stream.ATTENDANCE: self._attendance,
            Stream.STATUS: self._status,
        }[stream](time_us, positions)
        return Measured(time_us, stream, positions, found)

    def in_register(self, time_us: int) -> bool:
        """Return whether any level sends registers at a time."""
        return any(
            self._timetable.register(i, time_us - bell_us) is not None
            for i in range(len(LEVELS))
            for bell_us in self._bells_us
        )

    def _shifts(self, draw: Column) -> tuple[Column, Column]:
        """Return the share of pupils that belong to the morning and to the afternoon, by school.

        Preschools and primary schools keep all pupils all day; secondary schools teach some grades
        in one shift and some in both.
        """
        whole_day = self._level <= 1
        morning = np.where(whole_day, 1.0, (0.72 + 0.12 * draw).clip(0.5, 1.0))
        return morning, np.where(whole_day, 1.0, (1.25 - morning).clip(0.3, 0.75))

    def _presence(self, time_us: int, at: NDArray[np.intp]) -> tuple[Column, Column, Column]:
        """Return (present share of all pupils, evening share, idle share) of each school asked for."""
        table = np.array(
            [
                [self._timetable.activity(i, time_us - bell_us) for i in range(len(LEVELS))]
                for bell_us in self._bells_us
            ]
        )
        mine = table[self._bell[at], self._level[at]]
        present = mine[:, 0] * self._shift[0][at] + mine[:, 1] * self._shift[1][at]
        present = present * np.where(mine[:, 4] > 0, EXAM_FACTOR, 1.0)
        closed = self._timetable.closed_schools(self._timetable.local_day(time_us))
        if closed:
            shut = [self._positions[code] for code in closed if code in self._positions]
            present = np.where(np.isin(at, shut), 0.0, present)
        return present.clip(0.0, 1.0), mine[:, 2], mine[:, 3]

    def _busy(self, time_us: int, at: NDArray[np.intp]) -> Column:
        """Return how eager each school is just now, around 1: shared by its traffic and its e-learning."""
        slow = self._noise.smooth(_Label.BUSY, time_us, 25 * MINUTE_US)[at]
        ward = self._ward_noise.smooth(_Label.BUSY, time_us, 60 * MINUTE_US)[self._ward[at]]
        eager: Column = np.exp(0.10 * slow.clip(-2.5, 2.5) + 0.03 * ward)
        if self.mess is not None:
            eager *= self.mess.traffic(time_us, self._timetable.local_day(time_us), at)
        return eager

    def _demand(self, time_us: int, at: NDArray[np.intp]) -> Column:
        """Return download demand in bit/s of each school asked for, before the line's limit."""
        present, _, idle = self._presence(time_us, at)
        full = self._enrolled(time_us)[at] * TRAFFIC_BPS[self._level[at]] * self._habit[at]
        jitter = np.exp(0.06 * self._noise.white(_Label.DOWN, time_us)[at])
        demand: Column = full * (present * self._busy(time_us, at) + idle) * jitter
        return demand

    def _bandwidth(self, time_us: int, at: NDArray[np.intp]) -> dict[str, Column]:
        growth = self._moves.growth(time_us)[at]
        most_down, most_up = self.contracted_down_bps[at] * growth, self.contracted_up_bps[at] * growth
        down: Column = np.minimum(self._demand(time_us, at), _FULLEST * most_down)
        up = down * self._up_share[at] * np.exp(0.08 * self._noise.white(_Label.UP, time_us)[at])
        up = np.minimum(up, _FULLEST * most_up)
        used = down / most_down
        isp = self._isp_noise.smooth(_Label.ISP_DELAY, time_us, 20 * MINUTE_US)[self._isp[at]]
        ward = self._ward_noise.smooth(_Label.WARD_DELAY, time_us, 40 * MINUTE_US)[self._ward[at]]
        path = self._isp_ms[at] * np.exp(0.12 * isp) + self._ward_ms[self._ward[at]] * np.exp(0.15 * ward)
        queue = _QUEUE_MS * used / (1.0 - used)
        jitter = np.exp(0.10 * self._noise.white(_Label.DELAY, time_us)[at])
        rare = np.exp(0.8 * self._noise.white(_Label.LOSS, time_us)[at].clip(-3, 3))
        loss = 2e-4 * rare + 0.02 * (used - 0.85).clip(0.0)
        latency = (path + queue) * jitter
        if self.mess is not None:
            longer, lossy = self.mess.chronic_line(time_us, at)
            latency = latency * self.mess.round_trip(time_us, self._timetable.hour(time_us), at) + longer
            loss = loss + lossy
        return {
            "down_bps": np.round(down),
            "up_bps": np.round(up),
            "latency_ms": np.round(latency, 2),
            "loss_ratio": np.round(loss, 5),
        }

    def _status(self, time_us: int, at: NDArray[np.intp]) -> dict[str, Column]:
        return {"online": np.ones(len(at))}

    def _elearning(self, time_us: int, at: NDArray[np.intp]) -> dict[str, Column]:
        present, evening, _ = self._presence(time_us, at)
        level = self._level[at]
        share = present * _ONLINE_SHARE[level] * self._busy(time_us, at) + evening * _EVENING_SHARE[level]
        mean = self._enrolled(time_us)[at] * share * self._habit[at]
        # A normal draw with the variance of a Poisson count; near zero the floor makes it one-sided.
        users = np.round(mean + np.sqrt(mean) * self._noise.white(_Label.USERS, time_us)[at]).clip(0)
        events = np.round(users * 3.2 * np.exp(0.15 * self._noise.white(_Label.EVENTS, time_us)[at]))
        failing = 0.0015 * np.exp(0.6 * self._noise.white(_Label.SUCCESS, time_us)[at].clip(-3, 3))
        platform = float(self._isp_noise.smooth(_Label.PLATFORM, time_us, 30 * MINUTE_US)[0])
        load = float((present + evening).mean()) if len(at) else 0.0
        jitter = np.exp(0.10 * self._noise.white(_Label.RESPONSE, time_us)[at] + 0.08 * platform)
        phase = (at * 397) % _SYNC_S
        return {
            **self._learners(time_us, at),
            "active_users": users,
            "events": events,
            "success_ratio": np.round(1.0 - failing, 4),
            "response_ms": np.round(170.0 * (1.0 + 0.8 * load) * jitter, 1),
            "sync_age_s": (time_us // 1_000_000 + phase) % _SYNC_S + 5.0,
        }

    def _learners(self, time_us: int, at: NDArray[np.intp]) -> dict[str, Column]:
        """Return who was active today so far, in a week and in a month: told once an hour."""
        is_told = time_us // MINUTE_US % 60 == 0
        month = np.round(
            self._enrolled(time_us)[at] * _MONTH_SHARE[self._level[at]] * self._habit[at].clip(0.6, 1.15)
        )
        week = np.round(month * 0.67)
        so_far = self._timetable.day_done(time_us)
        today = np.round(month * _DAY_OF_MONTH * so_far)
        found = {"active_day": today, "active_week": week, "active_month": month}
        return found if is_told else {name: np.full(len(at), np.nan) for name in found}

    def _attendance(self, time_us: int, at: NDArray[np.intp]) -> dict[str, Column]:
        enrolled, absent, late = (np.full(len(at), np.nan) for _ in range(3))
        for bell, bell_us in enumerate(self._bells_us):
            for i in range(len(LEVELS)):
                register = self._timetable.register(i, time_us - bell_us)
                mine = np.flatnonzero((self._level[at] == i) & (self._bell[at] == bell))
                if register is None or not len(mine):
                    continue
                part, session = register
                who = at[mine]
                rate, tardy = self._rates(session.start_us, part, who)
                whole = np.round(self._enrolled(time_us)[who] * self._shift[part][who])
                since_us = np.full(len(who), float(time_us - bell_us - session.start_us))
                if self.mess is not None:
                    since_us -= self.mess.register_delay_us(session.start_us)[who]
                    whole = np.where(since_us < 0, np.nan, whole)
                done = (since_us / self._pace_us[who]).clip(0.0, 1.0)
                if self.mess is not None:
                    rate = rate - np.where(done < 0.5, self.mess.overstated(session.start_us)[who], 0.0)
                enrolled[mine] = np.round(whole * done).clip(1.0)
                absent[mine] = np.round(enrolled[mine] * (1.0 - rate.clip(0.0)))
                late[mine] = np.round((enrolled[mine] - absent[mine]) * tardy)
        closed = self._timetable.closed_schools(self._timetable.local_day(time_us))
        shut = [self._positions[code] for code in closed if code in self._positions]
        enrolled[np.isin(at, shut)] = np.nan
        return attendance_of(enrolled, absent, late)

    def _rates(self, start_us: int, part: int, who: NDArray[np.intp]) -> tuple[Column, Column]:
        """Return (attended over possible, late over attended) of one session, by school asked for."""
        late = 0.015 * np.exp(0.5 * self._noise.white(_Label.LATE, start_us)[who].clip(-2, 2))
        if self.mess is not None:
            return 1.0 - self.mess.absence(self._timetable.local_day(start_us))[who], late
        school = self._noise.white(_Label.SESSION, start_us)[who]
        ward = self._ward_noise.white(_Label.WARD_DAY, start_us // (24 * 60 * MINUTE_US))[self._ward[who]]
        rate = self._rate[who] + 0.006 * school.clip(-3, 3) + 0.004 * ward.clip(-3, 3) - 0.004 * part
        return rate.clip(0.90, 1.0), late


def attendance_of(enrolled: Column, absent: Column, late: Column) -> dict[str, Column]:
    """Return the five counts of a register, consistent: present + absent = enrolled, late within present.

    `enrolled` counts the pupils of the classes whose register is in: it grows to the whole session,
    so that attended over possible is right from the first class on.
    """
    absent = np.minimum(absent, enrolled)
    present = enrolled - absent
    late = np.where(np.isnan(enrolled), np.nan, np.minimum(late, present))
    return {
        "enrolled": enrolled,
        "present": present,
        "late": late,
        "absent": np.where(np.isnan(enrolled), np.nan, absent),
        "attendance_ratio": np.round(present / enrolled, 4),
    }
