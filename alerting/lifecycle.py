"""The life of an alert: the fold's decisions and the operators' actions, folded into alerts and events."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from contract.alert import (
    FOLD_ACTOR,
    Action,
    ActionKind,
    Alert,
    AlertEvent,
    Transition,
    TransitionKind,
    is_chronic,
)
from contract.live import AlertChanged


def fold_alerts(
    known: Mapping[str, Alert],
    history: Collection[AlertEvent],
    entries: Sequence[Transition | Action],
    pupils: Mapping[int, int],
) -> list[AlertChanged]:
    """Return every change that the entries make, in their order; see `fold_each`."""
    return [change for changes in fold_each(known, history, entries, pupils) for change in changes]


def fold_each(
    known: Mapping[str, Alert],
    history: Collection[AlertEvent],
    entries: Sequence[Transition | Action],
    pupils: Mapping[int, int],
) -> list[list[AlertChanged]]:
    """Return the changes that each entry makes; a change later in the lists is newer. See `Alerts`."""
    alerts = Alerts(known, history, pupils)
    return [alerts.take(entry) for entry in entries]


class Alerts:
    """Alerts as the entries that were taken make them.

    Everything that repeats changes nothing: an opening of a known alert, a resolution of a resolved
    one, an action that the history already holds. An action on an alert that nobody knows changes
    nothing either; one on a resolved alert is still written down, for the operator did look.
    """

    def __init__(
        self, known: Mapping[str, Alert], history: Collection[AlertEvent], pupils: Mapping[int, int]
    ) -> None:
        """Begin with what the tables hold.

        Args:
            known: alerts as they stand, open or resolved; at least all that the entries name and that exist.
            history: events of the alerts that actions name, in any order.
            pupils: pupils by school id; a school that is missing counts 0.
        """
        self._now = dict(known)
        self._seen = set(history)
        self._pupils = pupils

    def take(self, entry: Transition | Action) -> list[AlertChanged]:
        """Return the changes that an entry of the alerts log makes."""
        alert = self._now.get(entry.alert_id)
        if isinstance(entry, Transition):
            made = _of_transition(alert, entry, self._pupils)
        else:
            made = _of_action(alert, entry, self._seen)
        self.note(made)
        return made

    def known(self, alert_id: str) -> Alert | None:
        """Return an alert as it stands, if it is among those that were named or changed."""
        return self._now.get(alert_id)

    def note(self, changes: Iterable[AlertChanged]) -> None:
        """Hear of changes that were made elsewhere, of all alerts of an incident."""
        for change in changes:
            self._now[change.alert.alert_id] = change.alert
            self._seen.add(change.event)


def _of_transition(
    alert: Alert | None, transition: Transition, pupils: Mapping[int, int]
) -> list[AlertChanged]:
    changes: list[AlertChanged] = []
    if alert is None:
        # A resolution may overtake its opening on the way; it carries all that the opening had to say.
        alert = _opened(transition, pupils.get(transition.school_id, 0))
        opened_at_us = transition.opened_at_us
        value = transition.value if transition.kind is TransitionKind.OPENED else None
        reason = transition.reason if transition.kind is TransitionKind.OPENED else ""
        event = AlertEvent(
            alert.alert_id, TransitionKind.OPENED.value, opened_at_us, FOLD_ACTOR, reason, value
        )
        changes.append(AlertChanged(alert, event))
    if transition.kind is TransitionKind.RESOLVED and alert.resolved_at_us is None:
        alert = msgspec.structs.replace(alert, resolved_at_us=transition.at_us)
        event = AlertEvent(
            alert.alert_id,
            transition.kind.value,
            transition.at_us,
            FOLD_ACTOR,
            transition.reason,
            transition.value,
        )
        changes.append(AlertChanged(alert, event))
    return changes


def _opened(transition: Transition, pupils: int) -> Alert:
    return Alert(
        alert_id=transition.alert_id,
        rule=transition.rule,
        series=transition.series,
        school_id=transition.school_id,
        priority=transition.priority,
        opened_at_us=transition.opened_at_us,
        detected_at_us=transition.detected_at_us,
        value=transition.value,
        expected_low=transition.expected_low,
        expected_high=transition.expected_high,
        score=transition.score,
        pupils=0 if is_chronic(transition.rule) else pupils,  # what it costs, the alerts of its spells tell
    )


def _of_action(alert: Alert | None, action: Action, seen: set[AlertEvent]) -> list[AlertChanged]:
    if alert is None:
        return []
    changed = acted(alert, action)
    # It counted as what it is, or as a note; the alert may have been taken or handed back since.
    counted = (action.kind, ActionKind.NOTED)
    if any(msgspec.structs.replace(changed.event, kind=kind.value) in seen for kind in counted):
        return []
    return [] if action.kind is ActionKind.NOTED and not action.note else [changed]


def acted(alert: Alert, action: Action) -> AlertChanged:
    """Return an alert after an action that was not counted before.

    What has no effect is a note, also one without words: somebody was first and stays, or there is nothing to
    hand back.
    """
    kind, is_taken = action.kind, alert.acknowledged_at_us is not None
    if kind is (ActionKind.ACKNOWLEDGED if is_taken else ActionKind.HANDED_BACK):
        kind = ActionKind.NOTED
    event = AlertEvent(
        alert.alert_id, kind.value, action.at_us, action.actor, action.note, because=action.because
    )
    changed = msgspec.structs.replace(alert, note=action.note or alert.note)
    if kind is ActionKind.HANDED_BACK:
        changed = msgspec.structs.replace(changed, acknowledged_at_us=None, acknowledged_by=None)
    elif kind is not ActionKind.NOTED and not is_taken:
        changed = msgspec.structs.replace(
            changed, acknowledged_at_us=action.at_us, acknowledged_by=action.actor
        )
    return AlertChanged(changed, event)
