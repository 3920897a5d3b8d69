"""The fold of the alerts log: alerts, incidents and silences, entry by entry, as they hang together."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from alerting.incidents.deeds import act
from alerting.incidents.fold import hear, pass_time
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents
from alerting.lifecycle import Alerts
from alerting.silences.words import hear_silence
from contract.alert import Action, Alert, AlertEvent, Transition
from contract.incident import Incident, IncidentAction, IncidentDeed
from contract.live import AlertChanged, IncidentChanged
from contract.routing.silence import Silence, SilenceEnded, SilenceSet, SilenceWord

Word = Transition | Action | IncidentAction | SilenceWord
"""What an entry of the alerts log may say."""


class DeskEntry(NamedTuple):
    """An entry of the alerts log; a tick says nothing but the time."""

    at_us: int
    """Log time."""
    words: tuple[Word, ...] = ()


class OnRecord(NamedTuple):
    """What the tables hold of all that a stretch of the log names."""

    alerts: Mapping[str, Alert]
    """As they stand, by id."""
    history: Collection[AlertEvent]
    """Events of the alerts that actions name, in any order."""
    incidents: Mapping[str, Incident]
    """By the id that an action names, as they stand; of one that was merged, the survivor."""
    done: Collection[str]
    """Ids of actions on incidents that were counted before."""
    silences: Mapping[str, Silence] = {}
    """By id, over or not."""


class DeskChanges(NamedTuple):
    """What a stretch of the log changed, each in order; of one thing the later is the newer."""

    alerts: list[AlertChanged]
    incidents: list[IncidentChanged]
    silences: list[Silence]


def incidents_named(action: IncidentAction) -> set[str]:
    """Return the ids of all incidents that an action names."""
    others = {action.other} if action.kind is IncidentDeed.MERGED else set()
    return {action.incident_id} | others


def fold_desk(
    groups: Groups,
    state: Incidents,
    record: OnRecord,
    entries: Iterable[DeskEntry],
    pupils: Mapping[int, int],
) -> DeskChanges:
    """Bring a state that the caller owns from before the entries to after them.

    Args:
        groups: of the fleet.
        state: of all incidents.
        record: what the tables hold of all that the entries name.
        entries: a stretch of the alerts log.
        pupils: pupils by school id; a school that is missing counts 0.

    Returns:
        Every change.
    """
    desk = _Desk(groups, state, record, pupils)
    for entry in entries:
        desk.read(entry)
    return DeskChanges(desk.alert_changes, desk.incident_changes, desk.silence_changes)


class _Desk:
    def __init__(self, groups: Groups, state: Incidents, record: OnRecord, pupils: Mapping[int, int]) -> None:
        self._groups = groups
        self._state = state
        self._alerts = Alerts(record.alerts, record.history, pupils)
        self._incidents = dict(record.incidents)
        self._done = set(record.done)
        self._silences = {**record.silences, **state.silences}
        self.alert_changes: list[AlertChanged] = []
        self.incident_changes: list[IncidentChanged] = []
        self.silence_changes: list[Silence] = []

    def read(self, entry: DeskEntry) -> None:
        """Fold one entry."""
        self._keep(pass_time(self._groups, self._state, entry.at_us))
        self._state.end_silences()
        for word in entry.words:
            if isinstance(word, IncidentAction):
                self._keep(self._act(word))
                continue
            if isinstance(word, SilenceSet | SilenceEnded):
                self._hear(word)
                continue
            for change in self._alerts.take(word):
                self.alert_changes.append(change)
                self._keep(hear(self._state, change.alert))

    def _act(self, action: IncidentAction) -> list[IncidentChanged]:
        """Count an action once; one on an incident that nobody knows changes nothing."""
        incident = self._survivor(action.incident_id)
        if incident is None or action.action_id in self._done:
            return []
        self._done.add(action.action_id)
        other = self._survivor(action.other) if action.kind is IncidentDeed.MERGED else None
        return act(self._groups, self._state, action, incident, other)

    def _hear(self, word: SilenceWord) -> None:
        changes = hear_silence(self._silences, word)
        self._state.silences |= {silence.silence_id: silence for silence in changes}
        self._state.end_silences()
        self.silence_changes += changes

    def _survivor(self, incident_id: str) -> Incident | None:
        incident = self._incidents.get(incident_id)
        if incident is None:
            return None
        incident = self._incidents.get(incident.incident_id, incident)
        return incident if incident.merged_into is None else self._survivor(incident.merged_into)

    def _keep(self, changes: Iterable[IncidentChanged]) -> None:
        for change in changes:
            self._incidents[change.incident.incident_id] = change.incident
            self._alerts.note(change.alerts)
            self.alert_changes += change.alerts
            self.incident_changes.append(change)
