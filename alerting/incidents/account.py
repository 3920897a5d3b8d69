"""What an incident says of its alerts: figures, who has it, and the lines of its timeline."""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from contract.alert import AFFECTS_TO, FOLD_ACTOR, Alert
from contract.canary import SYSTEM_SCHOOL_ID
from contract.incident import (
    SECOND_US,
    Cause,
    Incident,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
)


def begun(first: Alert, cause: Cause, at_us: int) -> Incident:
    """Return the incident that an alert opens, before any alert is counted."""
    return Incident(
        incident_id=first.alert_id,
        state=IncidentState.OPEN,
        cause=cause,
        rule=first.rule,
        rules=(),
        cause_rules=(first.rule,),
        priority=first.priority,
        worst_priority=first.priority,
        alerts=0,
        all_alerts=0,
        unacknowledged=0,
        schools=0,
        most_schools=0,
        pupils=0,
        most_pupils=0,
        lost_pupil_s=0,
        counted_at_us=at_us,
        began_at_us=at_us,
        opened_at_us=first.opened_at_us,
        last_opened_at_us=first.opened_at_us,
    )


def recounted(incident: Incident, alerts: Sequence[Alert], new: Sequence[Alert], at_us: int) -> Incident:
    """Return an incident as its open alerts make it from a whole second on.

    Args:
        incident: as it was until then.
        alerts: its open alerts.
        new: those that it did not have before, whether still open or not.
        at_us: log time.
    """
    pupils = pupils_by_school(alerts)
    total = sum(pupils.values())
    opened_us = [alert.opened_at_us for alert in new]
    priority = min((alert.priority for alert in alerts), default=incident.priority)
    return replace(
        incident,
        rule=_main_rule(alerts) if alerts else incident.rule,
        rules=tuple(sorted({*incident.rules, *(alert.rule for alert in new)})),
        priority=priority,
        worst_priority=min(priority, incident.worst_priority),
        alerts=len(alerts),
        all_alerts=incident.all_alerts + len(new),
        unacknowledged=sum(alert.acknowledged_at_us is None for alert in alerts),
        schools=len(pupils),
        most_schools=max(len(pupils), incident.most_schools),
        pupils=total,
        most_pupils=max(total, incident.most_pupils),
        lost_pupil_s=lost_pupil_s(incident, at_us),
        counted_at_us=at_us,
        opened_at_us=min([incident.opened_at_us, *opened_us]),
        last_opened_at_us=max([incident.last_opened_at_us, *opened_us]),
        quiet_at_us=None if alerts else incident.quiet_at_us or at_us,
        affected_pupils=affected_pupils(alerts),
    )


def pupils_by_school(alerts: Iterable[Alert]) -> dict[int, int]:
    """Return how many pupils each school has that alerts are about, by its id; the center has none."""
    pupils: dict[int, int] = {}
    for alert in alerts:
        if alert.school_id != SYSTEM_SCHOOL_ID:
            pupils[alert.school_id] = max(alert.pupils, pupils.get(alert.school_id, 0))
    return pupils


def affected_pupils(alerts: Iterable[Alert]) -> int:
    """Return how many pupils are at schools for which open alerts say that something is down or degraded."""
    return sum(pupils_by_school(alert for alert in alerts if alert.priority <= AFFECTS_TO).values())


def _main_rule(alerts: Sequence[Alert]) -> str:
    """Return the rule that alerts are named after; see `Incident.rule`."""
    worst = min(alert.priority for alert in alerts)
    urgent = sorted((a for a in alerts if a.priority == worst), key=lambda a: (a.opened_at_us, a.rule))
    # Of equally frequent ones the first counted comes first.
    return Counter(alert.rule for alert in urgent).most_common(1)[0][0]


def lost_pupil_s(incident: Incident, at_us: int) -> int:
    """Return affected pupils times seconds up to a whole second of log time, exact."""
    return incident.lost_pupil_s + incident.affected_pupils * ((at_us - incident.counted_at_us) // SECOND_US)


def with_past(incident: Incident, other: Incident, at_us: int) -> Incident:
    """Return an incident with what another one, that it absorbs, has behind it."""
    return replace(
        incident,
        rules=tuple(sorted({*incident.rules, *other.rules})),
        worst_priority=min(incident.worst_priority, other.worst_priority),
        all_alerts=incident.all_alerts + other.all_alerts,
        lost_pupil_s=incident.lost_pupil_s + lost_pupil_s(other, at_us),
        opened_at_us=min(incident.opened_at_us, other.opened_at_us),
        last_opened_at_us=max(incident.last_opened_at_us, other.last_opened_at_us),
        assignee=incident.assignee or other.assignee,
        beyond_cause=incident.beyond_cause or other.beyond_cause,
    )


def taken(
    incident: Incident, alerts: Iterable[Alert], at_us: int
) -> tuple[Incident, tuple[IncidentEvent, ...]]:
    """Return an incident in the state that its open alerts give it, and what is to be said of that.

    It is acknowledged once the last of them is, whether that was taken now or the others left.
    """
    if incident.unacknowledged:
        return replace(incident, state=IncidentState.OPEN, because=""), ()
    if incident.state is IncidentState.ACKNOWLEDGED or not incident.alerts:
        return incident, ()
    last_at_us, _, by = max(
        (a.acknowledged_at_us, a.alert_id, a.acknowledged_by or "")
        for a in alerts
        if a.acknowledged_at_us is not None
    )
    now = replace(
        incident, state=IncidentState.ACKNOWLEDGED, acknowledged_at_us=last_at_us, acknowledged_by=by
    )
    return now, (event(now, IncidentEventKind.ACKNOWLEDGED, at_us, by),)


def opening_order(alert: Alert) -> tuple[int, str]:
    """Return what alerts are put in order by, whatever order they are kept in: a restart changes that."""
    return alert.opened_at_us, alert.alert_id


def event(
    incident: Incident,
    kind: IncidentEventKind,
    at_us: int,
    actor: str = FOLD_ACTOR,
    *,
    alerts: int = 0,
    other: str = "",
    cause: Cause | None = None,
) -> IncidentEvent:
    """Return a line of an incident's timeline."""
    return IncidentEvent(incident.incident_id, kind, at_us, actor, alerts, other, cause)
