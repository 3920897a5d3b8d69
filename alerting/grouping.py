"""Open alerts as the lines of a wall: what shares a fate becomes one line, the most urgent first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from contract.alert import Alert
from contract.fleet import Fleet, School

SHARED_FATE: Final = 5
"""Open alerts of one rule and provider from which they are one line. Source: EEMUA 191, a flood ends
below five; fewer can be read one by one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a single alert, or all open alerts of one rule at the schools of one provider."""

    rule: str
    alert_ids: tuple[str, ...]
    """The alerts behind the line, most urgent first, at least one."""
    school_ids: tuple[int, ...]
    """Their schools, each once, rising."""
    isp: str | None
    """The provider that they share; None on the line of a single alert."""
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


def group_alerts(alerts: Iterable[Alert], fleet: Fleet, shared_fate: int = SHARED_FATE) -> list[Line]:
    """Return the lines of the open alerts: unacknowledged, then by priority, shared fates, the newest.

    A shared fate stands before single alerts of its priority: it is one cause, and most pupils.

    Args:
        alerts: alerts in any order; resolved ones and those of schools that left the fleet are passed over.
        fleet: where schools stand and by which provider.
        shared_fate: alerts of one rule and provider from which they are one line, at least 2.
    """
    seen = [
        (alert, fleet.school_by_id[alert.school_id])
        for alert in sorted(alerts, key=_urgency)
        if alert.resolved_at_us is None and alert.school_id in fleet.school_by_id
    ]
    lines: list[Line] = []
    for (rule, isp), group in groupby(sorted(seen, key=_fate), key=_fate):
        members = list(group)
        if len(members) >= shared_fate:
            lines.append(_line(rule, members, fleet, isp))
        else:
            lines += [_line(rule, [member], fleet, None) for member in members]
    return sorted(lines, key=_line_urgency)


def _line_urgency(line: Line) -> tuple[bool, int, bool, int, str]:
    return line.unacknowledged == 0, line.priority, line.isp is None, -line.newest_us, line.rule


def _urgency(alert: Alert) -> tuple[bool, int, int, str]:
    return alert.acknowledged_at_us is not None, alert.priority, -alert.opened_at_us, alert.alert_id


def _fate(member: tuple[Alert, School]) -> tuple[str, str]:
    alert, school = member
    return alert.rule, school.isp


def _line(rule: str, members: Sequence[tuple[Alert, School]], fleet: Fleet, isp: str | None) -> Line:
    alerts = [alert for alert, _ in members]
    schools = {school.id: school for _, school in members}
    wards = sorted({school.ward_code for school in schools.values()})
    clusters = {fleet.ward_by_code[code].cluster_code for code in wards}
    return Line(
        rule=rule,
        alert_ids=tuple(alert.alert_id for alert in alerts),
        school_ids=tuple(sorted(schools)),
        isp=isp,
        ward_codes=tuple(wards),
        cluster_codes=tuple(sorted(clusters)),
        priority=min(alert.priority for alert in alerts),
        oldest_us=min(alert.opened_at_us for alert in alerts),
        newest_us=max(alert.opened_at_us for alert in alerts),
        pupils=sum(school.pupils for school in schools.values()),
        unacknowledged=sum(alert.acknowledged_at_us is None for alert in alerts),
    )
