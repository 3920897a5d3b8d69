"""What silences mute: matchers against the labels of alerts.

Patterns are those of Alertmanager, by the same engine (RE2): it needs time in proportion to the text whatever
the pattern, and this runs in the one writer of all alerts.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

import re2

from alerting.silences.labels import Labels, school_labels, subject_labels
from alerting.silences.recurrence import active_until_us
from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.fleet import Fleet
from contract.routing.silence import Silence, SilenceMatcher
from contract.series import METRIC_BITS

OF_SCHOOL: Final = frozenset({"school", "ward", "cluster", "isp", "level"})
"""Labels that all alerts of a school share."""
MOST_PATTERN_BYTES: Final = 1 << 20
"""Memory that a compiled pattern may take: chosen, a thousand times what a usual one needs."""


class Silenced(NamedTuple):
    """That all of some alerts are muted."""

    silence_id: str
    """The silence that says so, and whose end comes first."""
    until_us: int
    """The earliest moment at which it may no longer be so, µs since 1970."""


def silenced(
    silences: Collection[Silence],
    alerts: Iterable[Alert],
    fleet: Fleet,
    calendar: SchoolCalendar,
    at_us: int,
) -> Silenced | None:
    """Return that every one of some alerts is muted at a moment; None if one is not, or if there is none.

    Where several silences mute an alert, the one that lasts longest counts.
    """
    active = _active(silences, fleet, calendar, at_us)
    if not active:
        return None
    first: _Active | None = None
    for alert in alerts:
        found = _muted_by(alert, active)
        if found is None:
            return None
        if first is None or found.until_us < first.until_us:
            first = found
    return None if first is None else Silenced(first.silence_id, first.until_us)


def muted(
    silences: Collection[Silence],
    alerts: Iterable[Alert],
    fleet: Fleet,
    calendar: SchoolCalendar,
    at_us: int,
) -> list[Alert]:
    """Return those of some alerts that any of the silences mutes at a moment."""
    active = _active(silences, fleet, calendar, at_us)
    return [alert for alert in alerts if _muted_by(alert, active)] if active else []


def matches(silence: Silence, alert: Alert, fleet: Fleet) -> bool:
    """Return whether a silence mutes an alert while it is in force."""
    return _chooser(silence.matchers, fleet).takes(alert)


def holds(matcher: SilenceMatcher, names: tuple[str, ...]) -> bool:
    """Return whether a matcher holds of a label with these names; without any it is the empty text.

    Source: Alertmanager, pkg/labels/matcher.go, `Matcher.Matches`; several names of one thing are ours.
    """
    found = names or ("",)
    if matcher.is_regex:
        pattern = compiled(matcher.value)
        equal = any(pattern.fullmatch(name) is not None for name in found)
    else:
        equal = matcher.value in found
    return equal is matcher.is_equal


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Return a pattern ready to match.

    Raises:
        ValueError: it is none of RE2's, or would need too much memory; says why.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MOST_PATTERN_BYTES
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        why = error.args[0]
        raise ValueError(why.decode(errors="replace") if isinstance(why, bytes) else str(why)) from None


class _Chooser:
    """Matchers against one fleet; what many alerts have in common is asked once."""

    def __init__(self, matchers: tuple[SilenceMatcher, ...], fleet: Fleet) -> None:
        self._fleet = fleet
        self._of_school = [m for m in matchers if m.name in OF_SCHOOL]
        self._of_subject = [m for m in matchers if m.name not in OF_SCHOOL]
        self._schools: dict[int, bool] = {}
        self._subjects: dict[tuple[str, int, int], bool] = {}

    def takes(self, alert: Alert) -> bool:
        takes_school = self._schools.get(alert.school_id)
        if takes_school is None:
            labels = school_labels(alert.school_id, self._fleet)
            takes_school = self._schools[alert.school_id] = _all_hold(self._of_school, labels)
        if not takes_school or not self._of_subject:
            return takes_school
        subject = alert.rule, alert.priority, alert.series >> METRIC_BITS
        takes_subject = self._subjects.get(subject)
        if takes_subject is None:
            labels = subject_labels(alert, self._fleet)
            takes_subject = self._subjects[subject] = _all_hold(self._of_subject, labels)
        return takes_subject


class _Active(NamedTuple):
    """A silence that is in force."""

    until_us: int
    silence_id: str
    chooser: _Chooser


def _active(silences: Iterable[Silence], fleet: Fleet, calendar: SchoolCalendar, at_us: int) -> list[_Active]:
    """Return the silences that are in force at a moment, the one that lasts longest first."""
    found: Iterator[_Active] = (
        _Active(until_us, silence.silence_id, _chooser(silence.matchers, fleet))
        for silence in silences
        if (until_us := active_until_us(silence, calendar, at_us)) is not None
    )
    return sorted(found, key=lambda active: (-active.until_us, active.silence_id))


def _muted_by(alert: Alert, active: Iterable[_Active]) -> _Active | None:
    return next((one for one in active if one.chooser.takes(alert)), None)


def _all_hold(matchers: Iterable[SilenceMatcher], labels: Labels) -> bool:
    return all(holds(matcher, labels.get(matcher.name, ())) for matcher in matchers)


@lru_cache(maxsize=2048)
def _chooser(matchers: tuple[SilenceMatcher, ...], fleet: Fleet) -> _Chooser:
    return _Chooser(matchers, fleet)
