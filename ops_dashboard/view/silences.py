"""Silences as they are told: each with what time and the open alerts make of it."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from alerting.silences.matching import matches
from alerting.silences.recurrence import active_until_us, next_edge_us, next_window, state_of
from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.fleet import Cluster, Fleet, School, Ward
from contract.routing.silence import Silence, SilenceMatcher

TABLE_COLUMNS: Final = (
    *("silence_id", "state", "kind", "matchers", "from", "until", "rrule", "hours_each", "next_from"),
    *("mutes_now", "owner", "reason", "ended_by", "replaced_by"),
)


def told_silence(
    silence: Silence, alerts: Iterable[Alert], fleet: Fleet, calendar: SchoolCalendar, at_us: int
) -> dict[str, Any]:
    """Return a silence as pages and programs are told it.

    Args:
        silence: as it stands.
        alerts: open ones.
        fleet: the schools.
        calendar: of the schools.
        at_us: log time now.
    """
    active_us = active_until_us(silence, calendar, at_us)
    following = next_window(silence, calendar, at_us)
    shown: dict[str, Any] = msgspec.to_builtins(silence)
    return shown | {
        "state": state_of(silence, calendar, at_us).value,
        "texts": [str(matcher) for matcher in silence.matchers],
        "names": [name for matcher in silence.matchers if (name := _name(matcher, fleet))],
        "active_until_us": active_us,
        "next_edge_us": next_edge_us([silence], calendar, at_us),
        "next_from_us": None if following is None else following.from_us,
        "mutes_now": 0 if active_us is None else sum(matches(silence, a, fleet) for a in alerts),
    }


def _name(matcher: SilenceMatcher, fleet: Fleet) -> str:
    """Return the name of the school, ward or cluster whose code a condition asks for; else the empty text."""
    if matcher.is_regex or not matcher.is_equal:
        return ""
    of: dict[str, Callable[[str], School | Ward | Cluster | None]] = {
        "school": fleet.school_ever,
        "ward": fleet.ward_by_code.get,
        "cluster": fleet.cluster_by_code.get,
    }
    found = of[matcher.name](matcher.value) if matcher.name in of else None
    return "" if found is None else found.name


def table_row(told: dict[str, Any], calendar: SchoolCalendar) -> list[object]:
    """Return a silence of `told_silence` as a row of `TABLE_COLUMNS`; times are local, ISO 8601."""

    def moment(at_us: int | None) -> str:
        if at_us is None:
            return ""
        at = datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone(calendar.timezone)
        return at.isoformat(" ", "seconds")

    rule = told["recurrence"] or {"rrule": "", "duration_us": 0}
    end_us = min(told["until_us"], told["ended_at_us"] or told["until_us"])
    return [
        *(told[name] for name in ("silence_id", "state", "kind")),
        ", ".join(told["texts"]),
        moment(told["from_us"]),
        moment(end_us),
        rule["rrule"],
        rule["duration_us"] / 3_600_000_000 or "",
        moment(told["next_from_us"]),
        *(told[name] for name in ("mutes_now", "owner", "reason")),
        told["ended_by"] or "",
        told["replaced_by"] or "",
    ]
