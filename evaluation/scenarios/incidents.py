"""What an operator would have seen: the lines of the wall over time, as incidents with an identity."""

from collections.abc import Iterable
from itertools import groupby

from alerting.incidents.groups import Groups
from alerting.incidents.lines import group_alerts
from alerting.lifecycle import fold_alerts
from contract.alert import Alert, Transition
from contract.fleet import Fleet
from evaluation.scenarios.matching import IncidentAlert, IncidentRecord


class Watcher:
    """Follows the wall's lines through the transitions of all partitions.

    A line that shows no alert of an earlier line is a new incident; alerts that join a line belong
    to its oldest incident. An incident is over when none of its alerts is open.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._groups = Groups(fleet)
        self._pupils = {school.id: school.pupils for school in fleet.schools}
        self._open: dict[str, Alert] = {}
        self._incident: dict[str, int] = {}
        self._members: dict[int, list[IncidentAlert]] = {}
        self._left: dict[int, int] = {}
        self._closed_us: dict[int, int] = {}
        self._cause: dict[int, str] = {}

    def hear(self, transitions: Iterable[Transition]) -> None:
        """Take the transitions of a stretch of log time; the next stretch may not begin before its end."""
        ordered = sorted(transitions, key=_moment)
        for at_us, together in groupby(ordered, key=_moment):
            changes = fold_alerts(self._open, (), list(together), self._pupils)
            self._open |= {change.alert.alert_id: change.alert for change in changes}
            self._name_lines()
            self._forget_resolved(at_us)

    def incidents(self) -> list[IncidentRecord]:
        """Return all incidents so far, by their beginning."""
        return [
            IncidentRecord(n, tuple(m), self._closed_us.get(n), self._cause[n])
            for n, m in self._members.items()
        ]

    def _name_lines(self) -> None:
        fresh = self._open.keys() - self._incident.keys()
        if not fresh:
            return
        for line in sorted(group_alerts(self._open.values(), self._groups), key=lambda line: line.oldest_us):
            known = [self._incident[a] for a in line.alert_ids if a in self._incident]
            new = [a for a in line.alert_ids if a in fresh]
            incident_id = min(known) if known else len(self._members) + 1
            if new:
                self._cause[incident_id] = line.cause.kind.value
            for alert_id in new:
                alert = self._open[alert_id]
                self._incident[alert_id] = incident_id
                member = IncidentAlert(alert.school_id, alert.rule, alert.detected_at_us)
                self._members.setdefault(incident_id, []).append(member)
                self._left[incident_id] = self._left.get(incident_id, 0) + 1
                self._closed_us.pop(incident_id, None)

    def _forget_resolved(self, at_us: int) -> None:
        for alert in [a for a in self._open.values() if a.resolved_at_us is not None]:
            del self._open[alert.alert_id]
            # An alert that opened and resolved within one moment was on no line.
            incident_id = self._incident.pop(alert.alert_id, None)
            if incident_id is None:
                continue
            self._left[incident_id] -= 1
            if not self._left[incident_id]:
                self._closed_us[incident_id] = at_us


def _moment(transition: Transition) -> int:
    return transition.detected_at_us
