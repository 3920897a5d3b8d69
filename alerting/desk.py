"""The fold of the alerts log: alerts, incidents, silences, duty and notices, entry by entry (pure)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from alerting.incidents.deeds import act
from alerting.incidents.fold import hear, pass_time
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents
from alerting.lifecycle import Alerts
from alerting.notify.decide import Decider
from alerting.notify.state import Notices
from alerting.notify.tell import Telling
from alerting.outside.reports import Reports
from alerting.routing.swaps import hear_swap, with_swaps
from alerting.silences.matching import silenced
from alerting.silences.words import hear_silence
from contract.alert import Action, Alert, AlertEvent, OutsideCourse, OutsideReport, Transition
from contract.incident import SECOND_US, Exercise, Incident, IncidentAction, IncidentDeed
from contract.live import AlertChanged, IncidentChanged
from contract.routing.notice import Notice, NoticeAnswer
from contract.routing.silence import Silence, SilenceEnded, SilenceSet, SilenceWord
from contract.routing.swap import KEPT_US, Swap, SwapEnded, SwapSet, SwapWord

Word = Transition | Action | IncidentAction | NoticeAnswer | OutsideReport | SilenceWord | SwapWord | Exercise
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
    outside: Mapping[str, OutsideCourse] = {}
    """By fingerprint of the labels that reports name, over or not."""
    swaps: Mapping[str, Swap] = {}
    """By id, over or not."""


def incidents_named(action: IncidentAction) -> set[str]:
    """Return the ids of all incidents that an action names."""
    others = {action.other} if action.kind is IncidentDeed.MERGED else set()
    return {action.incident_id} | others


class DeskState(NamedTuple):
    """What the fold remembers; the caller owns it."""

    incidents: Incidents
    notices: Notices
    outside: dict[str, OutsideCourse]
    """Alerts from outside that are open, by fingerprint of their labels."""
    swaps: dict[str, Swap]
    """Swaps of duty that are not over since `KEPT_US`, by id."""

    @property
    def due_us(self) -> int | None:
        """Log time from which the time alone changes something; None while nothing waits for it."""
        due = [us for us in (self.incidents.due_us, self.notices.due_us) if us is not None]
        return min([*due, *(course.ends_us for course in self.outside.values())], default=None)


class DeskChanges(NamedTuple):
    """What a stretch of the log brings, each kind in order; of two about one thing the later is the newer."""

    alerts: list[AlertChanged]
    incidents: list[IncidentChanged]
    silences: list[Silence]
    exercises: list[Exercise]
    notices: list[Notice]
    outside: list[OutsideCourse]
    swaps: list[Swap]


def fold_desk(
    groups: Groups,
    telling: Telling,
    state: DeskState,
    record: OnRecord,
    entries: Iterable[DeskEntry],
    pupils: Mapping[int, int],
) -> DeskChanges:
    """Bring a state that the caller owns from before the entries to after them.

    Args:
        groups: of the fleet.
        telling: what decides who is told.
        state: of incidents, notices, alerts from outside and swaps of duty.
        record: what the tables hold of all that the entries name.
        entries: a stretch of the alerts log.
        pupils: pupils by school id; a school that is missing counts 0.
    """
    desk = _Desk(groups, telling, state, record, pupils)
    for entry in entries:
        desk.read(entry)
    return desk.changes


class _Desk:
    def __init__(
        self,
        groups: Groups,
        telling: Telling,
        state: DeskState,
        record: OnRecord,
        pupils: Mapping[int, int],
    ) -> None:
        self._groups = groups
        self._state = state.incidents
        self._alerts = Alerts(record.alerts, record.history, pupils)
        self._incidents = dict(record.incidents)
        self._done = set(record.done)
        self._telling = telling
        self._silences = {**record.silences, **state.incidents.silences}
        self._on_duty = state.swaps
        self._swaps = {**record.swaps, **state.swaps}
        self._decider = Decider(state.notices, telling, self._muted)
        self._swap_duty()
        self._reports = Reports(state.outside, record.outside, telling.fleet, pupils, self._open_alert)
        self.changes = DeskChanges([], [], [], [], self._decider.notices, self._reports.changes, [])

    def read(self, entry: DeskEntry) -> None:
        """Fold one entry; on the way to its time stop where an alert from outside ends."""
        for due_us in self._reports.due(entry.at_us):
            self._pass_time(due_us)
            self._change(self._reports.end(due_us))
            self._decide(self._state.now_us, inclusive=True)
        self._pass_time(entry.at_us)
        for word in entry.words:
            if isinstance(word, NoticeAnswer):
                self._decider.answer(word, self._state.now_us)
            elif isinstance(word, IncidentAction):
                self._keep(self._act(word))
            elif isinstance(word, Exercise):
                self._practise(word)
            elif isinstance(word, SilenceSet | SilenceEnded):
                self._hear(word)
            elif isinstance(word, SwapSet | SwapEnded):
                self._swap(word)
            elif isinstance(word, OutsideReport):
                self._change(self._reports.take(word, self._state.now_us))
            else:
                self._change(self._alerts.take(word))
        self._decide(self._state.now_us, inclusive=True)

    def _pass_time(self, at_us: int) -> None:
        # Until the running second is over no incident changes.
        second_us = (self._state.now_us // SECOND_US + 1) * SECOND_US
        self._decide(min(second_us, at_us), inclusive=False)
        self._keep(pass_time(self._groups, self._state, at_us))
        self._decide(self._state.now_us, inclusive=True)
        self._state.drop_what_is_over()
        if any(self._is_past(swap) for swap in self._on_duty.values()):
            self._swap_duty()

    def _change(self, changes: Sequence[AlertChanged]) -> None:
        self._alerts.note(changes)
        for change in changes:
            self.changes.alerts.append(change)
            self._keep(hear(self._state, change.alert))

    def _open_alert(self, alert_id: str) -> Alert:
        return self._alerts.known(alert_id) or self._state.open_alert(alert_id)

    def _act(self, action: IncidentAction) -> list[IncidentChanged]:
        """Count an action once; one on an incident that nobody knows changes nothing."""
        incident = self._survivor(action.incident_id)
        if incident is None or action.action_id in self._done:
            return []
        self._done.add(action.action_id)
        other = self._survivor(action.other) if action.kind is IncidentDeed.MERGED else None
        return act(self._groups, self._state, action, incident, other)

    def _practise(self, exercise: Exercise) -> None:
        """Take an exercise, once; one of long ago changes nothing."""
        if exercise.exercise_id in self._state.exercises:
            return
        self._state.exercises[exercise.exercise_id] = exercise
        self._state.drop_what_is_over()
        self.changes.exercises.append(exercise)

    def _marked(self, change: IncidentChanged) -> IncidentChanged:
        """Return a change of an incident that says whether it is an exercise."""
        incident = change.incident
        kept = self._state.kept.get(incident.incident_id)
        before = self._incidents.get(incident.incident_id, incident).exercise
        if not before and not self._state.exercises:
            return change
        open_ones = self._open_alerts(incident.incident_id)
        exercise = self._state.exercise_of(open_ones) if open_ones else before
        marked = replace(incident, exercise=exercise)
        if kept is not None:
            kept.incident = replace(kept.incident, exercise=exercise)
        return replace(change, incident=marked)

    def _hear(self, word: SilenceWord) -> None:
        changes = hear_silence(self._silences, word)
        self._state.silences |= {silence.silence_id: silence for silence in changes}
        self._state.drop_what_is_over()
        self.changes.silences.extend(changes)
        if changes:
            self._decider.look_again(self._state.now_us)

    def _swap(self, word: SwapWord) -> None:
        """Swap duty: whoever is told from now on is asked of the rota as it is then."""
        swap = hear_swap(self._swaps, word)
        if swap is not None:
            self._on_duty[swap.swap_id] = swap
            self.changes.swaps.append(swap)
            self._swap_duty()

    def _is_past(self, swap: Swap) -> bool:
        return swap.end_us + KEPT_US <= self._state.now_us

    def _swap_duty(self) -> None:
        """Let the rotas name whom swaps name; forget those of which no decision asks any more."""
        for past in [key for key, swap in self._on_duty.items() if self._is_past(swap)]:
            del self._on_duty[past]
        self._decider.follow(with_swaps(self._telling.routing, self._on_duty.values()))

    def _muted(self, incident_id: str, at_us: int) -> tuple[str, int] | None:
        """Return the silence that mutes every open alert of an incident, and when that may end."""
        if not self._state.silences:
            return None
        fleet, calendar = self._telling.fleet, self._telling.calendar
        open_ones = self._open_alerts(incident_id)
        return silenced(self._state.silences.values(), open_ones, fleet, calendar, at_us)

    def _open_alerts(self, incident_id: str) -> list[Alert]:
        """Return the open alerts of an incident that is kept; none of another."""
        kept = self._state.kept.get(incident_id)
        return [] if kept is None else [a for a in kept.members.values() if a.resolved_at_us is None]

    def _survivor(self, incident_id: str) -> Incident | None:
        incident = self._incidents.get(incident_id)
        if incident is None:
            return None
        incident = self._incidents.get(incident.incident_id, incident)
        return incident if incident.merged_into is None else self._survivor(incident.merged_into)

    def _keep(self, changes: Iterable[IncidentChanged]) -> None:
        for found in changes:
            change = self._marked(found)
            at_us = max((said.at_us for said in change.events), default=self._state.now_us)
            self._decide(at_us, inclusive=False)
            self._incidents[change.incident.incident_id] = change.incident
            self._alerts.note(change.alerts)
            self.changes.alerts.extend(change.alerts)
            self.changes.incidents.append(change)
            self._decider.take(change, at_us)

    def _decide(self, until_us: int, *, inclusive: bool) -> None:
        """Let notices be decided up to a moment; timelines say so."""
        self._decider.advance(until_us, inclusive=inclusive)
        self.changes.incidents.extend(self._decider.changes)
        self._decider.changes.clear()
