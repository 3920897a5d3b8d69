"""What engineers do with an incident (pure): one deed for all of its open alerts, and the first one counts.

A deed that cannot be, or that somebody was faster with, changes nothing and is a comment that says so:
nothing that anybody did is lost. What a deed does to alerts goes through the fold of alerts
(`alerting.lifecycle`), so that their histories say so too.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from alerting.incidents.account import begun, opening_order, recounted, taken
from alerting.incidents.area_view import AreaView
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents, KeptIncident
from alerting.incidents.turn import Turn
from alerting.lifecycle import acted
from contract.alert import Action, ActionKind, Alert
from contract.canary import SYSTEM_SCHOOL_ID
from contract.incident import (
    SECOND_US,
    Cause,
    CauseKind,
    Incident,
    IncidentAction,
    IncidentDeed,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
    NotDone,
    split_id_of,
)
from contract.live import AlertChanged, IncidentChanged


def act(
    groups: Groups, state: Incidents, action: IncidentAction, incident: Incident, other: Incident | None
) -> list[IncidentChanged]:
    """Let a deed that was not counted before have its effect on a state that the caller owns.

    Args:
        groups: of the fleet.
        state: of all incidents; its time is that of the action's entry.
        action: the deed.
        incident: the one that it names, or that one's survivor, as it stands.
        other: the same of the incident to merge with; None for other deeds, and where there is none.

    Returns:
        Every change of an incident, at least a line in a timeline.
    """
    kept = state.kept.get(incident.incident_id)
    if action.kind is IncidentDeed.COMMENTED:
        return [_comment(incident, state, action)]
    if kept is None or kept.is_over:
        return [_comment(incident, state, action, NotDone.OVER)]
    if _reaches_beyond(groups, action, [incident, *([] if other is None else [other])]):
        return [_comment(incident, state, action, NotDone.BEYOND_AREA)]
    made = _Deed(groups, state, kept, action).do(other)
    return [_comment(incident, state, action, made)] if isinstance(made, NotDone) else made


def _reaches_beyond(groups: Groups, action: IncidentAction, touched: Iterable[Incident]) -> bool:
    """Return whether a deed would touch what lies beyond the area of who does it.

    The door looked when it was asked for; what an incident has joined since, the log alone knows.
    """
    if action.area.is_city:
        return False
    view = AreaView(groups.fleet, action.area)
    return not all(map(view.covers, touched))


def _comment(
    incident: Incident, state: Incidents, action: IncidentAction, not_done: NotDone | None = None
) -> IncidentChanged:
    said = _event(incident, IncidentEventKind.COMMENTED, state.now_us, action)
    if not_done is not None:
        said = replace(said, tried=action.kind.value, not_done=not_done.value)
    return IncidentChanged(incident, (said,))


def _event(
    incident: Incident, kind: IncidentEventKind, at_us: int, action: IncidentAction, alerts: int = 0
) -> IncidentEvent:
    return IncidentEvent(
        incident.incident_id,
        kind,
        at_us,
        action.actor,
        alerts,
        other=action.other,
        action_id=action.action_id,
        note=action.note,
        because=action.because,
        assignee=action.assignee,
    )


class _Deed:
    """A deed upon an incident that is open."""

    def __init__(self, groups: Groups, state: Incidents, kept: KeptIncident, action: IncidentAction) -> None:
        self._groups = groups
        self._state = state
        self._kept = kept
        self._action = action
        self._second_us = state.now_us // SECOND_US * SECOND_US
        """Figures change at whole seconds; that of the running one began with all that is counted by now."""

    def do(self, other: Incident | None) -> list[IncidentChanged] | NotDone:
        """Return what comes of it, or why nothing does."""
        match self._action.kind:
            case IncidentDeed.ACKNOWLEDGED:
                return self._acknowledge()
            case IncidentDeed.HANDED_BACK:
                return self._hand_back()
            case IncidentDeed.ASSIGNED:
                return self._assign()
            case IncidentDeed.DISMISSED:
                return self._dismiss()
            case IncidentDeed.RESOLVED:
                return self._resolve()
            case IncidentDeed.SPLIT:
                return self._split()
            case _:
                return self._merge(other)

    def _acknowledge(self) -> list[IncidentChanged] | NotDone:
        if self._kept.incident.state is IncidentState.ACKNOWLEDGED:
            return NotDone.TAKEN
        open_ones = [a for a in self._kept.members.values() if a.acknowledged_at_us is None]
        alerts = self._act_on(ActionKind.ACKNOWLEDGED, open_ones)
        now = replace(self._taken(), assignee=self._action.actor)
        return [self._change(now, IncidentEventKind.ACKNOWLEDGED, alerts)]

    def _hand_back(self) -> list[IncidentChanged] | NotDone:
        incident = self._kept.incident
        takes = [a for a in self._kept.members.values() if a.acknowledged_at_us is not None]
        if not takes and incident.assignee is None and incident.state is IncidentState.OPEN:
            return NotDone.NOT_TAKEN
        alerts = self._act_on(ActionKind.HANDED_BACK, takes)
        now = replace(
            incident,
            state=IncidentState.OPEN,
            unacknowledged=len(self._kept.members),
            acknowledged_at_us=None,
            acknowledged_by=None,
            assignee=None,
            because="",
        )
        return [self._change(now, IncidentEventKind.HANDED_BACK, alerts)]

    def _assign(self) -> list[IncidentChanged] | NotDone:
        if self._kept.incident.assignee == self._action.assignee:
            return NotDone.SAME_ASSIGNEE
        now = replace(self._kept.incident, assignee=self._action.assignee)
        return [self._change(now, IncidentEventKind.ASSIGNED)]

    def _dismiss(self) -> list[IncidentChanged] | NotDone:
        if self._kept.incident.because:
            return NotDone.DISMISSED_BEFORE
        alerts = self._act_on(ActionKind.DISMISSED, list(self._kept.members.values()))
        now = self._taken() if self._kept.incident.state is IncidentState.OPEN else self._kept.incident
        now = replace(now, because=self._action.because, assignee=now.assignee or self._action.actor)
        return [self._change(now, IncidentEventKind.DISMISSED, alerts)]

    def _resolve(self) -> list[IncidentChanged] | NotDone:
        if self._kept.members:
            return NotDone.MEASURED
        now = replace(self._kept.incident, state=IncidentState.RESOLVED, ended_at_us=self._state.now_us)
        return [self._change(now, IncidentEventKind.RESOLVED)]

    def _split(self) -> list[IncidentChanged] | NotDone:
        kept, whole, at_us = self._kept, self._kept.incident, self._second_us
        alert = kept.members.get(self._action.other)
        if alert is None or alert.resolved_at_us is not None:
            return NotDone.NO_MEMBER
        if sum(a.resolved_at_us is None for a in kept.members.values()) == 1:
            return NotDone.LAST_MEMBER
        cause = Cause(CauseKind.SCHOOL, school_id=alert.school_id)
        if alert.school_id == SYSTEM_SCHOOL_ID:
            cause = Cause(CauseKind.SYSTEM)
        part = replace(
            begun(alert, cause, at_us),
            incident_id=split_id_of(whole.incident_id, alert.alert_id, self._action.action_id),
            assignee=whole.assignee,
            because=whole.because,
            split_from=whole.incident_id,
        )
        del kept.members[alert.alert_id]
        own = KeptIncident(part, {alert.alert_id: alert})
        self._state.kept[part.incident_id] = own
        self._state.place[alert.alert_id] = part.incident_id
        left = _event(whole, IncidentEventKind.SPLIT, self._state.now_us, self._action, 1)
        began = _event(part, IncidentEventKind.OPENED, self._state.now_us, self._action, 1)
        return [
            self._recount(kept, (), replace(left, other=part.incident_id)),
            self._recount(own, (alert,), replace(began, other=whole.incident_id)),
        ]

    def _merge(self, other: Incident | None) -> list[IncidentChanged] | NotDone:
        second = None if other is None else self._state.kept.get(other.incident_id)
        if second is None or second.is_over or second is self._kept:
            return NotDone.NO_OTHER
        if len({k.incident.cause.kind is CauseKind.SYSTEM for k in (self._kept, second)}) == 2:
            return NotDone.OF_CENTER
        turn = Turn(self._groups, self._state, self._second_us)
        return [self._signed(change) for change in turn.merge(self._kept, second)]

    def _signed(self, change: IncidentChanged) -> IncidentChanged:
        """Return what a merge changed, told as the deed that it was."""
        kinds = (IncidentEventKind.MERGED, IncidentEventKind.ABSORBED)
        told = [
            replace(
                _event(change.incident, said.kind, self._state.now_us, self._action, said.alerts),
                other=said.other,
            )
            if said.kind in kinds
            else said
            for said in change.events
        ]
        return replace(change, events=tuple(told))

    def _act_on(self, kind: ActionKind, alerts: Iterable[Alert]) -> tuple[AlertChanged, ...]:
        a = self._action
        made = tuple(
            acted(alert, Action(a.action_id, kind, alert.alert_id, a.actor, a.note, a.at_us, a.because))
            for alert in sorted(alerts, key=opening_order)
        )
        for change in made:
            alert = change.alert
            self._kept.members[alert.alert_id] = alert
            if alert.alert_id in self._state.pending:  # it resolved within this second
                self._state.pending[alert.alert_id] = alert
        return made

    def _taken(self) -> Incident:
        return replace(
            self._kept.incident,
            state=IncidentState.ACKNOWLEDGED,
            unacknowledged=0,
            acknowledged_at_us=self._action.at_us,
            acknowledged_by=self._action.actor,
        )

    def _change(
        self, incident: Incident, kind: IncidentEventKind, alerts: tuple[AlertChanged, ...] = ()
    ) -> IncidentChanged:
        self._kept.incident = incident
        said = _event(incident, kind, self._state.now_us, self._action, len(alerts))
        return IncidentChanged(incident, (said,), alerts=alerts)

    def _recount(self, kept: KeptIncident, new: tuple[Alert, ...], said: IncidentEvent) -> IncidentChanged:
        members = tuple(kept.members.values())
        incident = recounted(kept.incident, members, new, self._second_us)
        kept.incident, acknowledged = taken(incident, members, self._state.now_us)
        return IncidentChanged(kept.incident, (said, *acknowledged), tuple(a.alert_id for a in new))
