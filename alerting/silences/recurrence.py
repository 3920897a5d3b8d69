"""When a silence is in force: one window, or the occurrences of a rule on the school calendar.

Of RFC 5545, what keeps a rule to one occurrence a day at most: then all of them until `until_us` are a few
hundred, found once and looked up afterwards. A rule has the time of day of its DTSTART.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from contract.calendar import SchoolCalendar
from contract.routing.silence import LONGEST_RECURRING_US, Recurrence, Silence, SilenceState

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
_PART: Final = re.compile(r"[A-Z]+=[A-Z0-9,+-]+")


class SilenceWindow(NamedTuple):
    """A window of time in which a silence is in force."""

    from_us: int
    """µs since 1970."""
    until_us: int
    """µs since 1970; not included."""


def active_until_us(silence: Silence, calendar: SchoolCalendar, at_us: int) -> int | None:
    """Return the end of the window in which a silence is in force at a moment; None if it is not."""
    if not silence.from_us <= at_us < silence.end_us:
        return None
    windows = windows_of(silence, calendar)
    place = bisect_right(windows, at_us, key=_begin) - 1
    if place < 0 or at_us >= windows[place].until_us:
        return None
    return min(windows[place].until_us, silence.end_us)


def state_of(silence: Silence, calendar: SchoolCalendar, at_us: int) -> SilenceState:
    """Return whether a silence is in force at a moment, is to come, or is over."""
    if at_us >= silence.end_us:
        return SilenceState.EXPIRED
    is_active = active_until_us(silence, calendar, at_us) is not None
    return SilenceState.ACTIVE if is_active else SilenceState.PENDING


def next_edge_us(silences: Collection[Silence], calendar: SchoolCalendar, at_us: int) -> int | None:
    """Return the next moment after `at_us` at which any of the silences begins or ends; None if none does."""
    edges = (_next_edge_us(silence, calendar, at_us) for silence in silences)
    return min((edge_us for edge_us in edges if edge_us is not None), default=None)


def next_window(silence: Silence, calendar: SchoolCalendar, at_us: int) -> SilenceWindow | None:
    """Return the first window of a silence that begins after a moment; None if none does."""
    windows = windows_of(silence, calendar)
    place = bisect_right(windows, at_us, key=_begin)
    is_there = place < len(windows) and windows[place].from_us < silence.end_us
    return windows[place] if is_there else None


def windows_of(silence: Silence, calendar: SchoolCalendar) -> tuple[SilenceWindow, ...]:
    """Return all windows of a silence up to its `until_us`, in order, none of which meets another.

    That somebody ended it earlier is not in them: see `Silence.end_us`.

    Raises:
        ValueError: the rule is none of RFC 5545, or its zone is unknown.
    """
    if silence.recurrence is None:
        return (SilenceWindow(silence.from_us, silence.until_us),)
    return _windows(silence.recurrence, silence.from_us, silence.until_us, calendar)


def beginnings(recurrence: Recurrence, from_us: int, until_us: int) -> Iterator[int]:
    """Yield the beginnings of a rule's occurrences before `until_us`, µs since 1970, whatever the calendar.

    Raises:
        ValueError: the rule is none of RFC 5545, or its zone is unknown.
    """
    zone = ZoneInfo(recurrence.timezone)
    for local in _parsed(recurrence.rrule, local_time(from_us, zone), zone):
        begin_us = (local.replace(tzinfo=zone) - EPOCH) // MICROSECOND
        if begin_us >= until_us:
            return
        yield begin_us


def check_rule(recurrence: Recurrence) -> None:
    """Refuse a rule that cannot be read; whether it ever comes true is another question.

    Raises:
        ValueError: the rule is none of RFC 5545, or its zone is unknown.
    """
    _parsed(recurrence.rrule, datetime(1970, 1, 1), ZoneInfo(recurrence.timezone))


def is_left_out(recurrence: Recurrence, begin_us: int, calendar: SchoolCalendar) -> bool:
    """Return whether an occurrence is an exception, or the school calendar has none on its day."""
    day = local_time(begin_us, ZoneInfo(recurrence.timezone)).date()
    return (
        begin_us in recurrence.except_us
        or (recurrence.only_school_days and not calendar.is_school_day(day))
        or (recurrence.not_in_exam and calendar.is_exam_week(day))
    )


def last_end_us(recurrence: Recurrence, from_us: int) -> int | None:
    """Return when the last occurrence of a rule that ends by itself ends; None if it has none.

    One that goes on for longer than a silence may recur ends then.

    Raises:
        ValueError: the rule is none of RFC 5545, or its zone is unknown.
    """
    last_us = max(beginnings(recurrence, from_us, from_us + LONGEST_RECURRING_US), default=None)
    return None if last_us is None else min(last_us + recurrence.duration_us, from_us + LONGEST_RECURRING_US)


def local_time(at_us: int, zone: ZoneInfo) -> datetime:
    """Return the date and time of day that a clock of the zone shows, without a zone."""
    return (EPOCH + timedelta(microseconds=at_us)).astimezone(zone).replace(tzinfo=None)


def rule_parts(rrule: str) -> dict[str, str]:
    """Return the parts of an RRULE by name, in capitals.

    Raises:
        ValueError: a part is not `NAME=VALUE`, or a name comes twice.
    """
    parts: dict[str, str] = {}
    for part in rrule.upper().split(";"):
        name, _, value = part.partition("=")
        # Nothing else: the parser takes more than a rule, such as a DTSTART after a space.
        if not _PART.fullmatch(part) or name in parts:
            raise ValueError(f"{part!r} is not a part of a rule")
        parts[name] = value
    return parts


@lru_cache(maxsize=1024)
def _windows(
    recurrence: Recurrence, from_us: int, until_us: int, calendar: SchoolCalendar
) -> tuple[SilenceWindow, ...]:
    found: list[SilenceWindow] = []
    for begin_us in beginnings(recurrence, from_us, until_us):
        if is_left_out(recurrence, begin_us, calendar):
            continue
        end_us = min(begin_us + recurrence.duration_us, until_us)
        if found and begin_us <= found[-1].until_us:  # occurrences may be longer than the time between them
            found[-1] = SilenceWindow(found[-1].from_us, max(end_us, found[-1].until_us))
        else:
            found.append(SilenceWindow(begin_us, end_us))
    return tuple(found)


def _next_edge_us(silence: Silence, calendar: SchoolCalendar, at_us: int) -> int | None:
    if at_us >= silence.end_us:
        return None
    active_us = active_until_us(silence, calendar, at_us)
    if active_us is not None:
        return active_us
    following = next_window(silence, calendar, at_us)
    return None if following is None else following.from_us


def _begin(window: SilenceWindow) -> int:
    return window.from_us


def _parsed(rrule: str, start: datetime, zone: ZoneInfo) -> Iterable[datetime]:
    """Return the beginnings by a rule as a clock of the zone shows them; an UNTIL is such a time as well."""
    parts = rule_parts(rrule)
    until = parts.get("UNTIL")
    if until is not None and until.endswith("Z"):
        parts["UNTIL"] = _local_until(datetime.strptime(until, "%Y%m%dT%H%M%SZ"), zone)
    elif until is not None and "T" not in until:
        parts["UNTIL"] = f"{until}T235959"  # the whole of that day
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    found: Iterable[datetime] = rrulestr(text, dtstart=start)
    return found


def _local_until(utc: datetime, zone: ZoneInfo) -> str:
    """Return a rule's end in UTC as a clock of the zone shows it; some write the last of all years."""
    try:
        local = utc.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        local = utc
    return f"{local:%Y%m%dT%H%M%S}".rjust(15, "0")
