"""What incidents were at earlier moments: what was decided, read back in order and counted anew (pure).

Nothing is decided a second time: which alert joined which incident, and what engineers did, stands in the
tables. The figures follow from it by the functions that counted them then (`alerting.incidents.account`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from msgspec.structs import replace

from alerting.incidents.account import begun, recounted, taken, with_past
from alerting.incidents.homes import Homes, StoredIncidents
from contract.alert import ActionKind, Alert, AlertEvent
from contract.fleet import Fleet
from contract.incident import (
    SECOND_US,
    Incident,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
    Membership,
)

_DEEDS: Final = frozenset(kind.value for kind in ActionKind)


class DeskThen(NamedTuple):
    """What was open at a moment."""

    at_us: int
    alerts: list[Alert]
    incidents: list[Incident]
    incident_of: dict[str, str]
    """Incident of each of these alerts."""
    over: list[Incident]
    """Those of the record that had resolved, and of which nothing was merged."""


@dataclass(slots=True)
class _Kept:
    """An incident on its way through the log."""

    incident: Incident
    members: dict[str, Alert] = field(default_factory=dict)


def replay(record: StoredIncidents, fleet: Fleet, moments_us: Iterable[int]) -> Iterator[DeskThen]:
    """Yield what was open at each moment; of all that happened at the moment itself, what it led to.

    Args:
        record: of all incidents that were open at any of the moments.
        fleet: the schools, for what a cause meets.
        moments_us: log times in order, at whole seconds: between two of them incidents are undecided.
    """
    walk = _Walk(record, Homes(record, fleet))
    for at_us in moments_us:
        walk.advance(at_us)
        yield walk.then(at_us)


class IncidentThen(NamedTuple):
    """An incident at a moment, with what was known of it."""

    incident: Incident
    members: list[Membership]
    """All alerts that it ever had by then, as they stood."""
    aliases: list[str]
    """Ids of the incidents that had been merged into it."""


def find_then(record: StoredIncidents, fleet: Fleet, incident_id: str, at_us: int) -> IncidentThen | None:
    """Return an incident as it stood, of one that had been merged the survivor; None before it began.

    Args:
        record: of the incident.
        fleet: the schools.
        incident_id: of the incident.
        at_us: see `replay`.
    """
    walk = _Walk(record, Homes(record, fleet))
    walk.advance(at_us)
    return walk.find(incident_id)


class _Walk:
    """The way through the log, from one moment at which something happened to the next."""

    def __init__(self, record: StoredIncidents, homes: Homes) -> None:
        self._homes = homes
        self._alerts = {m.alert.alert_id: _as_opened(m.alert) for m in record.memberships}
        self._ended_us = {m.alert.alert_id: m.alert.resolved_at_us for m in record.memberships}
        self._events: defaultdict[int, list[IncidentEvent]] = defaultdict(list)
        self._deeds: defaultdict[int, list[AlertEvent]] = defaultdict(list)
        self._joins: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
        self._leaves: defaultdict[int, list[str]] = defaultdict(list)
        self._split: dict[str, str] = {}
        """Alert of each incident that was split off."""
        for said in record.events:
            if said.incident_id in homes.rows:
                self._events[said.at_us].append(said)
        done_us: dict[str, int] = {}
        for deed in record.history:
            if deed.alert_id in self._alerts and deed.kind in _DEEDS:
                # What comes along with a merge says the beginning of its second, which may be before a deed.
                done_us[deed.alert_id] = at_us = max(deed.at_us, done_us.get(deed.alert_id, 0))
                self._deeds[at_us].append(deed)
        for m in sorted(record.memberships, key=lambda one: (one.joined_at_us, one.alert.alert_id)):
            self._note(m)
        times = {*self._events, *self._deeds, *self._joins, *self._leaves}
        self._times = sorted(times, reverse=True)
        self._kept: dict[str, _Kept] = {}
        self._over: dict[str, _Kept] = {}
        self._place: dict[str, str] = {}
        self._into: dict[str, str] = {}
        """Incidents that were merged, and into which."""
        self._stays: dict[str, Membership] = {}
        """Alerts that have joined, as they are now, by id."""

    def _note(self, m: Membership) -> None:
        """Note when an alert joined and left, and where; one that was split off joined before."""
        alert, joined_us, rows = m.alert, m.joined_at_us, self._homes.rows
        home = self._homes.first(alert, joined_us, m.incident_id)
        while (row := rows[home]).split_from in rows and joined_us <= row.began_at_us:
            self._split[home] = alert.alert_id
            joined_us = (alert.detected_at_us // SECOND_US + 1) * SECOND_US
            home = self._homes.first(alert, joined_us, row.split_from)
        self._joins[joined_us].append((alert.alert_id, home))
        if m.left_at_us is not None:
            self._leaves[m.left_at_us].append(alert.alert_id)

    def advance(self, until_us: int) -> None:
        """Let all that happened until a moment, and at it, happen."""
        while self._times and self._times[-1] <= until_us:
            self._take(self._times.pop())

    def then(self, at_us: int) -> DeskThen:
        """Return what is open now."""
        alerts = [alert for kept in self._kept.values() for alert in kept.members.values()]
        return DeskThen(
            at_us,
            sorted(alerts, key=lambda a: (a.priority, a.opened_at_us, a.alert_id)),
            sorted(
                (kept.incident for kept in self._kept.values()), key=lambda i: (i.began_at_us, i.incident_id)
            ),
            dict(self._place),
            [kept.incident for kept in self._over.values()],
        )

    def find(self, incident_id: str) -> IncidentThen | None:
        """Return an incident as it is now; None before it began."""
        known = self._survivor(incident_id)
        kept = self._kept.get(known) or self._over.get(known)
        if kept is None:
            return None
        stays = [
            replace(stay, incident_id=known, alert=self._alerts[alert_id])
            for alert_id, stay in self._stays.items()
            if self._survivor(stay.incident_id) == known
        ]
        return IncidentThen(kept.incident, stays, [i for i in self._into if self._survivor(i) == known])

    def _survivor(self, incident_id: str) -> str:
        while incident_id in self._into:
            incident_id = self._into[incident_id]
        return incident_id

    def _take(self, at_us: int) -> None:
        """Let a moment happen, in the order in which a turn of the fold decides."""
        for deed in self._deeds.pop(at_us, ()):
            self._act(deed, at_us)
        new: defaultdict[str, list[Alert]] = defaultdict(list)
        for alert_id, home in self._joins.pop(at_us, ()):
            new[home].append(self._alerts[alert_id])
        for home, alerts in new.items():
            self._put(self._begin(home, alerts, at_us), alerts)
            for alert in alerts:
                self._stays[alert.alert_id] = Membership(home, alert, at_us)
        events = self._events.pop(at_us, [])
        decided = [said for said in events if not said.action_id]
        touched = set(new)
        for said in decided:
            touched |= self._move(said, new)
        for alert_id in self._leaves.pop(at_us, ()):
            home = self._place.pop(alert_id)
            del self._kept[home].members[alert_id]
            self._stays[alert_id] = replace(self._stays[alert_id], left_at_us=at_us)
            alert, ended_us = self._alerts[alert_id], self._ended_us[alert_id]
            self._alerts[alert_id] = replace(alert, resolved_at_us=ended_us)
            touched.add(home)
        self._settle(decided, touched, new, at_us)
        for said in events:
            if said.action_id:
                new.clear()
                self._settle([said], self._move(said, new), new, at_us)

    def _settle(
        self,
        events: Iterable[IncidentEvent],
        touched: Iterable[str],
        new: Mapping[str, Sequence[Alert]],
        at_us: int,
    ) -> None:
        """Count anew what has other members now, and let words and ends count."""
        for incident_id in touched:
            kept = self._kept.get(incident_id)
            if kept is not None:
                members = tuple(kept.members.values())
                second_us = at_us // SECOND_US * SECOND_US
                incident = recounted(kept.incident, members, new.get(incident_id, ()), second_us)
                kept.incident = taken(incident, members, at_us)[0]
        for said in events:
            kept = self._kept.get(said.incident_id)
            if kept is not None:
                kept.incident = _after(kept.incident, said)
                if kept.incident.ended_at_us is not None:
                    self._over[said.incident_id] = self._kept.pop(said.incident_id)

    def _begin(self, incident_id: str, alerts: Sequence[Alert], at_us: int) -> _Kept:
        """Return an incident, which begins with these alerts, is open or opens again."""
        kept = self._kept.get(incident_id)
        if kept is not None:
            return kept
        kept = self._over.pop(incident_id, None)
        if kept is not None:
            kept.incident = replace(kept.incident, state=IncidentState.OPEN, ended_at_us=None, because="")
        else:
            row = self._homes.rows[incident_id]
            first = next((a for a in alerts if a.alert_id == incident_id), alerts[0])
            incident = begun(first, self._homes.cause(incident_id, at_us), at_us // SECOND_US * SECOND_US)
            kept = _Kept(
                replace(
                    incident,
                    incident_id=incident_id,
                    cause_rules=row.cause_rules,
                    exercise=row.exercise,
                    split_from=row.split_from,
                    beyond_cause=row.beyond_cause,  # since its beginning: too little is shown, never too much
                )
            )
        self._kept[incident_id] = kept
        return kept

    def _put(self, kept: _Kept, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            kept.members[alert.alert_id] = alert
            self._place[alert.alert_id] = kept.incident.incident_id

    def _move(self, said: IncidentEvent, new: defaultdict[str, list[Alert]]) -> set[str]:
        """Let what an event says happen to members; return the incidents that are to be counted anew."""
        kept = self._kept.get(said.incident_id)
        if said.kind is IncidentEventKind.REOPENED and kept is None and said.incident_id in self._over:
            self._begin(said.incident_id, (), said.at_us)
        elif said.kind is IncidentEventKind.CAUSE_CHANGED and kept is not None and said.cause is not None:
            kept.incident = replace(kept.incident, cause=said.cause)
        elif said.kind is IncidentEventKind.SPLIT and kept is not None and said.other in self._split:
            alert = kept.members.pop(self._split[said.other])
            whole, part = kept.incident, self._begin(said.other, [alert], said.at_us)
            part.incident = replace(part.incident, assignee=whole.assignee, because=whole.because)
            self._put(part, [alert])
            self._stays[alert.alert_id] = Membership(said.other, alert, part.incident.began_at_us)
            new[said.other].append(alert)
            return {said.incident_id, said.other}
        elif said.kind is IncidentEventKind.MERGED and kept is not None and not said.not_done:
            into = self._begin(said.other, list(kept.members.values()), said.at_us)
            second_us = said.at_us // SECOND_US * SECOND_US
            into.incident = with_past(into.incident, kept.incident, second_us)
            self._put(into, kept.members.values())
            del self._kept[said.incident_id]
            self._into[said.incident_id] = said.other
            return {said.other}
        return set()

    def _act(self, deed: AlertEvent, at_us: int) -> None:
        """Let what an engineer did with an alert count."""
        alert = self._alerts[deed.alert_id] = _after_deed(self._alerts[deed.alert_id], deed)
        home = self._place.get(deed.alert_id)
        if home is None:
            return
        kept = self._kept[home]
        kept.members[deed.alert_id] = alert
        waiting = sum(a.acknowledged_at_us is None for a in kept.members.values())
        kept.incident = taken(replace(kept.incident, unacknowledged=waiting), kept.members.values(), at_us)[0]


def _as_opened(alert: Alert) -> Alert:
    return replace(alert, acknowledged_at_us=None, acknowledged_by=None, note="", resolved_at_us=None)


def alert_then(alert: Alert, history: Iterable[AlertEvent], left_us: int | None, at_us: int) -> Alert:
    """Return an alert as it stood at a moment.

    Args:
        alert: as it stands now.
        history: what happened to it, in the order in which it was written.
        left_us: log time at which it was known to be over; None while it is open.
        at_us: log time.
    """
    then = _as_opened(alert)
    for deed in history:
        if deed.at_us <= at_us and deed.kind in _DEEDS:
            then = _after_deed(then, deed)
    is_over = left_us is not None and left_us <= at_us
    return replace(then, resolved_at_us=alert.resolved_at_us) if is_over else then


def _after_deed(alert: Alert, deed: AlertEvent) -> Alert:
    alert = replace(alert, note=deed.note or alert.note)
    if deed.kind == ActionKind.HANDED_BACK.value:
        return replace(alert, acknowledged_at_us=None, acknowledged_by=None)
    if deed.kind == ActionKind.NOTED.value or alert.acknowledged_at_us is not None:
        return alert
    return replace(alert, acknowledged_at_us=deed.at_us, acknowledged_by=deed.actor)


def _after(incident: Incident, said: IncidentEvent) -> Incident:
    """Return an incident after a deed, or its end; what only its alerts tell has been counted."""
    match said.kind:
        case IncidentEventKind.ACKNOWLEDGED if said.action_id:
            return replace(_taken_by(incident, said), assignee=said.actor)
        case IncidentEventKind.DISMISSED:
            now = _taken_by(incident, said)
            return replace(now, because=said.because, assignee=now.assignee or said.actor)
        case IncidentEventKind.HANDED_BACK:
            return replace(
                incident,
                state=IncidentState.OPEN,
                acknowledged_at_us=None,
                acknowledged_by=None,
                assignee=None,
                because="",
            )
        case IncidentEventKind.ASSIGNED:
            return replace(incident, assignee=said.assignee)
        case IncidentEventKind.RESOLVED:
            return replace(incident, state=IncidentState.RESOLVED, ended_at_us=said.at_us)
        case _:
            return incident


def _taken_by(incident: Incident, said: IncidentEvent) -> Incident:
    """Return an incident that somebody has; of one with open alerts these have told it already."""
    if incident.state is not IncidentState.OPEN:
        return incident
    return replace(
        incident,
        state=IncidentState.ACKNOWLEDGED,
        acknowledged_at_us=said.at_us,
        acknowledged_by=said.actor,
    )
