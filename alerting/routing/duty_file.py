"""Turns of duty as a calendar file (RFC 5545), for whoever subscribes to them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from alerting.routing.duty import DutyTurn
from alerting.silences.calendar_file import calendar_bytes

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UID_BYTES: Final = 12


def write_duty(
    turns: Mapping[str, Sequence[DutyTurn]], titles: Mapping[str, str], made_us: int, timezone: ZoneInfo
) -> bytes:
    """Return turns as a calendar file, an event each.

    Args:
        turns: by the name of their rota.
        titles: what an event is called before its person's name, by rota.
        made_us: when this was so, µs since 1970.
        timezone: of the center.
    """
    file = Calendar()
    file.add("prodid", "-//eduops//oncall//VI")
    file.add("version", "2.0")
    for rota, found in turns.items():
        for turn in found:
            file.add_component(_event(rota, turn, titles[rota], made_us))
    return calendar_bytes(file, timezone)


def _event(rota: str, turn: DutyTurn, title: str, made_us: int) -> Event:
    """Return a turn as an event, whose UID stays while the turn does."""
    words = f"{rota}/{turn.on_duty.person}/{turn.from_us}".encode()
    event = Event()
    event.add("uid", f"{hashlib.blake2b(words, digest_size=_UID_BYTES).hexdigest()}@eduops")
    event.add("dtstamp", _utc(made_us))
    event.add("dtstart", _utc(turn.from_us))
    event.add("dtend", _utc(turn.to_us))
    event.add("summary", f"{title}: {turn.on_duty.person}")
    event.add("transp", "TRANSPARENT")
    return event


def _utc(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)
