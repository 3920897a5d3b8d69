"""What the fold of incidents remembers: those that are open, those that may open again, and what waits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from contract.alert import Alert
from contract.incident import EXERCISE_LAG_US, SECOND_US, Exercise, Incident, Membership
from contract.routing.silence import Silence

SETTLE_US: Final = 60 * SECOND_US
"""An incident resolves when none of its alerts has been open for so long, µs: chosen, a device that comes
back and goes again within a minute was never well."""
REOPEN_US: Final = 600 * SECOND_US
"""What comes back within this after an incident resolved opens it again, µs: chosen, as long as alerts of one
cause may be apart (`causes.LINK_US`)."""
RETURN_US: Final = SETTLE_US + REOPEN_US
"""An alert of the same rule at the same school within this after the last one left is the same again, µs:
as long as the last to leave could open a resolved incident."""


@dataclass(slots=True)
class KeptIncident:
    """An incident with what the next decision needs of its alerts."""

    incident: Incident
    members: dict[str, Alert] = field(default_factory=dict)
    """Alerts that are in it and have not left, by id; one that resolved leaves when its second is over."""
    left_us: dict[tuple[int, str], int] = field(default_factory=dict)
    """When the last alert of a school and rule left, for `RETURN_US`."""

    @property
    def is_over(self) -> bool:
        """Whether it resolved or was merged."""
        return self.incident.ended_at_us is not None

    def copy(self) -> "KeptIncident":
        """Return one that may be changed without this one."""
        return KeptIncident(self.incident, dict(self.members), dict(self.left_us))


@dataclass(slots=True)
class Incidents:
    """What follows from the alerts log up to a moment."""

    now_us: int = 0
    """The latest log time that an entry said; an entry that says an earlier one does not turn it back."""
    kept: dict[str, KeptIncident] = field(default_factory=dict)
    """Incidents that are open or resolved within `REOPEN_US`, by id."""
    place: dict[str, str] = field(default_factory=dict)
    """Incident of each of their members."""
    pending: dict[str, Alert] = field(default_factory=dict)
    """Alerts that opened, or left, within the second that is not over yet, by id."""
    silences: dict[str, Silence] = field(default_factory=dict)
    """Those that are not over, by id (`alerting.silences`)."""
    exercises: dict[str, Exercise] = field(default_factory=dict)
    """Those that an alert may still be of, by id."""

    @property
    def due_us(self) -> int | None:
        """Log time from which the time alone changes something; None while nothing waits for it."""
        due = [
            kept.incident.quiet_at_us + SETTLE_US
            for kept in self.kept.values()
            if kept.incident.quiet_at_us is not None and not kept.is_over
        ]
        if self.pending:
            due.append(_second(self.now_us) + SECOND_US)
        return min(due, default=None)

    def open_alert(self, alert_id: str) -> Alert:
        """Return an open alert as it stands.

        Raises:
            KeyError: no open alert has that id.
        """
        incident_id = self.place.get(alert_id)
        return self.pending[alert_id] if incident_id is None else self.kept[incident_id].members[alert_id]

    def copy(self) -> "Incidents":
        """Return one that may be changed without this one."""
        kept = {incident_id: kept.copy() for incident_id, kept in self.kept.items()}
        known = dict(self.silences), dict(self.exercises)
        return Incidents(self.now_us, kept, dict(self.place), dict(self.pending), *known)

    def exercise_of(self, alerts: Sequence[Alert]) -> str:
        """Return the exercise that all of some alerts are of; empty where there is none."""
        mine = (key for key, e in sorted(self.exercises.items()) if all(map(e.has, alerts)))
        return next(mine, "")

    def parts(self) -> list["Incidents"]:
        """Return what is decided apart: what is real, then each exercise; `place` is the same of all."""
        kept: dict[str, dict[str, KeptIncident]] = {}
        for key, one in self.kept.items():
            kept.setdefault(one.incident.exercise, {})[key] = one
        pending: dict[str, dict[str, Alert]] = {}
        for key, alert in self.pending.items():
            home = self.place.get(key)
            name = self.exercise_of([alert]) if home is None else self.kept[home].incident.exercise
            pending.setdefault(name, {})[key] = alert
        return [Incidents(self.now_us, kept.get(n, {}), self.place, pending[n]) for n in sorted(pending)]

    def drop_what_is_over(self) -> None:
        """Drop the silences and exercises that are over by now."""
        over_us = self.now_us - EXERCISE_LAG_US - REOPEN_US
        self.exercises = {key: e for key, e in self.exercises.items() if e.until_us >= over_us}
        if any(silence.end_us <= self.now_us for silence in self.silences.values()):
            self.silences = {key: s for key, s in self.silences.items() if s.end_us > self.now_us}

    def forget(self) -> None:
        """Drop what can no longer come back."""
        for incident_id, kept in list(self.kept.items()):
            if not is_kept(kept.incident, self.now_us):
                del self.kept[incident_id]
                continue
            if kept.left_us:
                kept.left_us = {k: us for k, us in kept.left_us.items() if may_return(us, self.now_us)}


def is_kept(incident: Incident, now_us: int) -> bool:
    """Return whether an incident is open or may open again."""
    if incident.merged_into is not None:
        return False
    return incident.ended_at_us is None or incident.ended_at_us + REOPEN_US >= _second(now_us)


def may_return(left_us: int, now_us: int) -> bool:
    """Return whether an alert that left may still come back as the same."""
    return left_us + RETURN_US >= _second(now_us)


def restore(
    now_us: int,
    incidents: Iterable[Incident],
    memberships: Iterable[Membership],
    unplaced: Iterable[Alert],
    silences: Iterable[Silence] = (),
    exercises: Iterable[Exercise] = (),
) -> Incidents:
    """Return the state as the tables tell it: the one that was committed with them.

    Args:
        now_us: the latest log time that any entry said.
        incidents: all for which `is_kept` is true, and others.
        memberships: all alerts of these that have not left or `may_return`, and others.
        unplaced: open alerts of no incident.
        silences: all that are not over.
        exercises: all that an alert may still be of.
    """
    state = Incidents(now_us, {i.incident_id: KeptIncident(i) for i in incidents if is_kept(i, now_us)})
    for membership in memberships:
        kept, alert = state.kept.get(membership.incident_id), membership.alert
        if kept is None:
            continue
        if membership.left_at_us is None:
            kept.members[alert.alert_id] = alert
            state.place[alert.alert_id] = membership.incident_id
            if alert.resolved_at_us is not None:
                state.pending[alert.alert_id] = alert
        elif may_return(membership.left_at_us, now_us):
            what = alert.school_id, alert.rule
            kept.left_us[what] = max(kept.left_us.get(what, 0), membership.left_at_us)
    state.pending |= {alert.alert_id: alert for alert in unplaced}
    state.silences = {silence.silence_id: silence for silence in silences}
    state.exercises = {exercise.exercise_id: exercise for exercise in exercises}
    state.drop_what_is_over()
    return state


def _second(moment_us: int) -> int:
    return moment_us // SECOND_US * SECOND_US
