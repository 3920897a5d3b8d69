"""What a silence may be: whoever wants one that may not gets a sentence, and what was in force stays so."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from alerting.silences.matching import compiled, holds
from alerting.silences.recurrence import check_rule, last_end_us, rule_parts, windows_of
from contract.calendar import SchoolCalendar
from contract.routing.silence import (
    DAY_US,
    FARTHEST_US,
    LABEL_PATTERN,
    LONGEST_RECURRING_US,
    LONGEST_US,
    MOST_EXCEPTIONS,
    MOST_MATCHERS,
    MOST_OWNER,
    MOST_REASON,
    MOST_VALUE,
    Recurrence,
    Silence,
    SilenceFault,
    SilenceMatcher,
)

FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
"""A silence that recurs more often than once a day is one silence, and RFC 5545's SECONDLY an attack."""
PARTS: Final = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"}
)
OF_MONTHS: Final = frozenset({"BYMONTHDAY", "BYSETPOS"})
"""Parts that need a MONTHLY or YEARLY rule: another one may never come true, which takes long to see."""
_MOST_NUMBERS: Final = {"BYMONTH": 12, "BYMONTHDAY": 31, "BYSETPOS": 366, "BYDAY": 53}
"""Largest number of each part, from either end. Source: RFC 5545, section 3.3.10."""
_MOST_IN_MONTH: Final = {"BYSETPOS": 31, "BYDAY": 5}
_DAYS_OF_MONTH: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+")
MOST_RULE: Final = 200
"""Characters of a rule: chosen, no calendar program writes more."""
MOST_INTERVAL: Final = 400
MOST_COUNT: Final = 1000
_LABEL: Final = re.compile(LABEL_PATTERN)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line breaks, and halves of characters."""


class Complaint(NamedTuple):
    """Why a silence is refused."""

    fault: SilenceFault
    values: Mapping[str, object] = {}


def settled(silence: Silence, calendar: SchoolCalendar, *, has_end: bool = True) -> Silence | Complaint:
    """Return a silence that is wanted, or why it may not be.

    Args:
        silence: as it is wanted, made now: `created_at_us` is the time.
        calendar: of the schools.
        has_end: False where nobody said an end: then a rule that has one gives it.
    """
    complaint = next(_complaints_of_words(silence), None)
    if complaint is not None:
        return complaint
    if silence.recurrence is not None:
        complaint = next(_complaints_of_rule(silence.recurrence), None)
        if complaint is not None:
            return complaint
        if not has_end and {"UNTIL", "COUNT"} & rule_parts(silence.recurrence.rrule).keys():
            end_us = last_end_us(silence.recurrence, silence.from_us)
            if end_us is None:
                return Complaint(SilenceFault.NO_OCCURRENCE)
            silence, has_end = replace(silence, until_us=end_us), True
    if not has_end:
        return Complaint(SilenceFault.NO_END)
    return next(_complaints_of_time(silence, calendar), silence)


def _complaints_of_words(silence: Silence) -> Iterator[Complaint]:
    if not silence.owner.strip():
        yield Complaint(SilenceFault.NO_OWNER)
    if not silence.reason.strip():
        yield Complaint(SilenceFault.NO_REASON)
    for what, text, most in (
        ("owner", silence.owner, MOST_OWNER),
        ("reason", silence.reason, MOST_REASON),
        ("uid", silence.uid, MOST_VALUE),
    ):
        yield from _complaints_of_text(what, text, most)
    if not silence.matchers:
        yield Complaint(SilenceFault.NO_MATCHER)
    if len(silence.matchers) > MOST_MATCHERS:
        yield Complaint(SilenceFault.TOO_MANY_MATCHERS, {"n": len(silence.matchers), "most": MOST_MATCHERS})
    for matcher in silence.matchers:
        yield from _complaints_of_matcher(matcher)
    if all(holds(matcher, ()) for matcher in silence.matchers):
        yield Complaint(SilenceFault.MATCHES_ALL)
    if abs(silence.from_us - silence.created_at_us) > FARTHEST_US:
        yield Complaint(SilenceFault.TOO_FAR, {"days": FARTHEST_US // DAY_US})


def _complaints_of_text(what: str, text: str, most: int) -> Iterator[Complaint]:
    if _CONTROL.search(text):
        yield Complaint(SilenceFault.CONTROL_CHARACTER, {"what": what})
    if len(text) > most:
        yield Complaint(SilenceFault.TOO_LONG_TEXT, {"what": what, "n": len(text), "most": most})


def _complaints_of_matcher(matcher: SilenceMatcher) -> Iterator[Complaint]:
    if not _LABEL.fullmatch(matcher.name):
        yield Complaint(SilenceFault.BAD_LABEL, {"label": _shown(matcher.name)})
    yield from _complaints_of_text(matcher.name, matcher.value, MOST_VALUE)
    if matcher.is_regex:
        try:
            compiled(matcher.value)
        except ValueError as error:
            yield Complaint(
                SilenceFault.BAD_PATTERN, {"label": matcher.name, "pattern": matcher.value, "why": error}
            )


def _complaints_of_rule(recurrence: Recurrence) -> Iterator[Complaint]:
    rule = _shown(recurrence.rrule)
    try:
        ZoneInfo(recurrence.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Complaint(SilenceFault.BAD_ZONE, {"zone": _shown(recurrence.timezone)})
    if len(recurrence.rrule) > MOST_RULE:
        yield Complaint(
            SilenceFault.TOO_LONG_TEXT, {"what": "rrule", "n": len(recurrence.rrule), "most": MOST_RULE}
        )
    try:
        parts = rule_parts(recurrence.rrule)
        interval, count = int(parts.get("INTERVAL", "1")), int(parts.get("COUNT", "1"))
    except ValueError as error:
        yield Complaint(SilenceFault.BAD_RULE, {"rule": rule, "why": error})
        return
    often = parts.get("FREQ", "")
    if often not in FREQUENCIES:
        yield Complaint(SilenceFault.BAD_FREQUENCY, {"rule": rule, "known": ", ".join(FREQUENCIES)})
    strange = parts.keys() - PARTS
    if often in ("DAILY", "WEEKLY"):
        strange |= parts.keys() & OF_MONTHS
    if strange:
        yield Complaint(SilenceFault.BAD_PART, {"rule": rule, "part": ", ".join(sorted(strange))})
    if not (1 <= interval <= MOST_INTERVAL and 1 <= count <= MOST_COUNT):
        yield Complaint(
            SilenceFault.BAD_RULE, {"rule": rule, "why": f"INTERVAL 1–{MOST_INTERVAL}, COUNT 1–{MOST_COUNT}"}
        )
    if not 0 < recurrence.duration_us <= LONGEST_US:
        yield Complaint(SilenceFault.BAD_DURATION, {"days": LONGEST_US // DAY_US})
    if len(recurrence.except_us) > MOST_EXCEPTIONS:
        yield Complaint(
            SilenceFault.TOO_MANY_EXCEPTIONS, {"n": len(recurrence.except_us), "most": MOST_EXCEPTIONS}
        )
    numbers = {name: [int(n) for n in _NUMBER.findall(parts.get(name, ""))] for name in _MOST_NUMBERS}
    if trouble := _trouble_of_parts(often, parts, numbers):
        yield Complaint(SilenceFault.BAD_RULE, {"rule": rule, "why": trouble})
    elif _never_comes(numbers):
        yield Complaint(SilenceFault.NO_OCCURRENCE)
    try:
        check_rule(recurrence)
    except ValueError as error:
        yield Complaint(SilenceFault.BAD_RULE, {"rule": rule, "why": error})


def _trouble_of_parts(often: str, parts: Mapping[str, str], numbers: Mapping[str, list[int]]) -> str:
    """Return which part of a rule cannot be, empty for none. Source: RFC 5545, section 3.3.10."""
    if {"COUNT", "UNTIL"} <= parts.keys():
        return "COUNT, UNTIL"
    most = _MOST_NUMBERS | ({} if often == "YEARLY" else _MOST_IN_MONTH)
    for name, found in numbers.items():
        for number in found:
            if not 1 <= (number if name == "BYMONTH" else abs(number)) <= most[name]:
                return f"{name}={number}"
    return ""


def _never_comes(numbers: Mapping[str, list[int]]) -> bool:
    """Return whether no month of a rule has such a day: its reader would look for one until the year 9999."""
    months, days = numbers["BYMONTH"] or [1], numbers["BYMONTHDAY"] or [1]
    return min(map(abs, days)) > max(_DAYS_OF_MONTH[month - 1] for month in months)


def _complaints_of_time(silence: Silence, calendar: SchoolCalendar) -> Iterator[Complaint]:
    now_us, recurs = silence.created_at_us, silence.recurrence is not None
    longest_us = LONGEST_RECURRING_US if recurs else LONGEST_US
    if silence.until_us <= silence.from_us:
        yield Complaint(SilenceFault.ENDS_BEFORE)
    if silence.until_us <= now_us:
        yield Complaint(SilenceFault.IS_OVER, {"until": _day(silence.until_us, calendar)})
    if silence.until_us - silence.from_us > longest_us:
        yield Complaint(
            SilenceFault.RECURS_TOO_LONG if recurs else SilenceFault.TOO_LONG, {"days": longest_us // DAY_US}
        )
    if not any(window.until_us > now_us for window in windows_of(silence, calendar)):
        yield Complaint(SilenceFault.NO_OCCURRENCE)


def _day(at_us: int, calendar: SchoolCalendar) -> str:
    try:
        return datetime.fromtimestamp(at_us / 1e6, calendar.timezone).isoformat(" ", "minutes")
    except (ValueError, OverflowError, OSError):  # no year of ours
        return f"{at_us} µs"


def _shown(text: str) -> str:
    """Return what was sent as it can be shown anywhere."""
    return _CONTROL.sub("?", text[:80])
