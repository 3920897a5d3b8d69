"""One turn of the fold: the incidents after all that one log second brought, decided together.

A new alert joins the open incident that explains it (`hosts`). For what is left of each rule causes are
sought (`causes`): a cause that an incident has already, or that reaches further than an incident's, makes
that incident the one; of several the oldest survives and the others end as merged into it. Then all open
alerts of the rule are asked whether known causes are parts of a wider one. What no cause explains is its
school's own incident. An alert that has its place keeps it, but for a merge.

Before all that an alert comes back to the incident that an engineer split it off into. Such an incident is
asked nothing else and never absorbed; nor is that of a chronic line, which lasts for weeks and explains no
other alert of its school.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from alerting.incidents.account import begun, event, lost_pupil_s, opening_order, recounted, taken, with_past
from alerting.incidents.causes import find_causes, is_even, is_of_two_providers
from alerting.incidents.groups import LEAST_SCHOOLS, Groups, covers, is_within
from alerting.incidents.hosts import Burst, Host, broadest, is_same_cause, kind_of
from alerting.incidents.state import Incidents, KeptIncident
from alerting.lifecycle import acted
from alerting.outside.placing import cause_of_center
from contract.alert import EXTERNAL, FOLD_ACTOR, Action, ActionKind, Alert, is_chronic
from contract.canary import SYSTEM_SCHOOL_ID
from contract.fleet import DeviceKind
from contract.incident import Cause, CauseKind, Incident, IncidentEvent, IncidentEventKind, IncidentState
from contract.live import AlertChanged, IncidentChanged

UNEVEN_LEAST: Final = 30
"""Schools from which a burst that no group explains is the city's although it is not even: chosen. Fewer of a
small fleet are how a provider's outage begins, and an incident that was the city's never narrows again."""
UNEVEN_SHARE: Final = 0.25
"""Share of all schools from which it is, if that is fewer: chosen."""


@dataclass(slots=True)
class _Notes:
    """What a turn did to one incident."""

    host: Host
    before: Incident
    """As it was before the turn."""
    is_new: bool = False
    reopened: bool = False
    new: list[Alert] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    absorbed: list[tuple[str, int]] = field(default_factory=list)
    """Ids of incidents, and how many open alerts each had."""


class Turn:
    """The decisions at the end of one log second, over a state that they change."""

    def __init__(self, groups: Groups, state: Incidents, at_us: int) -> None:
        """Look at the state as the second left it; `at_us` is the log time of its end."""
        self._groups = groups
        self._fleet = groups.fleet
        self._state = state
        self._at_us = at_us
        self._notes: dict[str, _Notes] = {}
        self._merged: list[IncidentChanged] = []
        every = [Host(kept, groups) for kept in state.kept.values()]
        apart = sorted((host for host in every if host.is_apart), key=Host.age)
        self._apart = {what: host for host in apart for what in host.kin()}
        self._chronic = {what: host for host in every if host.is_chronic for what in host.kin()}
        hosts = [host for host in every if not host.is_apart and not host.is_chronic]
        self._shared = [host for host in hosts if host.is_shared and not host.kept.is_over]
        self._alone = {
            host.incident.cause.school_id: host
            for host in hosts
            if host.incident.cause.kind is CauseKind.SCHOOL and not host.kept.is_over
        }
        of_center = sorted(filter(_is_of_center, hosts), key=lambda h: (not h.kept.is_over, h.age()))
        self._of_center = {(host.incident.rule, host.incident.cause): host for host in of_center}
        self._over = sorted((host for host in hosts if host.kept.is_over), key=_ended)
        self._returns: dict[tuple[int | None, str], Host] = {}
        """Resolved incidents by school and rule that open them again; of a school's own no rule is asked."""
        for host in reversed(self._over):  # the latest has the last word
            self._returns |= dict.fromkeys(host.kept.left_us, host)
            if not host.is_shared:
                self._returns[host.incident.cause.school_id, ""] = host

    def decide(self) -> list[IncidentChanged]:
        """Return the changes of incidents, those that ended as merged first."""
        pending = sorted(self._state.pending.values(), key=opening_order)
        self._state.pending = {}
        gone = [alert for alert in pending if alert.alert_id in self._state.place]
        fresh = [alert for alert in pending if alert.alert_id not in self._state.place]
        self._place(fresh)
        for alert in gone:
            self._leave(alert)
        return [*self._merged, *(self._finish(notes) for notes in self._notes.values())]

    def merge(self, one: KeptIncident, two: KeptIncident) -> list[IncidentChanged]:
        """Let the older of two have all alerts, and the cause that reaches further; return what changed."""
        host, other = sorted((Host(kept, self._groups) for kept in (one, two)), key=Host.age)
        mine, theirs = host.incident, other.incident
        notes = self._note(host)
        cause, rules = mine.cause, mine.cause_rules
        if covers(theirs.cause, cause) or (other.is_shared and not host.is_shared):
            cause, rules = theirs.cause, tuple(sorted({*rules, *theirs.cause_rules}))
        is_beyond = mine.beyond_cause or not all(
            is_within(i.cause, cause, self._fleet) for i in (mine, theirs)
        )
        host.take_cause(replace(mine, cause=cause, cause_rules=rules, beyond_cause=is_beyond))
        self._absorb(host, other)
        return [*self._merged, self._finish(notes)]

    def _place(self, fresh: Sequence[Alert]) -> None:
        for alert in fresh:
            apart = self._apart.get((alert.school_id, alert.rule))
            if apart is not None:
                self._join(apart, [alert])
            elif is_chronic(alert.rule):
                self._take_chronic(alert)
            elif alert.school_id == SYSTEM_SCHOOL_ID:
                self._take_of_center(alert)
        known = [a for a in self._without_place(fresh) if a.school_id in self._fleet.school_by_id]
        for alert in known:
            self._join_shared(alert)
        left = self._without_place(known)
        for burst in self._bursts({alert.rule for alert in left}, self._alone.values(), left):
            self._take_burst(burst)
        self._widen({alert.rule for alert in known}, self._without_place(known))
        for alert in self._without_place(fresh):
            if not self._join_shared(alert):
                self._take_alone(alert)

    def _widen(self, rules: Set[str], left: Sequence[Alert]) -> None:
        """Ask of all open alerts of rules with new ones whether known causes are parts of a wider one."""
        rules = {rule for host in self._shared for rule in host.incident.cause_rules if rule in rules}
        for burst in self._bursts(rules, [*self._shared, *self._alone.values()], left):
            is_known = any(host.is_part_of(burst) for host in self._shared)
            if is_known and (burst.cause.kind is not CauseKind.CITY or self._is_citywide(burst)):
                self._take_burst(burst)

    def _is_citywide(self, burst: Burst) -> bool:
        """Return whether a burst is the city's beyond doubt: as many schools as that takes, and evenly."""
        schools = self._positions(burst.alerts)
        return len(burst.schools) >= self._uneven_least and is_even(self._groups, schools)

    def _without_place(self, alerts: Iterable[Alert]) -> list[Alert]:
        return [alert for alert in alerts if alert.alert_id not in self._state.place]

    def _take_of_center(self, alert: Alert) -> None:
        cause = cause_of_center(alert, self._fleet)
        beside = (host for host in self._of_center.values() if host.is_instance_of(alert))
        host = self._of_center.get((alert.rule, cause)) or min(beside, key=Host.age, default=None)
        if host is None:
            host = self._of_center[alert.rule, cause] = self._begin(alert, cause)
        self._join(host, [alert])

    def _take_chronic(self, alert: Alert) -> None:
        what = alert.school_id, alert.rule
        cause = Cause(CauseKind.SCHOOL, school_id=alert.school_id)
        self._chronic[what] = self._chronic.get(what) or self._begin(alert, cause)
        self._join(self._chronic[what], [alert])

    def _join_shared(self, alert: Alert) -> bool:
        """Let an alert join the shared incident that explains it best, if any does."""
        host = max((host for host in self._shared if host.explains(alert)), key=Host.strength, default=None)
        if host is not None:
            self._join(host, [alert])
            self._gather(host, [alert.school_id])
        return host is not None

    def _take_alone(self, alert: Alert) -> None:
        """Give an alert to its school's incident, to one that it opens again, or to a new one."""
        host = self._alone.get(alert.school_id) or self._returned(alert)
        if host is None:
            host = self._begin(alert, Cause(CauseKind.SCHOOL, school_id=alert.school_id))
        if not host.is_shared:
            self._alone[alert.school_id] = host
        self._join(host, [alert])

    def _returned(self, alert: Alert) -> Host | None:
        """Return the resolved incident that an alert opens again."""
        asked = ((alert.school_id, ""), (alert.school_id, alert.rule))
        hosts = (self._returns.get(what) for what in asked)
        return next((host for host in hosts if host is not None and host.kept.is_over), None)

    def _bursts(self, rules: Set[str], hosts: Iterable[Host], left: Sequence[Alert]) -> list[Burst]:
        """Return the causes of rules, the farthest reaching first.

        Args:
            rules: each is asked by itself.
            hosts: incidents whose open alerts are asked. Where they are the single schools' alone, an outage
                that is known does not hide another one.
            left: alerts that have no place yet; they are asked too.
        """
        of_rule: dict[str, list[Alert]] = {rule: [] for rule in sorted(rules)}
        for alerts in (left, *(host.alerts for host in hosts if of_rule)):
            for alert in alerts:
                if alert.rule in of_rule and alert.school_id in self._fleet.school_by_id:
                    of_rule[alert.rule].append(alert)
        bursts = [burst for alerts in of_rule.values() for burst in self._bursts_of(alerts)]
        return sorted(bursts, key=Burst.weight)

    def _bursts_of(self, alerts: list[Alert]) -> Iterator[Burst]:
        """Yield the causes of one rule's alerts, but for what is too early to be called the city's."""
        alerts.sort(key=opening_order)
        opened_us = np.array([a.opened_at_us for a in alerts], np.int64)
        position = self._positions(alerts)
        on_platform = kind_of(alerts[0], self._fleet) is DeviceKind.ELEARNING
        for found in find_causes(self._groups, position, opened_us, on_platform):
            schools = np.unique(position[found.members])
            # Two providers may be how it begins: then it takes twice as many to be the city's.
            least = self._uneven_least * (1 + is_of_two_providers(self._groups, schools))
            is_early = found.cause.kind is CauseKind.CITY and len(schools) < least
            if not is_early or is_even(self._groups, schools):
                yield Burst(found.cause, tuple(alerts[i] for i in found.members))

    @property
    def _uneven_least(self) -> float:
        return min(UNEVEN_LEAST, UNEVEN_SHARE * self._groups.schools)

    def _positions(self, alerts: Iterable[Alert]) -> NDArray[np.intp]:
        return np.array([self._fleet.school_position[a.school_id] for a in alerts], np.intp)

    def _take_burst(self, burst: Burst) -> None:
        """Bring what shares a cause under one incident; what has its place elsewhere stays there."""
        fresh = self._without_place(burst.alerts)
        related = sorted((host for host in self._shared if host.is_related(burst)), key=Host.age)
        alone = [self._alone[s] for s in sorted(burst.schools) if s in self._alone]
        alone = sorted((host for host in alone if host.belongs_to(burst)), key=Host.age)
        schools = {alert.school_id for alert in fresh} | {h.incident.cause.school_id for h in alone}
        if not related:
            ended = [host for host in self._over if host.kept.is_over]
            related = [host for host in ended if is_same_cause(host.incident, burst)][:1]
        if not related and len(schools) < LEAST_SCHOOLS:
            return  # the others of the group have their incident, and it is another one
        hosts = related or [host for host in alone if host.began_with(burst)] or ([] if fresh else alone)
        first = hosts[0] if hosts else self._begin(fresh[0], burst.cause)
        self._take_cause(first, broadest(first.incident.cause, related, burst), related, burst)
        for host in (*related, *alone):
            if host is not first:
                self._absorb(first, host)
        self._join(first, fresh)
        self._gather(first, burst.schools)

    def _take_cause(self, host: Host, cause: Cause, related: Sequence[Host], burst: Burst) -> None:
        """Let an incident have a burst's cause from now on, or one that reaches further still."""
        self._note(host)
        self._alone = {s: h for s, h in self._alone.items() if h is not host}
        rules = {burst.rule}.union(*(other.incident.cause_rules for other in related))
        host.take_cause(replace(host.incident, cause=cause, cause_rules=tuple(sorted(rules))))
        if host not in self._shared:
            self._shared.append(host)

    def _gather(self, host: Host, school_ids: Iterable[int]) -> None:
        """Let the incidents of single schools join the one that explains all of their alerts."""
        for school_id in sorted(school_ids):
            other = self._alone.get(school_id)
            if other is not None and other.alerts and all(map(host.follows, other.alerts)):
                self._absorb(host, other)

    def _begin(self, first: Alert, cause: Cause) -> Host:
        kept = KeptIncident(begun(first, cause, self._at_us))
        self._state.kept[first.alert_id] = kept
        host = Host(kept, self._groups)
        self._note(host).is_new = True
        return host

    def _note(self, host: Host) -> _Notes:
        notes = self._notes.get(host.incident.incident_id)
        if notes is None:
            notes = self._notes[host.incident.incident_id] = _Notes(host, host.incident)
        if host.kept.is_over:
            notes.reopened = True
            host.kept.incident = replace(
                host.incident, state=IncidentState.OPEN, ended_at_us=None, because=""
            )
            if host.is_shared and not host.is_apart and host not in self._shared:
                self._shared.append(host)
        return notes

    def _join(self, host: Host, alerts: Iterable[Alert]) -> None:
        notes = self._note(host)
        for alert in alerts:
            notes.new.append(alert)
            host.add(alert)
            self._state.place[alert.alert_id] = host.incident.incident_id

    def _absorb(self, host: Host, other: Host) -> None:
        """End an incident as merged into another, which has its alerts and its past from now on."""
        notes, ended = self._note(host), self._note(other)
        del self._notes[other.incident.incident_id], self._state.kept[other.incident.incident_id]
        if other in self._shared:
            self._shared.remove(other)
        for school_id in [s for s, h in self._alone.items() if h is other]:
            del self._alone[school_id]
        notes.new += ended.new
        host.take_over(other)
        for alert_id in other.kept.members:
            self._state.place[alert_id] = host.incident.incident_id
        if ended.is_new:
            return  # nobody has heard of it
        notes.absorbed.append((other.incident.incident_id, other.incident.alerts))
        host.kept.incident = with_past(host.incident, other.incident, self._at_us)
        self._merged.append(self._as_merged(ended, host.incident.incident_id))

    def _as_merged(self, notes: _Notes, survivor: str) -> IncidentChanged:
        before = notes.host.incident
        incident = replace(
            before,
            state=IncidentState.MERGED,
            alerts=0,
            unacknowledged=0,
            schools=0,
            pupils=0,
            affected_pupils=0,
            lost_pupil_s=lost_pupil_s(before, self._at_us),
            counted_at_us=self._at_us,
            quiet_at_us=None,
            ended_at_us=self._at_us,
            merged_into=survivor,
        )
        merged = event(incident, IncidentEventKind.MERGED, self._at_us, other=survivor)
        return IncidentChanged(incident, (*self._absorptions(notes), merged))

    def _leave(self, alert: Alert) -> None:
        kept = self._state.kept[self._state.place.pop(alert.alert_id)]
        del kept.members[alert.alert_id]
        kept.left_us[alert.school_id, alert.rule] = self._at_us
        self._note(Host(kept, self._groups)).left.append(alert.alert_id)

    def _finish(self, notes: _Notes) -> IncidentChanged:
        """Count an incident anew, once a turn, and say what happened to it."""
        kept, at_us = notes.host.kept, self._at_us
        along = self._take_along(notes)
        members = tuple(kept.members.values())
        incident = recounted(kept.incident, members, notes.new, at_us)
        kept.incident, acknowledged = taken(incident, members, at_us)
        joined, left = (tuple(ids) for ids in ([a.alert_id for a in notes.new], notes.left))
        said: list[IncidentEvent] = []
        if notes.is_new:
            # A school's own is told by its first alert.
            cause = incident.cause if incident.cause.school_id is None else None
            said.append(event(incident, IncidentEventKind.OPENED, at_us, alerts=len(joined), cause=cause))
        if notes.reopened:
            said.append(event(incident, IncidentEventKind.REOPENED, at_us))
        said += self._absorptions(notes)
        if incident.cause != notes.before.cause:
            said.append(event(incident, IncidentEventKind.CAUSE_CHANGED, at_us, cause=incident.cause))
        if joined and not notes.is_new:
            said.append(event(incident, IncidentEventKind.JOINED, at_us, alerts=len(joined)))
        if left:
            said.append(event(incident, IncidentEventKind.LEFT, at_us, alerts=len(left)))
        return IncidentChanged(kept.incident, (*said, *acknowledged), joined, left, along)

    def _take_along(self, notes: _Notes) -> tuple[AlertChanged, ...]:
        """Let what joined an incident that somebody has be taken with it, or dismissed as that was.

        What is more urgent than all before is not: somebody must hear of it.
        """
        before, members = notes.before, notes.host.kept.members
        if before.state is not IncidentState.ACKNOWLEDGED or before.assignee is None:
            return ()
        kind = ActionKind.DISMISSED if before.because else ActionKind.ACKNOWLEDGED
        actor = before.acknowledged_by or FOLD_ACTOR
        made = tuple(
            acted(alert, Action("", kind, alert.alert_id, actor, "", self._at_us, before.because))
            for alert in sorted(members.values(), key=opening_order)
            if alert.acknowledged_at_us is None and alert.priority >= before.worst_priority
        )
        members.update({change.alert.alert_id: change.alert for change in made})
        return made

    def _absorptions(self, notes: _Notes) -> list[IncidentEvent]:
        return [
            event(notes.host.incident, IncidentEventKind.ABSORBED, self._at_us, alerts=count, other=other)
            for other, count in notes.absorbed
        ]


def _is_of_center(host: Host) -> bool:
    """Return whether an alert of no school may be its: from outside it may be about what schools share."""
    cause, is_of_outside = host.incident.cause, host.incident.rule.partition("/")[0] == EXTERNAL
    return cause.kind is CauseKind.SYSTEM or (cause.school_id is None and is_of_outside)


def _ended(host: Host) -> tuple[int, str]:
    return -(host.incident.ended_at_us or 0), host.incident.incident_id
