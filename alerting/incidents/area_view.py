"""What of an alert or an incident lies in an area (pure): a figure of more schools is not told there."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec.structs import replace

from alerting.incidents.account import affected_pupils, pupils_by_school
from alerting.incidents.groups import covers_school
from contract.access.area import Area, narrow_fleet
from contract.alert import Alert
from contract.fleet import Fleet
from contract.incident import Cause, CauseKind, Incident, IncidentState


class AreaView:
    """A fleet, its alerts and its incidents as they are seen from an area."""

    def __init__(self, whole: Fleet, area: Area) -> None:
        self.area = area
        self.fleet = narrow_fleet(whole, area)
        """The part that lies in the area."""
        self._whole = whole
        self._own = frozenset(s.id for s in (*self.fleet.schools, *(f.school for f in self.fleet.former)))
        self._covers = lru_cache(maxsize=1000)(self._covers_cause)

    @property
    def school_ids(self) -> frozenset[int]:
        """Ids of the schools of the area, of now and of before."""
        return self._own

    def has(self, school_id: int) -> bool:
        """Return whether a school, of now or of before, lies in the area; the center itself does not."""
        return school_id in self._own

    def covers(self, incident: Incident) -> bool:
        """Return whether an incident can meet no school beyond the area."""
        return not incident.beyond_cause and bool(self._covers(incident.cause))

    def alerts(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Return the alerts of the area."""
        return [alert for alert in alerts if alert.school_id in self._own]

    def incident(self, incident: Incident, alerts: Iterable[Alert]) -> Incident | None:
        """Return an incident as it is seen from the area, None where nothing of it is.

        Args:
            incident: as it stands.
            alerts: open alerts of the area; which of them are its own follows from rule and cause alone.
        """
        if self.covers(incident):
            return incident
        own = [a for a in alerts if a.rule in incident.rules and self._may_be_of(incident.cause, a)]
        return _part(incident, own) if own and incident.ended_at_us is None else None

    def told(self, incident: Incident, alerts: Iterable[Alert]) -> tuple[Incident, list[Alert]] | None:
        """Return what somebody of the area is told of an incident, and its alerts there; None for nothing.

        While it goes on that is what is open in the area; of one that is over, what was.

        Args:
            incident: as it stands.
            alerts: all that it has; of one that is over, all that it had.
        """
        if self.area.is_city:
            return incident, list(alerts)
        own = self.alerts(alerts)
        is_over = incident.state is IncidentState.RESOLVED
        if not is_over:
            own = [alert for alert in own if alert.resolved_at_us is None]
        if not own:
            return None
        if self.covers(incident):
            return incident, own
        seen = _part(incident, own)
        if is_over:
            ends = [alert.resolved_at_us for alert in own if alert.resolved_at_us is not None]
            seen = replace(
                seen,
                quiet_at_us=max(ends, default=incident.quiet_at_us),
                schools=0,
                pupils=0,
                affected_pupils=0,
            )
        return seen, own

    def _covers_cause(self, cause: Cause) -> bool:
        if cause.kind is CauseKind.SYSTEM:
            return False
        if cause.kind is CauseKind.SCHOOL:
            return cause.school_id in self._own
        met = [s.id for s in self._whole.schools if covers_school(cause, s, self._whole)]
        return bool(met) and self._own.issuperset(met)

    def _may_be_of(self, cause: Cause, alert: Alert) -> bool:
        school = self.fleet.school_by_id.get(alert.school_id)
        return school is not None and covers_school(cause, school, self.fleet)


def _part(incident: Incident, own: Sequence[Alert]) -> Incident:
    """Return an incident as if it had these alerts alone."""
    pupils = pupils_by_school(own)
    worst = min(own, key=lambda a: (a.priority, a.opened_at_us, a.alert_id))
    rules = tuple(sorted({alert.rule for alert in own}))
    return replace(
        incident,
        rule=incident.rule if incident.rule in rules else worst.rule,
        rules=rules,
        cause_rules=tuple(rule for rule in incident.cause_rules if rule in rules),
        priority=worst.priority,
        worst_priority=worst.priority,
        alerts=len(own),
        all_alerts=len(own),
        unacknowledged=sum(alert.acknowledged_at_us is None for alert in own),
        schools=len(pupils),
        most_schools=len(pupils),
        pupils=sum(pupils.values()),
        most_pupils=sum(pupils.values()),
        affected_pupils=affected_pupils(own),
        lost_pupil_s=0,
        opened_at_us=min(alert.opened_at_us for alert in own),
        last_opened_at_us=max(alert.opened_at_us for alert in own),
    )
