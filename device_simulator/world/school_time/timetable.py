"""What a level's schools do at a moment, as shares: the shape of the day behind all traffic."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from contract.calendar import Context, SchoolCalendar, Session

MINUTE_US: Final = 60_000_000
_ARRIVE_US: Final = 25 * MINUTE_US
"""Pupils come from 25 minutes before a session; chosen: gates open half an hour before."""
_SETTLE_US: Final = 10 * MINUTE_US
"""… until 10 minutes after its start."""
_LEAVE_US: Final = 30 * MINUTE_US
"""Pupils have left 30 minutes after a session's end."""
_LESSON_US: Final = 50 * MINUTE_US
"""A lesson and its break: 45 + 5 minutes. Source: MOET Circular 32/2018, length of lessons."""
_LUNCH: Final = (0.45, 0.40, 0.15, 0.15)
"""Share of pupils who stay over lunch by level: chosen, boarding is usual up to primary school."""
_STAFF: Final = 0.04
"""Activity of staff and offices around the sessions, as a share of a full house: chosen."""
_NIGHT: Final = 0.012
"""Cameras, updates and backups, as a share of a full house: chosen."""
EXAM_FACTOR: Final = 0.7
"""Traffic on exam days: papers, not screens; chosen."""
REGISTER_FIRST_US: Final = 10 * MINUTE_US
"""Registers are sent from 10 minutes after a session's start …"""
REGISTER_LAST_US: Final = 70 * MINUTE_US
"""… to 70 minutes after it; chosen around the usual cut-off of one hour."""


class Activity(NamedTuple):
    """A level at a moment."""

    morning: float
    """Share of the morning session's pupils who are in school and at work, 0 to 1."""
    afternoon: float
    evening: float
    """How much of the evening's home learning is on, 0 to 1."""
    idle: float
    """Traffic that nobody asked for, as a share of a full house."""
    exam: bool


class Timetable:
    """The calendar turned into shares, by level and time."""

    def __init__(self, calendar: SchoolCalendar) -> None:
        self._calendar = calendar
        self._sessions = lru_cache(maxsize=256)(calendar.sessions)
        self.closed_schools = lru_cache(maxsize=64)(calendar.closed_schools)
        """Codes of schools that are closed on a local day by themselves."""

    def local_day(self, time_us: int) -> date:
        """Return the local day of a time in µs since 1970."""
        return self._calendar.local_day(time_us)

    def activity(self, level_index: int, time_us: int) -> Activity:
        """Return what schools of a level do at a time."""
        sessions = self._sessions(level_index, self.local_day(time_us))
        presence = [_presence(s, time_us) for s in sessions]
        morning = presence[0] if sessions else 0.0
        afternoon = presence[1] if len(sessions) > 1 else 0.0
        if len(sessions) > 1 and sessions[0].end_us <= time_us < sessions[1].start_us:
            morning = max(morning, _LUNCH[level_index])
        exam = bool(sessions) and self._calendar.context_at(level_index, _middle(sessions[0])) == Context.EXAM
        idle = _NIGHT
        if (
            sessions
            and sessions[0].start_us - 2 * _ARRIVE_US < time_us < sessions[-1].end_us + 90 * MINUTE_US
        ):
            idle += _STAFF
        return Activity(morning, afternoon, self._evening(time_us), idle, exam)

    def register(self, level_index: int, time_us: int) -> tuple[int, Session] | None:
        """Return (0 morning or 1 afternoon, session) while its registers are being sent, else None."""
        for i, session in enumerate(self._sessions(level_index, self.local_day(time_us))):
            if REGISTER_FIRST_US <= time_us - session.start_us <= REGISTER_LAST_US:
                return i, session
        return None

    def day_done(self, time_us: int) -> float:
        """Return which share of a day's learners were there so far, 0 to 1: from 7:00 to 22:00 by and by."""
        hour = self.hour(time_us)
        is_school_day = bool(self._sessions(len(_LUNCH) - 1, self.local_day(time_us)))
        return float(np.clip((hour - 7.0) / 15.0, 0.0, 1.0)) * (1.0 if is_school_day else 0.4)

    def hour(self, time_us: int) -> float:
        """Return the local hour of the day, 0 to 24."""
        local = datetime.fromtimestamp(time_us // 1_000_000, self._calendar.timezone)
        return (local - local.replace(hour=0, minute=0, second=0)) / timedelta(hours=1)

    def _evening(self, time_us: int) -> float:
        """Return the share of the evening's home learning: a bell from 18:30 to 22:30, peak at 20:15."""
        local = datetime.fromtimestamp(time_us // 1_000_000, self._calendar.timezone)
        hour = (local - local.replace(hour=0, minute=0, second=0)) / timedelta(hours=1)
        peak = float(np.exp(-(((hour - 20.25) / 1.1) ** 2)))
        tomorrow = (local + timedelta(days=1)).date()
        # Home learning belongs to the eve of a school day; on other evenings a fifth remains.
        return peak if self._sessions(len(_LUNCH) - 1, tomorrow) else 0.2 * peak


def _middle(session: Session) -> int:
    """Return the minute number in the middle of a session."""
    return (session.start_us + session.end_us) // 2 // MINUTE_US


def _presence(session: Session, time_us: int) -> float:
    """Return the share of a session's pupils at work: in over 35 minutes, out over 40, waves of lessons."""
    come = _ramp(time_us, session.start_us - _ARRIVE_US, session.start_us + _SETTLE_US)
    go = _ramp(time_us, session.end_us - _SETTLE_US, session.end_us + _LEAVE_US)
    wave = 1.0 - 0.05 * (1.0 + np.cos(2 * np.pi * (time_us - session.start_us) / _LESSON_US))
    return float(come * (1.0 - go) * wave)


def _ramp(time_us: int, from_us: int, to_us: int) -> float:
    """Return 0 before, 1 after, and a smooth step between."""
    x = min(1.0, max(0.0, (time_us - from_us) / (to_us - from_us)))
    return x * x * (3.0 - 2.0 * x)
