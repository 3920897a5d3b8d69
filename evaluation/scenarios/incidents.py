"""The incidents of a run: the product's own fold over the transitions of all partitions."""

from collections.abc import Callable, Iterable

from alerting.incidents.fold import Moment, advance
from alerting.incidents.groups import Groups
from alerting.incidents.state import REOPEN_US, SETTLE_US, Incidents
from alerting.lifecycle import fold_each
from contract.alert import Alert, Ending, Transition
from contract.fleet import Fleet
from contract.incident import Incident
from contract.live import IncidentChanged
from evaluation.scenarios.matching import IncidentAlert, IncidentRecord
from stream_processor.fold.reconcile import ended


class IncidentLog:
    """Folds as the owner of the alerts log does, and keeps what became of every incident.

    One that was absorbed is its survivor's: an engineer has one thing to do.
    """

    def __init__(self, fleet: Fleet) -> None:
        """Begin with nothing open."""
        self._know(fleet)
        self._state = Incidents()
        self._open: dict[str, Alert] = {}
        self._waiting: dict[str, IncidentAlert] = {}
        """Alerts that have no incident yet."""
        self._latest: dict[str, Incident] = {}
        """Incidents that stand for themselves, by their beginning."""
        self._members: dict[str, list[IncidentAlert]] = {}

    def _know(self, fleet: Fleet) -> None:
        self._groups = Groups(fleet)
        self._pupils = {school.id: school.pupils for school in fleet.schools}

    def move(self, fleet: Fleet, at_us: int, ending_of: Callable[[Alert], Ending | None]) -> None:
        """Go on with another fleet, as the owner does after an import: end what no fold looks after."""
        endings = [(alert, ending_of(alert)) for alert in self._open.values()]
        self.hear([ended(alert, at_us, ending) for alert, ending in endings if ending is not None])
        self._know(fleet)

    def hear(self, transitions: Iterable[Transition]) -> None:
        """Take the transitions of a stretch of log time; the next stretch may not begin before its end."""
        ordered = sorted(transitions, key=_moment)
        each = fold_each(self._open, (), ordered, self._pupils)
        moments: list[Moment] = []
        for transition, changes in zip(ordered, each, strict=True):
            alerts = tuple(change.alert for change in changes)
            moments.append(Moment(transition.detected_at_us, alerts))
            for alert in alerts:
                self._keep(alert)
        self._write(advance(self._groups, self._state, moments))

    def finish(self) -> list[IncidentRecord]:
        """Let time pass until nothing waits for it; return all incidents, by their beginning."""
        over = [Moment(self._state.now_us + us) for us in (SETTLE_US, SETTLE_US + REOPEN_US)]
        self._write(advance(self._groups, self._state, over))
        return [self._record(n, i) for n, i in enumerate(self._latest.values(), start=1)]

    def _record(self, number: int, incident: Incident) -> IncidentRecord:
        members = sorted(self._members[incident.incident_id], key=_noticed)
        return IncidentRecord(number, tuple(members), incident.quiet_at_us, incident.cause.kind.value)

    def _keep(self, alert: Alert) -> None:
        if alert.resolved_at_us is not None:
            self._open.pop(alert.alert_id, None)
            return
        self._open[alert.alert_id] = alert
        self._waiting[alert.alert_id] = IncidentAlert(alert.school_id, alert.rule, alert.detected_at_us)

    def _write(self, changes: Iterable[IncidentChanged]) -> None:
        for change in changes:
            incident = change.incident
            members = self._members.setdefault(incident.incident_id, [])
            members += [self._waiting.pop(alert_id) for alert_id in change.joined]
            self._latest[incident.incident_id] = incident
            if incident.merged_into is not None:
                self._members.setdefault(incident.merged_into, []).extend(members)
                del self._members[incident.incident_id], self._latest[incident.incident_id]


def _moment(transition: Transition) -> int:
    return transition.detected_at_us


def _noticed(member: IncidentAlert) -> int:
    return member.detected_us
