"""The words of `calendar.toml`, and what cannot be there."""

from collections.abc import Iterator
from datetime import date, time
from zoneinfo import ZoneInfo

import msgspec

from contract.fleet import LEVELS
from contract.toml.positions import Path
from contract.toml.text import TomlText


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days from first to last, both included."""

    first: date
    last: date
    name: str


class Shift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A session of the day, local time, and on which days its bells ring so."""

    name: str
    """morning or afternoon."""
    start: time
    end: time
    first: date = date.min
    last: date = date.max
    """Both included; where a day is left out it holds without end in that direction."""

    def holds(self, day: date) -> bool:
        """Return whether it is a session of a local day."""
        return self.first <= day <= self.last


class LevelDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On which days a level has school, and its bells."""

    weekdays: list[int]
    """0 is Monday."""
    shift: list[Shift]


class CalendarFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    timezone: str
    country: str
    term: list[Span]
    level: dict[str, LevelDay]
    break_: list[Span] = msgspec.field(name="break", default_factory=list)
    exam: list[Span] = msgspec.field(default_factory=list)
    half_day: list[Span] = msgspec.field(default_factory=list)
    make_up: list[Span] = msgspec.field(default_factory=list)
    """Days of the weekend on which all schools work, in place of another day (học bù)."""
    event: list[Span] = msgspec.field(default_factory=list)
    """Days of all schools on which nothing is as usual: the eve of a recess, a conference day."""
    closure: dict[str, list[Span]] = msgspec.field(default_factory=dict)


def read_calendar_file(text: TomlText) -> CalendarFile:
    """Return what a calendar file says.

    Raises:
        ConfigurationError: something is missing, wrong or cannot be; names its line.
    """
    file: CalendarFile = text.read_at((), CalendarFile)
    for path, why in _complaints(file):
        raise text.refused(path, why)
    return file


def _complaints(file: CalendarFile) -> Iterator[tuple[Path, str]]:
    """Yield what cannot be, and where it stands."""
    yield from _place_complaints(file)
    if not file.term:
        yield ("term",), "there is no term, so no school would ever be open; write a [[term]]"
    spans: list[tuple[Path, str, Span]] = [
        ((kind, nth, "last"), kind, span)
        for kind, found in _spans(file).items()
        for nth, span in enumerate(found)
    ]
    spans += [
        (("closure", code, nth, "last"), f"closure of {code}", span)
        for code, found in file.closure.items()
        for nth, span in enumerate(found)
    ]
    for path, told, span in spans:
        if span.last < span.first:
            yield path, f"{told} {span.name!r} ends on {span.last}, before it begins on {span.first}"
    names = [level.value for level in LEVELS]
    for name, plan in file.level.items():
        if name not in names:
            yield ("level", name), f"level {name!r} is none of {', '.join(names)}"
        for nth, weekday in enumerate(plan.weekdays):
            if not 0 <= weekday <= 6:
                why = f"weekday {weekday} of {name} is not within 0 (Monday) to 6 (Sunday)"
                yield ("level", name, "weekdays", nth), why
        yield from _shift_complaints(name, plan)
    for name in names:
        if name not in file.level:
            yield ("level",), f"level {name!r} is missing; write a [level.{name}]"


def _place_complaints(file: CalendarFile) -> Iterator[tuple[Path, str]]:
    from holidays.registry import EntityLoader  # without the countries' own modules

    try:
        ZoneInfo(file.timezone)
    except (ValueError, OSError):  # names no zone, or a path
        why = f"`timezone` is {file.timezone!r}, which is none; write one such as Asia/Ho_Chi_Minh"
        yield ("timezone",), why
    if file.country not in {*EntityLoader.get_country_codes()}:
        why = f"country {file.country!r} has no public holidays that are known; write a code such as VN"
        yield ("country",), why


def _spans(file: CalendarFile) -> dict[str, list[Span]]:
    return {
        "term": file.term,
        "break": file.break_,
        "exam": file.exam,
        "half_day": file.half_day,
        "make_up": file.make_up,
        "event": file.event,
    }


def _shift_complaints(name: str, plan: LevelDay) -> Iterator[tuple[Path, str]]:
    for nth, shift in enumerate(plan.shift):
        path: Path = ("level", name, "shift", nth)
        told = f"shift {shift.name!r} of {name}"
        if shift.end <= shift.start:
            yield (*path, "start"), f"{told} ends at {shift.end}, not after {shift.start}"
        if shift.last < shift.first:
            yield path, f"{told} holds until {shift.last}, before its first day, {shift.first}"
        before = [s for s in plan.shift[:nth] if s.first <= shift.last and shift.first <= s.last]
        until = max((s.end for s in before), default=time.min)
        if shift.start < until:
            yield (*path, "start"), f"{told} begins at {shift.start}, before {until} of the last"
