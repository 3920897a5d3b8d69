"""Open alerts as the lines of a wall: what shares a cause becomes one line, the most urgent first.

Alerts of one rule share a cause where chance does not explain them (alerting.incidents.causes). What other
rules say of the same schools joins them: a provider that fails also silences devices. What is left
is one line a school, whatever its rules.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from alerting.incidents.causes import LINK_US, find_causes
from alerting.incidents.groups import Groups
from contract.alert import Alert
from contract.canary import SYSTEM_SCHOOL_ID
from contract.fleet import DeviceKind, Fleet
from contract.incident import Cause, CauseKind
from contract.series import METRIC_BITS

SAME_SHARE: Final = 0.5
"""Share of an incident's schools that must be in a larger one for the two to be one: chosen, most."""
_RANK: Final = {kind: rank for rank, kind in enumerate(CauseKind)}
"""The broader cause comes first among lines of one priority."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: all open alerts of one cause."""

    cause: Cause
    rule: str
    """Of the most urgent alerts, the most frequent rule; of equals the one that opened first."""
    rules: tuple[str, ...]
    """Rules of the alerts, each once, sorted."""
    alert_ids: tuple[str, ...]
    """The alerts behind the line, most urgent first, at least one."""
    school_ids: tuple[int, ...]
    """Their schools, each once, rising; empty for alerts about the center itself."""
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


@dataclass(slots=True)
class _Incident:
    """Alerts of several schools with one cause, as they are brought together."""

    cause: Cause
    alerts: list[Alert]
    schools: set[int]
    oldest_us: int
    priority: int

    def is_same(self, alerts: Sequence[Alert]) -> bool:
        """Return whether most schools of another rule's group are ours."""
        schools = {alert.school_id for alert in alerts}
        return len(schools & self.schools) >= SAME_SHARE * len(schools)

    def follows(self, alert: Alert) -> bool:
        """Return whether a single alert may be a consequence: at our schools, not before, no more urgent."""
        return (
            alert.school_id in self.schools
            and alert.opened_at_us >= self.oldest_us - LINK_US
            and alert.priority >= self.priority
        )

    def add(self, alerts: Sequence[Alert]) -> None:
        """Take alerts of a group that is the same."""
        self.alerts += alerts
        self.schools |= {alert.school_id for alert in alerts}
        self.oldest_us = min(self.oldest_us, *(alert.opened_at_us for alert in alerts))
        self.priority = min(self.priority, *(alert.priority for alert in alerts))


def group_alerts(alerts: Iterable[Alert], groups: Groups) -> list[Line]:
    """Return the lines of the open alerts: unacknowledged, then by priority, by cause, the newest.

    A shared cause stands before a single school of its priority: it is most pupils. What concerns
    the center itself stands before both, for it may be the cause of all that follows.

    Args:
        alerts: alerts in any order; resolved ones and those of schools that left the fleet are passed over.
        groups: of the fleet.
    """
    fleet = groups.fleet
    present = [alert for alert in sorted(alerts, key=_urgency) if alert.resolved_at_us is None]
    own = [alert for alert in present if alert.school_id == SYSTEM_SCHOOL_ID]
    of_schools = [alert for alert in present if alert.school_id in fleet.school_by_id]
    lines = [_line(Cause(CauseKind.SYSTEM), list(same), fleet) for _, same in _by_rule(own)]
    shared, alone = _shared(of_schools, groups)
    incidents = _merged(shared)
    schools: defaultdict[int, list[Alert]] = defaultdict(list)
    for alert in alone:
        host = next((incident for incident in incidents if incident.follows(alert)), None)
        (schools[alert.school_id] if host is None else host.alerts).append(alert)
    lines += [_line(incident.cause, incident.alerts, fleet) for incident in incidents]
    lines += [_line(Cause(CauseKind.SCHOOL), found, fleet) for found in schools.values()]
    return sorted(lines, key=_line_urgency)


def _shared(alerts: Sequence[Alert], groups: Groups) -> tuple[list[tuple[Cause, list[Alert]]], list[Alert]]:
    """Return the alerts of each cause, rule by rule, and those that stand alone."""
    shared: list[tuple[Cause, list[Alert]]] = []
    alone: list[Alert] = []
    for _, found in _by_rule(alerts):
        same = list(found)
        position = np.array([groups.fleet.school_position[a.school_id] for a in same], np.intp)
        opened_us = np.array([a.opened_at_us for a in same], np.int64)
        left = np.ones(len(same), np.bool_)
        for cause in find_causes(groups, position, opened_us, is_on_platform(same[0], groups.fleet)):
            shared.append((cause.cause, [same[i] for i in cause.members]))
            left[cause.members] = False
        alone += [same[i] for i in np.flatnonzero(left)]
    return shared, alone


def is_on_platform(alert: Alert, fleet: Fleet) -> bool:
    """Return whether a rule's alerts are about e-learning: a metric is of one kind of device."""
    device = fleet.device_by_id.get(alert.series >> METRIC_BITS)
    return device is not None and device.kind is DeviceKind.ELEARNING


def _merged(shared: list[tuple[Cause, list[Alert]]]) -> list[_Incident]:
    """Return one incident for what several rules say of mostly the same schools, the largest first.

    Where the center's own line may be down, that is why e-learning is silent as well.
    """
    incidents: list[_Incident] = []
    for cause, alerts in sorted(shared, key=_weight):
        host = next((incident for incident in incidents if incident.is_same(alerts)), None)
        if host is None:
            first = alerts[0]
            host = _Incident(cause, [], set(), first.opened_at_us, first.priority)
            incidents.append(host)
        host.add(alerts)
    return incidents


def _weight(one: tuple[Cause, list[Alert]]) -> tuple[bool, int]:
    return one[0].kind is not CauseKind.FLEET, -len(one[1])


def _by_rule(alerts: Sequence[Alert]) -> Iterable[tuple[str, Iterable[Alert]]]:
    return groupby(sorted(alerts, key=_rule), key=_rule)


def _rule(alert: Alert) -> str:
    return alert.rule


def _urgency(alert: Alert) -> tuple[bool, int, int, str]:
    return alert.acknowledged_at_us is not None, alert.priority, -alert.opened_at_us, alert.alert_id


def _line_urgency(line: Line) -> tuple[bool, int, int, int, str, tuple[int, ...]]:
    rank = _RANK[line.cause.kind]
    return line.unacknowledged == 0, line.priority, rank, -line.newest_us, line.rule, line.school_ids[:1]


def _line(cause: Cause, members: Sequence[Alert], fleet: Fleet) -> Line:
    alerts = sorted(members, key=_urgency)
    found = {alert.school_id for alert in alerts} - {SYSTEM_SCHOOL_ID}
    schools = [fleet.school_by_id[school_id] for school_id in sorted(found)]
    return Line(
        cause=cause,
        rule=main_rule(alerts),
        rules=tuple(sorted({alert.rule for alert in alerts})),
        alert_ids=tuple(alert.alert_id for alert in alerts),
        school_ids=tuple(school.id for school in schools),
        priority=min(alert.priority for alert in alerts),
        oldest_us=min(alert.opened_at_us for alert in alerts),
        newest_us=max(alert.opened_at_us for alert in alerts),
        pupils=sum(school.pupils for school in schools),
        unacknowledged=sum(alert.acknowledged_at_us is None for alert in alerts),
    )


def main_rule(alerts: Iterable[Alert]) -> str:
    """Return the rule that alerts are named after: of the most urgent the most frequent; see `Line.rule`."""
    alerts = list(alerts)
    worst = min(alert.priority for alert in alerts)
    urgent = sorted((a for a in alerts if a.priority == worst), key=lambda a: (a.opened_at_us, a.rule))
    # Of equally frequent ones the first counted comes first.
    return Counter(alert.rule for alert in urgent).most_common(1)[0][0]
