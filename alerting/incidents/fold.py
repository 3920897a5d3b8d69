"""The fold of incidents: from a state and a stretch of the alerts log to the next state and the changes.

Alerts that open or resolve within one log second wait until an entry of a later second says that it is over;
then all of them are decided together (`alerting.incidents.turn`). So the log alone cuts time, and no batch,
replay or restart can change what is decided. Where nothing else says the time, a tick does; one more or one
less changes nothing but when it is known.

An incident with no open alert waits for `SETTLE_US` and resolves; what comes back within `REOPEN_US` opens it
again. What operators do counts at once (`alerting.incidents.deeds`).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from alerting.incidents.account import event, taken
from alerting.incidents.groups import Groups
from alerting.incidents.state import SETTLE_US, Incidents, KeptIncident
from alerting.incidents.turn import Turn
from contract.alert import Alert
from contract.incident import SECOND_US, IncidentEventKind, IncidentState
from contract.live import IncidentChanged


class Moment(NamedTuple):
    """An entry of the alerts log as incidents see it; a tick says nothing but the time."""

    at_us: int
    """Log time."""
    alerts: tuple[Alert, ...] = ()
    """Alerts as they stand after each change that the entry made, in order (`alerting.lifecycle`)."""


def step(
    groups: Groups, state: Incidents, entries: Sequence[Moment]
) -> tuple[Incidents, list[IncidentChanged]]:
    """Return the state after the entries, and every change of an incident in order; changes no argument."""
    after = state.copy()
    return after, advance(groups, after, entries)


def advance(groups: Groups, state: Incidents, entries: Iterable[Moment]) -> list[IncidentChanged]:
    """Bring a state that the caller owns from before the entries to after them; see `step`."""
    changes: list[IncidentChanged] = []
    for entry in entries:
        changes += pass_time(groups, state, entry.at_us)
        for alert in entry.alerts:
            changes += hear(state, alert)
    return changes


def pass_time(groups: Groups, state: Incidents, at_us: int) -> list[IncidentChanged]:
    """Let the log time of an entry come, if it is not past already; return what it brings."""
    is_later = at_us // SECOND_US > state.now_us // SECOND_US
    changes = _end_second(groups, state, at_us) if is_later else []
    state.now_us = max(state.now_us, at_us)
    return changes


def _end_second(groups: Groups, state: Incidents, at_us: int) -> list[IncidentChanged]:
    """Decide what waited for the end of the running second, and what time alone brings until `at_us`."""
    changes: list[IncidentChanged] = []
    if state.pending:
        over_us = (state.now_us // SECOND_US + 1) * SECOND_US
        changes += _decide_apart(groups, state, over_us)
    quiet = [
        (kept.incident.quiet_at_us + SETTLE_US, incident_id, kept)
        for incident_id, kept in state.kept.items()
        if kept.incident.quiet_at_us is not None and not kept.is_over
    ]
    changes += [_resolve(kept, due_us) for due_us, _, kept in sorted(quiet, key=_due) if due_us <= at_us]
    state.now_us = at_us
    state.forget()
    return changes


def _decide_apart(groups: Groups, state: Incidents, at_us: int) -> list[IncidentChanged]:
    """Decide what is real, and each exercise, without the other's alerts and incidents.

    Else an exercise would open again what was real an hour ago, and a real outage would join an exercise.
    """
    changes: list[IncidentChanged] = []
    for part in state.parts():
        known = set(part.kept)
        changes += Turn(groups, part, at_us).decide()
        state.kept |= part.kept
        for incident_id in known - part.kept.keys():
            del state.kept[incident_id]
    state.pending = {}
    return changes


def _due(one: tuple[int, str, KeptIncident]) -> tuple[int, str]:
    return one[:2]


def _resolve(kept: KeptIncident, at_us: int) -> IncidentChanged:
    kept.incident = replace(kept.incident, state=IncidentState.RESOLVED, ended_at_us=at_us)
    return IncidentChanged(kept.incident, (event(kept.incident, IncidentEventKind.RESOLVED, at_us),))


def hear(state: Incidents, alert: Alert) -> list[IncidentChanged]:
    """Take an alert as it stands now; what is not decided at once waits in `pending`."""
    incident_id = state.place.get(alert.alert_id)
    if incident_id is None:
        if alert.resolved_at_us is None:
            state.pending[alert.alert_id] = alert
        else:
            # It opened and resolved within one second, or long ago: nobody was ever called for it.
            state.pending.pop(alert.alert_id, None)
        return []
    kept = state.kept[incident_id]
    before, kept.members[alert.alert_id] = kept.members[alert.alert_id], alert
    if alert.resolved_at_us is not None:
        state.pending[alert.alert_id] = alert
    more = (alert.acknowledged_at_us is None) - (before.acknowledged_at_us is None)
    return [_count(kept, more, state.now_us)] if more else []


def _count(kept: KeptIncident, more: int, now_us: int) -> IncidentChanged:
    """Count one alert that somebody took, or handed back; the last one taken takes the incident."""
    incident = replace(kept.incident, unacknowledged=kept.incident.unacknowledged + more)
    kept.incident, events = taken(incident, kept.members.values(), now_us)
    return IncidentChanged(kept.incident, events)
