"""Which incident explains an alert, and which incidents are one (pure)."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from alerting.incidents.causes import LINK_US
from alerting.incidents.groups import CHILDREN, LEAST_SCHOOLS, Groups, covers, covers_school
from alerting.incidents.state import KeptIncident
from contract.alert import Alert, is_chronic
from contract.fleet import DeviceKind, Fleet
from contract.incident import Cause, CauseKind, Incident

SAME_SHARE: Final = 0.5
"""Share of one incident's schools that must be in another for the two to be one: chosen, most."""
ALIVE_SHARE: Final = 0.05
"""Share of a cause's schools that must be failing still for one more to be thought its consequence although
it fails much later: chosen; of schools that fail by themselves once a month and for an hour a time, one in
seven hundred is down at any moment."""


@dataclass(frozen=True)
class Burst:
    """Open alerts of one rule with one cause, the earliest first."""

    cause: Cause
    alerts: tuple[Alert, ...]

    @property
    def rule(self) -> str:
        """The rule that all of them are of."""
        return self.alerts[0].rule

    @cached_property
    def ids(self) -> frozenset[str]:
        """Ids of the alerts."""
        return frozenset(alert.alert_id for alert in self.alerts)

    @cached_property
    def schools(self) -> frozenset[int]:
        """Ids of the schools."""
        return frozenset(alert.school_id for alert in self.alerts)

    @property
    def opened_us(self) -> int:
        """Event time of the earliest opening."""
        return self.alerts[0].opened_at_us

    @cached_property
    def priority(self) -> int:
        """The worst of the alerts."""
        return min(alert.priority for alert in self.alerts)

    def weight(self) -> tuple[bool, int]:
        """Return what the largest comes first by; where the center's own line may be down, that is why."""
        return self.cause.kind is not CauseKind.FLEET, -len(self.alerts)


class Host:
    """An incident that may take alerts."""

    def __init__(self, kept: KeptIncident, groups: Groups) -> None:
        """Look at an incident; its schools are those with an alert that is open still."""
        self.kept = kept
        self._groups = groups

    @property
    def incident(self) -> Incident:
        """The incident as it stands."""
        return self.kept.incident

    @property
    def alerts(self) -> list[Alert]:
        """Its open alerts."""
        return [alert for alert in self.kept.members.values() if alert.resolved_at_us is None]

    @cached_property
    def schools(self) -> set[int]:
        """Schools of its open alerts."""
        return {alert.school_id for alert in self.alerts}

    @property
    def is_shared(self) -> bool:
        """Whether its cause may meet several schools."""
        return self.incident.cause.kind not in (CauseKind.SYSTEM, CauseKind.SCHOOL)

    @property
    def is_apart(self) -> bool:
        """Whether an engineer split it off: it gets what comes back to it, and has no part in any cause."""
        return self.incident.split_from is not None

    @property
    def is_chronic(self) -> bool:
        """Whether it is of a chronic line alone."""
        rules = {alert.rule for alert in self.kept.members.values()} or {self.incident.rule}
        return self.incident.split_from is None and all(map(is_chronic, rules))

    def kin(self) -> set[tuple[int, str]]:
        """Return schools and rules whose alerts are in it, or left a short while ago."""
        return {(a.school_id, a.rule) for a in self.kept.members.values()} | self.kept.left_us.keys()

    def age(self) -> tuple[int, str]:
        """Return what the oldest comes first by."""
        return self.incident.began_at_us, self.incident.incident_id

    def strength(self) -> tuple[float, int, str]:
        """Return how well it explains one more failing school: by the share of its schools that fail."""
        size = self._groups.size(self.incident.cause)
        return len(self.schools) / max(1, size), -self.incident.began_at_us, self.incident.incident_id

    @cached_property
    def kinds(self) -> set[DeviceKind | None]:
        """Kinds of devices that the open alerts of its cause are about."""
        return {self._kind(alert) for alert in self.alerts if alert.rule in self.incident.cause_rules}

    def _kind(self, alert: Alert) -> DeviceKind | None:
        return kind_of(alert, self._groups.fleet)

    def take_cause(self, incident: Incident) -> None:
        """Stand as `incident` says from now on, whose cause is another one."""
        self.kept.incident = incident
        self.__dict__.pop("kinds", None)

    def add(self, alert: Alert) -> None:
        """Take an alert."""
        self.kept.members[alert.alert_id] = alert
        self.schools.add(alert.school_id)
        if alert.rule in self.incident.cause_rules:
            self.kinds.add(self._kind(alert))

    def take_over(self, other: "Host") -> None:
        """Take all alerts of another incident, and the memory of those that left."""
        self.schools.update(other.schools)
        self.kept.members |= other.kept.members
        self.__dict__.pop("kinds", None)
        for what, left_us in other.kept.left_us.items():
            self.kept.left_us[what] = max(left_us, self.kept.left_us.get(what, 0))

    def explains(self, alert: Alert) -> bool:
        """Return whether a new alert is one of this shared incident: it came back, is covered or follows."""
        is_back = (alert.school_id, alert.rule) in self.kept.left_us
        return is_back or self._covers(alert) or self.follows(alert)

    def follows(self, alert: Alert) -> bool:
        """Return whether an alert may be a consequence: at our schools, not before, no more urgent."""
        return (
            alert.school_id in self.schools
            and _is_consequence(alert, self.incident.opened_at_us, self.incident.worst_priority)
            and may_bring(self.kinds, self._kind(alert))
        )

    def is_instance_of(self, alert: Alert) -> bool:
        """Return whether an alert from outside may be a consequence of what is open here.

        Their `instance` is what a school is to ours: what comes after an incident of one instance, there and
        no more urgent, is a part of it.
        """
        instance, alerts = _instance(alert), self.alerts
        return (
            bool(instance and alerts)
            and {_instance(other) for other in alerts} == {instance}
            and any(_is_consequence(alert, other.opened_at_us, other.priority) for other in alerts)
        )

    def _covers(self, alert: Alert) -> bool:
        school = self._groups.fleet.school_by_id.get(alert.school_id)
        if school is None or alert.rule not in self.incident.cause_rules:
            return False
        if alert.opened_at_us < self.incident.opened_at_us - LINK_US:
            return False
        return covers_school(self.incident.cause, school, self._groups.fleet) and (
            self._is_alive or alert.opened_at_us <= self.incident.last_opened_at_us + LINK_US
        )

    @property
    def _is_alive(self) -> bool:
        least = max(LEAST_SCHOOLS, ALIVE_SHARE * self._groups.size(self.incident.cause))
        return len(self.schools) >= least

    def is_related(self, burst: Burst) -> bool:
        """Return whether a burst and this shared incident are one.

        They are if they have one cause, if this one's is a part of the burst's, or if they are two rules'
        words on mostly the same schools at about the same time.
        """
        if is_same_cause(self.incident, burst) or self.is_part_of(burst):
            return True
        if burst.rule in self.incident.cause_rules or not self._is_beside(burst):
            return False
        kind = self._kind(burst.alerts[0])
        if not may_bring(self.kinds, kind) and not any(may_bring({kind}, own) for own in self.kinds):
            return False
        fewer = min(len(self.schools), len(burst.schools))
        return fewer > 0 and len(self.schools & burst.schools) >= SAME_SHARE * fewer

    def is_part_of(self, burst: Burst) -> bool:
        """Return whether a burst of the same rule and time reaches further than this shared incident.

        The whole city is a wider cause of all that fails, but only by most of its schools the one of this.
        """
        cause = self.incident.cause
        if burst.cause == cause or not covers(burst.cause, cause):
            return False
        if burst.rule not in self.incident.cause_rules or not self._is_beside(burst):
            return False
        is_group = burst.cause.kind in CHILDREN
        return is_group or len(self.schools & burst.schools) >= SAME_SHARE * max(1, len(self.schools))

    def _is_beside(self, burst: Burst) -> bool:
        return self.incident.last_opened_at_us >= burst.opened_us - LINK_US

    def began_with(self, burst: Burst) -> bool:
        """Return whether nothing of an incident is older than a burst."""
        return self.incident.opened_at_us >= burst.opened_us - LINK_US

    def belongs_to(self, burst: Burst) -> bool:
        """Return whether all that is open of a single school's incident is a burst's or its consequence."""
        alerts, kinds = self.alerts, {self._kind(burst.alerts[0])}
        return all(
            alert.alert_id in burst.ids
            or (
                _is_consequence(alert, burst.opened_us, burst.priority)
                and may_bring(kinds, self._kind(alert))
            )
            for alert in alerts
        ) and (bool(alerts) or self.began_with(burst))


def kind_of(alert: Alert, fleet: Fleet) -> DeviceKind | None:
    """Return what kind of device an alert is about; None of one that left the fleet, or from outside."""
    device = fleet.device_of(alert.series)
    return None if device is None else device.kind


def may_bring(kinds: Set[DeviceKind | None], kind: DeviceKind | None) -> bool:
    """Return whether what fails at some kinds of devices may bring an alert of another kind.

    A line that is down takes all with it. Pupils who stay away bring no line down and no platform, nor does a
    platform empty a register.
    """
    return kind is None or not kinds.isdisjoint({kind, DeviceKind.GATEWAY, None})


def is_same_cause(incident: Incident, burst: Burst) -> bool:
    """Return whether an incident has a burst's cause by the word of the same rule."""
    return incident.cause == burst.cause and burst.rule in incident.cause_rules


def broadest(cause: Cause, related: Sequence[Host], burst: Burst) -> Cause:
    """Return the cause of what `related` and a burst are together; never one that reaches less far.

    Args:
        cause: of the incident that survives.
        related: shared incidents, at least none.
        burst: what they share alerts with.
    """
    if not related:
        return burst.cause
    for host in related:
        if covers(host.incident.cause, cause):
            cause = host.incident.cause
    most = max(len(host.schools) for host in related)
    return burst.cause if covers(burst.cause, cause) or len(burst.schools) > most else cause


def _is_consequence(alert: Alert, opened_us: int, priority: int) -> bool:
    return alert.opened_at_us >= opened_us - LINK_US and alert.priority >= priority


def _instance(alert: Alert) -> str:
    """Return the label `instance` of an alert from outside; empty where there is none."""
    return "" if alert.outside is None else dict(alert.outside.labels).get("instance", "")
