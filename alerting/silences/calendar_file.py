"""Calendar files (RFC 5545): work that a provider announces, and silences for whoever subscribes to them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component, Event, Timezone, vRecur
from msgspec.structs import replace

from alerting.silences.recurrence import EPOCH, MICROSECOND, beginnings, is_left_out, rule_parts
from contract.calendar import SchoolCalendar
from contract.routing.silence import MOST_REASON, MOST_VALUE, Recurrence, Silence, SilenceKind

DAY: Final = timedelta(days=1)


class AnnouncedWork(NamedTuple):
    """An event of a calendar file."""

    uid: str
    """Its UID; of one occurrence that was moved, with its place in the series behind it."""
    from_us: int
    """Of the first occurrence, µs since 1970."""
    until_us: int
    recurrence: Recurrence | None
    reason: str
    """Its summary, else its description, on one line; empty without both."""
    is_cancelled: bool


class CalendarReading(NamedTuple):
    """What a calendar file says."""

    works: list[AnnouncedWork]
    troubles: list[str]
    """A sentence for each event that cannot be read."""


def read_calendar(text: str, timezone: ZoneInfo) -> CalendarReading:
    """Return the events of a calendar file.

    Args:
        text: of one or several VCALENDARs.
        timezone: of times that have none.

    Raises:
        ValueError: it is no calendar file; says why.
    """
    works: dict[str, AnnouncedWork] = {}
    moved: list[tuple[str, int]] = []
    troubles: list[str] = []
    for file in _files(text):
        is_cancelled = str(file.get("METHOD", "")).upper() == "CANCEL"
        for event in file.walk("VEVENT"):
            uid = str(event.get("UID", ""))
            try:
                work = _work(event, timezone, is_cancelled)
                if "RECURRENCE-ID" in event:
                    place_us = _us(event.decoded("RECURRENCE-ID"), timezone)
                    moved.append((uid, place_us))
                    work = work._replace(uid=f"{uid}/{place_us}", recurrence=None)
            except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
                troubles.append(f"event {uid or '?'}: {error}")
            else:
                works[work.uid] = work
    for uid, place_us in moved:
        rule = works[uid].recurrence if uid in works else None
        if rule is not None:
            left_out = tuple(sorted({*rule.except_us, place_us}))
            works[uid] = works[uid]._replace(recurrence=replace(rule, except_us=left_out))
    return CalendarReading(list(works.values()), troubles)


def write_calendar(
    silences: Iterable[Silence], calendar: SchoolCalendar, titles: Mapping[SilenceKind, str]
) -> bytes:
    """Return silences as a calendar file; words of the school calendar become exceptions (EXDATE)."""
    file = Calendar()
    file.add("prodid", "-//eduops//silences//VI")
    file.add("version", "2.0")
    for silence in silences:
        file.add_component(_event(silence, calendar, titles[silence.kind]))
    file.add_missing_timezones()
    return calendar_bytes(file, calendar.timezone)


def calendar_bytes(file: Calendar, timezone: ZoneInfo) -> bytes:
    """Return a calendar as the bytes of a file; one without events tells its time zone.

    Some programs refuse a file that has nothing: RFC 5545, section 3.6, asks for one component at least.
    """
    if not file.subcomponents:
        file.add_component(Timezone.from_tzid(timezone.key))
    written: bytes = file.to_ical()
    return written


def _files(text: str) -> list[Component]:
    """Return the VCALENDARs of a text.

    Raises:
        ValueError: it has none, or one that icalendar cannot make sense of.
    """
    try:
        return list(Calendar.from_ical(text, multiple=True))
    except (AttributeError, TypeError, KeyError, IndexError) as error:  # parts where it expects others
        raise ValueError(f"its parts do not fit together ({error})") from error


def _work(event: Component, timezone: ZoneInfo, is_cancelled: bool) -> AnnouncedWork:
    uid = str(event.get("UID", "")).strip()
    if not uid:
        raise ValueError("it has no UID, so nobody could tell whether it is new")
    if "DTSTART" not in event:
        raise ValueError("it has no DTSTART")
    start = event.decoded("DTSTART")
    from_us = _us(start, timezone)
    if "DTEND" in event:
        until_us = _us(event.decoded("DTEND"), timezone)
    elif "DURATION" in event:
        until_us = from_us + event.decoded("DURATION") // MICROSECOND
    elif not isinstance(start, datetime):
        until_us = _us(start + DAY, timezone)
    else:
        raise ValueError("it has neither DTEND nor DURATION, and a silence needs an end")
    if until_us <= from_us:
        raise ValueError("it does not end after it begins")
    status = str(event.get("STATUS", "")).upper()
    return AnnouncedWork(
        uid[:MOST_VALUE],
        from_us,
        until_us,
        _recurrence(event, start, until_us - from_us, timezone),
        " ".join(str(event.get("SUMMARY") or event.get("DESCRIPTION") or "").split())[:MOST_REASON],
        is_cancelled or status == "CANCELLED",
    )


def _recurrence(
    event: Component, start: date | datetime, duration_us: int, timezone: ZoneInfo
) -> Recurrence | None:
    rules = event.get("RRULE")
    if "RDATE" in event or isinstance(rules, list):
        raise ValueError("it recurs by RDATE or by several rules; one RRULE is read")
    if rules is None:
        return None
    zone = timezone
    if isinstance(start, datetime) and start.tzinfo is not None:
        key = "UTC" if start.tzinfo is UTC else getattr(start.tzinfo, "key", None)
        if key is None:
            raise ValueError(f"it recurs in a time zone without an IANA name: {start.tzinfo}")
        zone = ZoneInfo(key)
    said = event.get("EXDATE", [])
    left_out = [moment.dt for dates in (said if isinstance(said, list) else [said]) for moment in dates.dts]
    except_us = tuple(sorted({_us(moment, zone) for moment in left_out}))
    return Recurrence(rules.to_ical().decode(), duration_us, zone.key, except_us)


def _us(moment: date | datetime, timezone: ZoneInfo) -> int:
    """Return a moment of a calendar file in µs since 1970; a day means its midnight."""
    if not isinstance(moment, date):
        raise ValueError(f"{moment!r} is no date or time")
    at = moment if isinstance(moment, datetime) else datetime.combine(moment, time.min)
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone)
    return (at - EPOCH) // MICROSECOND


def _event(silence: Silence, calendar: SchoolCalendar, title: str) -> Event:
    event = Event()
    event.add("uid", f"{silence.silence_id}@eduops")
    event.add("dtstamp", _utc(silence.created_at_us))
    event.add("summary", f"{title}: {', '.join(map(str, silence.matchers))}")
    event.add("description", f"{silence.reason}\n{silence.owner}")
    event.add("categories", [silence.kind.value.upper()])
    if silence.end_us <= silence.from_us:
        event.add("status", "CANCELLED")
    if silence.recurrence is None:
        event.add("dtstart", _utc(silence.from_us))
        event.add("dtend", _utc(max(silence.end_us, silence.from_us)))
        return event
    for name, value in _recurring(silence, silence.recurrence, calendar):
        event.add(name, value)
    return event


def _recurring(
    silence: Silence, recurrence: Recurrence, calendar: SchoolCalendar
) -> Iterator[tuple[str, Any]]:
    zone = ZoneInfo(recurrence.timezone)
    begun = list(beginnings(recurrence, silence.from_us, silence.until_us))
    yield "dtstart", _utc(begun[0] if begun else silence.from_us).astimezone(zone)
    yield "duration", timedelta(microseconds=recurrence.duration_us)
    parts = rule_parts(recurrence.rrule)
    if begun:
        # In UTC, as RFC 5545 asks for where DTSTART has a zone; a COUNT may go beyond the silence's own end.
        parts.pop("COUNT", None)
        parts["UNTIL"] = _utc(begun[-1]).strftime("%Y%m%dT%H%M%SZ")
    yield "rrule", vRecur.from_ical(";".join(f"{name}={value}" for name, value in parts.items()))
    for begin_us in begun:
        if begin_us >= silence.end_us or is_left_out(recurrence, begin_us, calendar):
            yield "exdate", _utc(begin_us).astimezone(zone)


def _utc(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)
