"""Silences for tests: made in a few words."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from contract.routing.silence import (
    DAY_US,
    Recurrence,
    Silence,
    SilenceKind,
    SilenceMatcher,
    SilenceSet,
)
from tests.incident_log import LogEntry

HOUR_US = 3_600_000_000
ZONE = "Asia/Ho_Chi_Minh"


def silence(name: str, from_us: int, until_us: int, *matchers: SilenceMatcher, **more: Any) -> Silence:
    """Return a silence of the provider FPT, unless other matchers are given."""
    return Silence(
        name,
        more.pop("kind", SilenceKind.SILENCE),
        matchers or (SilenceMatcher("isp", "FPT"),),
        from_us,
        until_us,
        "Lan",
        "nhà mạng bảo trì",
        **{"created_at_us": from_us, **more},
    )


def recurring(name: str, from_us: int, rrule: str, hours: float, days: int = 60, **words: Any) -> Silence:
    """Return a silence of the provider FPT that recurs for so many days."""
    rule = Recurrence(rrule, round(hours * HOUR_US), ZONE, **words)
    return silence(name, from_us, from_us + days * DAY_US, recurrence=rule)


def wanted(made: Silence, replaces: str = "") -> LogEntry:
    """Return the entry in which somebody wants a silence."""
    return LogEntry(made.created_at_us, SilenceSet(made, replaces))


def local_us(text: str) -> int:
    """Return a local time of the city in µs since 1970."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp() * 1e6)
