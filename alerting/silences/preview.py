"""What a silence mutes, and would have muted: to be seen before it is in force."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from alerting.silences.matching import matches
from alerting.silences.recurrence import SilenceWindow, windows_of
from contract.alert import Alert, Priority
from contract.calendar import SchoolCalendar
from contract.fleet import Fleet
from contract.routing.silence import DAY_US, Silence

WEEK_US: Final = 7 * DAY_US
MOST_EXAMPLES: Final = 10


class MutedAlert(msgspec.Struct, frozen=True):
    """An alert that a silence would have muted, without what it measured."""

    alert_id: str
    rule: str
    school: str
    """Code of the school; empty for the center itself and for schools that are no more."""
    priority: int
    opened_at_us: int


class SilencePreview(msgspec.Struct, frozen=True):
    """What a silence would do, by the alerts of the last week."""

    mutes_now: int
    """Open alerts that it takes, whether it has begun or not."""
    matched: int
    """Alerts that opened in the last seven days and that it takes, at any hour."""
    would_have_muted: int
    """Those of them that opened at its hours: had the last week been the first of its weeks."""
    by_priority: dict[int, int]
    """The same by priority, 1 to 3."""
    examples: tuple[MutedAlert, ...]
    """The latest of these, at most `MOST_EXAMPLES`."""


def preview(
    silence: Silence,
    open_alerts: Iterable[Alert],
    past: Iterable[Alert],
    fleet: Fleet,
    calendar: SchoolCalendar,
    at_us: int,
) -> SilencePreview:
    """Return what a silence would do.

    Args:
        silence: as it is wanted.
        open_alerts: that are not resolved.
        past: alerts that opened since `at_us` less `WEEK_US`, open or not.
        fleet: the schools.
        calendar: of the schools.
        at_us: log time now.
    """
    taken = [alert for alert in past if matches(silence, alert, fleet)]
    hours = list(_hours_last_week(silence, calendar, at_us))
    hit = [a for a in taken if any(from_us <= a.detected_at_us < until_us for from_us, until_us in hours)]
    latest = sorted(hit, key=lambda alert: (-alert.opened_at_us, alert.alert_id))[:MOST_EXAMPLES]
    return SilencePreview(
        mutes_now=sum(matches(silence, alert, fleet) for alert in open_alerts),
        matched=len(taken),
        would_have_muted=len(hit),
        by_priority={int(p): sum(alert.priority == p for alert in hit) for p in Priority},
        examples=tuple(_example(alert, fleet) for alert in latest),
    )


def _hours_last_week(silence: Silence, calendar: SchoolCalendar, at_us: int) -> Iterator[SilenceWindow]:
    """Yield its first week, or the one from now on if it has begun, moved back into the last seven days.

    Some of the windows are empty.
    """
    first_us = max(silence.from_us, at_us)
    back_us = -((at_us - first_us) // WEEK_US) * WEEK_US  # whole weeks, until `at_us` is in it
    for window in windows_of(silence, calendar):
        from_us = max(window.from_us, first_us) - back_us
        until_us = min(window.until_us, first_us + WEEK_US) - back_us
        yield SilenceWindow(from_us, min(until_us, at_us))
        yield SilenceWindow(max(from_us, at_us) - WEEK_US, until_us - WEEK_US)


def _example(alert: Alert, fleet: Fleet) -> MutedAlert:
    school = fleet.school_by_id.get(alert.school_id)
    code = "" if school is None else school.code
    return MutedAlert(alert.alert_id, alert.rule, code, alert.priority, alert.opened_at_us)
