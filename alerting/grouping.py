"""Open alerts as the lines of a wall: what shares a fate becomes one line, the most urgent first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import Final

from contract.alert import Alert
from contract.canary import SYSTEM_SCHOOL_ID
from contract.fleet import Fleet, School

SHARED_FATE: Final = 5
"""Open alerts of one rule and provider from which they are one line. Source: EEMUA 191, a flood ends
below five; fewer can be read one by one."""
FLEET_SHARE: Final = 0.8
"""Share of all schools with one rule's alert from which the cause is sought at the center itself. No
provider of the reference city serves half of its schools, so four fifths cannot be one provider's fault;
the rest are schools whose own line was down already or whose last will is still on its way."""
FLEET_PROVIDERS: Final = 2
"""Providers that must be among them: one provider alone explains itself."""


class Fate(IntEnum):
    """What the alerts of a line have in common; the lower comes first among lines of one priority."""

    SYSTEM = 0
    """They are about the operations center itself, and about no school."""
    FLEET = 1
    """They cover nearly all schools of several providers: what these share is the center's own line."""
    PROVIDER = 2
    """Their schools have one provider."""
    SINGLE = 3
    """It is one alert."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a single alert, or all open alerts of one rule that share a fate."""

    rule: str
    fate: Fate
    alert_ids: tuple[str, ...]
    """The alerts behind the line, most urgent first, at least one."""
    school_ids: tuple[int, ...]
    """Their schools, each once, rising; empty for alerts about the center itself."""
    isp: str | None
    """The provider that they share; None for any other fate."""
    isps: tuple[str, ...]
    """Providers of the schools, each once, sorted."""
    ward_codes: tuple[str, ...]
    """Wards of the schools, each once, sorted."""
    cluster_codes: tuple[str, ...]
    """Clusters of the schools, each once, sorted."""
    priority: int
    """The worst of them."""
    oldest_us: int
    """Earliest opening, µs since 1970."""
    newest_us: int
    """Latest opening, µs since 1970."""
    pupils: int
    """Pupils of the schools, each school once."""
    unacknowledged: int

    @property
    def count(self) -> int:
        """Alerts behind the line."""
        return len(self.alert_ids)


Member = tuple[Alert, School | None]
"""An alert and its school; None where it is about the center itself."""


def group_alerts(alerts: Iterable[Alert], fleet: Fleet, shared_fate: int = SHARED_FATE) -> list[Line]:
    """Return the lines of the open alerts: unacknowledged, then by priority, by fate, the newest.

    A shared fate stands before single alerts of its priority: it is one cause, and most pupils. What
    concerns the center itself stands before both, for it may be the cause of all that follows.

    Args:
        alerts: alerts in any order; resolved ones and those of schools that left the fleet are passed over.
        fleet: where schools stand and by which provider.
        shared_fate: alerts of one rule and provider from which they are one line, at least 2.
    """
    members = [
        (alert, fleet.school_by_id.get(alert.school_id))
        for alert in sorted(alerts, key=_urgency)
        if alert.resolved_at_us is None
        and (alert.school_id == SYSTEM_SCHOOL_ID or alert.school_id in fleet.school_by_id)
    ]
    lines: list[Line] = []
    for rule, group in groupby(sorted(members, key=_rule), key=_rule):
        lines += _lines_of_rule(rule, list(group), fleet, shared_fate)
    return sorted(lines, key=_line_urgency)


def _lines_of_rule(rule: str, members: Sequence[Member], fleet: Fleet, shared_fate: int) -> Iterator[Line]:
    own = [member for member in members if member[1] is None]
    if own:
        yield _line(rule, own, fleet, Fate.SYSTEM)
    schools = [member for member in members if member[1] is not None]
    if len(schools) >= shared_fate and _covers_fleet(schools, fleet):
        yield _line(rule, schools, fleet, Fate.FLEET)
        return
    for _, group in groupby(sorted(schools, key=_isp), key=_isp):
        same = list(group)
        if len(same) >= shared_fate:
            yield _line(rule, same, fleet, Fate.PROVIDER)
        else:
            yield from (_line(rule, [member], fleet, Fate.SINGLE) for member in same)


def _covers_fleet(members: Sequence[Member], fleet: Fleet) -> bool:
    schools = {school.id for _, school in members if school is not None}
    providers = {_isp(member) for member in members}
    return len(schools) >= FLEET_SHARE * len(fleet.schools) and len(providers) >= FLEET_PROVIDERS


def _line_urgency(line: Line) -> tuple[bool, int, Fate, int, str]:
    return line.unacknowledged == 0, line.priority, line.fate, -line.newest_us, line.rule


def _urgency(alert: Alert) -> tuple[bool, int, int, str]:
    return alert.acknowledged_at_us is not None, alert.priority, -alert.opened_at_us, alert.alert_id


def _rule(member: Member) -> str:
    return member[0].rule


def _isp(member: Member) -> str:
    return "" if member[1] is None else member[1].isp


def _line(rule: str, members: Sequence[Member], fleet: Fleet, fate: Fate) -> Line:
    alerts = [alert for alert, _ in members]
    schools = {school.id: school for _, school in members if school is not None}
    isps = sorted({school.isp for school in schools.values()})
    wards = sorted({school.ward_code for school in schools.values()})
    clusters = {fleet.ward_by_code[code].cluster_code for code in wards}
    return Line(
        rule=rule,
        fate=fate,
        alert_ids=tuple(alert.alert_id for alert in alerts),
        school_ids=tuple(sorted(schools)),
        isp=isps[0] if fate is Fate.PROVIDER else None,
        isps=tuple(isps),
        ward_codes=tuple(wards),
        cluster_codes=tuple(sorted(clusters)),
        priority=min(alert.priority for alert in alerts),
        oldest_us=min(alert.opened_at_us for alert in alerts),
        newest_us=max(alert.opened_at_us for alert in alerts),
        pupils=sum(school.pupils for school in schools.values()),
        unacknowledged=sum(alert.acknowledged_at_us is None for alert in alerts),
    )
