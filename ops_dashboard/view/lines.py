"""The alarm lines of the wall, as the browser writes them: one an incident (pure)."""

from collections.abc import Collection, Iterable, Set
from enum import StrEnum
from typing import Final

import msgspec

from alerting.incidents.groups import covers_school, place_of
from alerting.outside.placing import cause_of_center
from contract.alert import Alert, is_chronic
from contract.calendar import MINUTE_US
from contract.canary import SYSTEM_SCHOOL_ID
from contract.fleet import PUPILS_UNKNOWN, DeviceKind, Fleet
from contract.incident import Cause, CauseKind, Incident, IncidentState, lost_pupil_minutes
from ops_dashboard.view.addresses import area_address, provider_address

_RANK: Final = {kind: rank for rank, kind in enumerate(CauseKind)}
"""The broader cause comes first among incidents of one priority."""


GROWS_US: Final = 5 * MINUTE_US
"""So long after its last opening an incident still grows: chosen, by then an outage is all there."""
HEALS_US: Final = 2 * MINUTE_US
"""So long no alert has opened in one that heals: chosen, shorter than that it may only sway."""


class Trend(StrEnum):
    """Where an incident is going; each has a shape on the wall."""

    GROWING = "growing"
    """It has as many schools as ever, and another one came lately."""
    HEALING = "healing"
    """Schools have left it, and none came lately."""
    STEADY = "steady"


class WallLine(msgspec.Struct, frozen=True):
    """One incident: one alarm, or many of one cause."""

    incident_id: str
    rule: str
    """The rule that the incident is named after."""
    others: int
    """Further rules of alerts that it has or had."""
    cause: str
    """What its alerts share, such as `isp` or `ward` (contract.incident.CauseKind)."""
    priority: int
    school: int | None
    """Position of the school in the fleet; None for a shared cause, and for none."""
    isp: str
    """The provider that is the cause or a part of it, or the single school's; else empty."""
    place: str
    """The cluster or ward that is the cause or a part of it; else empty."""
    alerts: int
    """Open alerts, 1 or more."""
    schools: int
    """Schools with open alerts; 0 for what concerns the center itself."""
    most_schools: int
    """The most it ever had at once."""
    pupils: int | None
    """Pupils of `schools`; None where nobody knows how many they are."""
    lost_pupil_minutes: int | None
    """What it has cost so far, to the last whole minute; None where nobody knows."""
    trend: Trend
    opened_at_us: int
    """Event time of the earliest opening, µs since 1970."""
    unacknowledged: int
    """Open alerts that nobody has taken."""
    acknowledged_by: str
    """The engineer who took it; empty while someone should take it."""
    silenced: bool
    """Whether every open alert that it may have is muted now: nobody is told of it."""
    address: str = ""
    """Page of the provider, cluster, ward or system that it is about; empty for none."""
    exercise: bool = False
    """Whether it is practised and not real."""


def wall_incidents(incidents: Iterable[Incident], fleet: Fleet) -> list[Incident]:
    """Return the incidents that stand on a wall, the most urgent first.

    Those that someone should take come first, then by priority, by cause, the newest. A shared cause stands
    before a single school of its priority: it is most pupils. What concerns the center itself stands before
    both, for it may be the cause of all that follows. One with no open alert is only waited for, one of a
    school that left the fleet ends by itself, and a chronic line has a state of its own.
    """
    shown = [
        incident
        for incident in incidents
        if incident.alerts
        and not is_chronic(incident.rule)
        and (incident.cause.school_id is None or incident.cause.school_id in fleet.school_position)
    ]
    return sorted(shown, key=_urgency)


def incidents_within(
    incidents: Iterable[Incident], alerts: Collection[Alert], schools: Set[int], fleet: Fleet
) -> list[Incident]:
    """Return the incidents that concern schools, given by id, now; those about the center concern all."""
    own = [alert for alert in alerts if alert.school_id in schools]
    return [
        i
        for i in incidents
        if i.cause.kind is CauseKind.SYSTEM
        or any(a.rule in i.rules and _may_be_of(i.cause, a, fleet) for a in own)
    ]


def is_silenced(incident: Incident, alerts: Collection[Alert], muted: Set[str], fleet: Fleet) -> bool:
    """Return whether all open alerts of an incident are muted.

    Which ones are its own is not known here: all of its rules at all schools of its cause must be.

    Args:
        incident: with at least one open alert.
        alerts: all that are open.
        muted: ids of those that are.
        fleet: the schools.
    """
    if incident.alerts > len(muted):
        return False
    own = [a for a in alerts if a.rule in incident.rules and _may_be_of(incident.cause, a, fleet)]
    return len(own) >= incident.alerts and all(alert.alert_id in muted for alert in own)


def _may_be_of(cause: Cause, alert: Alert, fleet: Fleet) -> bool:
    if alert.school_id == SYSTEM_SCHOOL_ID:
        return cause == cause_of_center(alert, fleet)
    school = fleet.school_by_id.get(alert.school_id)
    return school is not None and covers_school(cause, school, fleet)


def cause_address(cause: Cause) -> str:
    """Return where the page of what is behind an incident is: of two the provider, whom somebody calls."""
    if cause.kind is CauseKind.PLATFORM:
        return f"/system/{DeviceKind.ELEARNING.value}"
    if cause.isp:
        return provider_address(cause.isp)
    code = cause.ward_code or cause.cluster_code
    return area_address(code) if code else ""


def trend_of(incident: Incident, now_us: int) -> Trend:
    """Return where an incident is going; `now_us` is the log time."""
    quiet_us = now_us - incident.last_opened_at_us
    if incident.schools < incident.most_schools:
        return Trend.HEALING if quiet_us >= HEALS_US else Trend.STEADY
    return Trend.GROWING if incident.schools > 1 and quiet_us < GROWS_US else Trend.STEADY


def wall_line(incident: Incident, fleet: Fleet, silenced: bool, now_us: int) -> WallLine:
    """Return an incident as the browser writes it; `now_us` is the log time."""
    cause = incident.cause
    # To the minute, so that a wall writes its lines anew once a minute only.
    lost = lost_pupil_minutes(incident, now_us // MINUTE_US * MINUTE_US)
    is_known = incident.most_pupils > incident.most_schools * PUPILS_UNKNOWN
    is_taken = incident.state is IncidentState.ACKNOWLEDGED
    return WallLine(
        incident_id=incident.incident_id,
        rule=incident.rule,
        others=len(incident.rules) - 1,
        cause=cause.kind.value,
        priority=incident.priority,
        school=None if cause.school_id is None else fleet.school_position[cause.school_id],
        isp=cause.isp if cause.school_id is None else fleet.school_by_id[cause.school_id].isp,
        place=place_of(cause, fleet),
        alerts=incident.alerts,
        schools=incident.schools,
        most_schools=incident.most_schools,
        pupils=incident.pupils if is_known else None,
        lost_pupil_minutes=lost if is_known else None,
        trend=trend_of(incident, now_us),
        opened_at_us=incident.opened_at_us,
        unacknowledged=incident.unacknowledged,
        acknowledged_by=(incident.acknowledged_by or "") if is_taken else "",
        silenced=silenced,
        address=cause_address(cause),
        exercise=bool(incident.exercise),
    )


def _urgency(incident: Incident) -> tuple[bool, int, int, int, str, str]:
    rank, newest_us = _RANK[incident.cause.kind], incident.last_opened_at_us
    return (
        incident.unacknowledged == 0, incident.priority, rank, -newest_us, incident.rule, incident.incident_id
    )  # fmt: skip
