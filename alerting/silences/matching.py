"""What silences mute: matchers against the labels of alerts.

Patterns are those of Alertmanager, by the same engine (RE2): it needs time in proportion to the text whatever
the pattern, and this runs in the one writer of all alerts.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import re2

from alerting.silences.labels import Labels, labels_of, school_labels, subject_labels
from alerting.silences.recurrence import active_until_us
from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.fleet import Fleet
from contract.routing.silence import MOST_IN_FORCE, Silence, SilenceKind, SilenceMatcher

OF_SCHOOL: Final = frozenset({"school", "ward", "cluster", "isp", "level"})
"""Labels that all alerts of a school share."""
_NO: Final = 1
_YES: Final = 2
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
    active = _active(silences, calendar, at_us)
    if not active:
        return None
    in_force = _in_force(active, fleet)
    first: _Active | None = None
    for alert in alerts:
        found = in_force.longest(alert)
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
    asked = list(alerts)
    found = muting(silences, asked, fleet, calendar, at_us)
    return [alert for alert in asked if alert.alert_id in found]


def muting(
    silences: Collection[Silence],
    alerts: Iterable[Alert],
    fleet: Fleet,
    calendar: SchoolCalendar,
    at_us: int,
) -> dict[str, Silenced]:
    """Return which silence mutes each of some alerts at a moment, the one that lasts longest, by its id."""
    active = _active(silences, calendar, at_us)
    if not active:
        return {}
    in_force = _in_force(active, fleet)
    longest = {alert.alert_id: in_force.longest(alert) for alert in alerts}
    return {name: Silenced(one.silence_id, one.until_us) for name, one in longest.items() if one is not None}


def in_maintenance(
    silences: Iterable[Silence], fleet: Fleet, calendar: SchoolCalendar, at_us: int
) -> frozenset[int]:
    """Return the positions of the schools that somebody works on, as was announced, at a moment.

    Of a maintenance only what mutes all alerts of a school counts: one device or rule is not the school.
    """
    works = [s for s in silences if s.kind is SilenceKind.MAINTENANCE]
    active = _active([s for s in works if all(m.name in OF_SCHOOL for m in s.matchers)], calendar, at_us)
    return frozenset().union(*(_schools_of(one.matchers, fleet) for one in active))


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
        equal = any(pattern.fullmatch(name.encode()) is not None for name in found)
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
    options.never_capture = True
    options.max_mem = MOST_PATTERN_BYTES
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        why = error.args[0]
        raise ValueError(why.decode(errors="replace") if isinstance(why, bytes) else str(why)) from None


class _Chooser:
    """The matchers of a silence over one fleet; a school is asked once."""

    def __init__(self, matchers: tuple[SilenceMatcher, ...], fleet: Fleet) -> None:
        self._fleet = fleet
        self._of_school = [m for m in matchers if m.name in OF_SCHOOL]
        self._of_subject = [m for m in matchers if m.name not in OF_SCHOOL]
        self._answers = bytearray(len(fleet.schools))
        """By school position: 0 before it was asked, else `_YES` or `_NO`."""

    def takes(self, alert: Alert) -> bool:
        """Return whether an alert is muted."""
        if alert.outside is not None:  # its labels are its own
            return _all_hold((*self._of_school, *self._of_subject), labels_of(alert, self._fleet))
        return self.takes_school(alert.school_id) and self.takes_subject(alert)

    def takes_school(self, school_id: int) -> bool:
        """Return whether alerts of a school may be muted."""
        if not self._of_school:
            return True
        position = self._fleet.school_position.get(school_id)
        known = 0 if position is None else self._answers[position]
        if not known:
            takes = _all_hold(self._of_school, school_labels(school_id, self._fleet))
            known = _YES if takes else _NO
            if position is not None:
                self._answers[position] = known
        return known == _YES

    def takes_subject(self, alert: Alert) -> bool:
        """Return whether an alert is muted, as far as its school has no say."""
        return not self._of_subject or _all_hold(self._of_subject, subject_labels(alert, self._fleet))


class _Active(NamedTuple):
    """A silence that is in force."""

    until_us: int
    silence_id: str
    matchers: tuple[SilenceMatcher, ...]


class _InForce:
    """Silences that are in force at once, over one fleet; what many alerts have in common is asked once."""

    def __init__(self, active: tuple[_Active, ...], fleet: Fleet) -> None:
        self._active = [(one, _chooser(one.matchers, fleet)) for one in active]
        self._of_school: dict[int, list[tuple[_Active, _Chooser]]] = {}
        self._of_subject: dict[tuple[int, str, int, int], _Active | None] = {}

    def longest(self, alert: Alert) -> _Active | None:
        """Return the silence that mutes an alert for longest; None if none does."""
        if alert.outside is not None:
            return next((one for one, chooser in self._active if chooser.takes(alert)), None)
        subject = alert.school_id, alert.rule, alert.priority, alert.series
        if subject not in self._of_subject:
            self._of_subject[subject] = self._look(alert)
        return self._of_subject[subject]

    def _look(self, alert: Alert) -> _Active | None:
        own = self._of_school.get(alert.school_id)
        if own is None:
            own = [(one, chooser) for one, chooser in self._active if chooser.takes_school(alert.school_id)]
            self._of_school[alert.school_id] = own
        return next((one for one, chooser in own if chooser.takes_subject(alert)), None)


def _active(silences: Iterable[Silence], calendar: SchoolCalendar, at_us: int) -> tuple[_Active, ...]:
    """Return the silences that are in force at a moment, the one that lasts longest first."""
    found = [
        _Active(until_us, silence.silence_id, silence.matchers)
        for silence in silences
        if (until_us := active_until_us(silence, calendar, at_us)) is not None
    ]
    return tuple(sorted(found, key=lambda active: (-active.until_us, active.silence_id)))


def _all_hold(matchers: Iterable[SilenceMatcher], labels: Labels) -> bool:
    return all(holds(matcher, labels.get(matcher.name, ())) for matcher in matchers)


@lru_cache(maxsize=MOST_IN_FORCE)
def _chooser(matchers: tuple[SilenceMatcher, ...], fleet: Fleet) -> _Chooser:
    return _Chooser(matchers, fleet)


@lru_cache(maxsize=MOST_IN_FORCE)
def _schools_of(matchers: tuple[SilenceMatcher, ...], fleet: Fleet) -> frozenset[int]:
    chooser = _chooser(matchers, fleet)
    return frozenset(i for i, school in enumerate(fleet.schools) if chooser.takes_school(school.id))


@lru_cache(maxsize=8)
def _in_force(active: tuple[_Active, ...], fleet: Fleet) -> _InForce:
    return _InForce(active, fleet)
