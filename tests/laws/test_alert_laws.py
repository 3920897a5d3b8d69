"""Law 9: operators' actions are entries of the alerts log; one writer folds them, and the log alone decides.

An action stands in the log after a first word of its alert, as nobody sees an alert before it is written,
or it names an alert that nobody knows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alerting.lifecycle import fold_alerts
from contract.alert import Action, ActionKind, Alert, AlertEvent, Because, Transition, TransitionKind
from contract.live import AlertChanged

Entry = Transition | Action
PUPILS = {1: 700, 2: 300}
ALERTS = ("a", "b", "c")
UNKNOWN = "nobody knows it"
KINDS = tuple(ActionKind)
TAKES = (ActionKind.ACKNOWLEDGED, ActionKind.DISMISSED)
STAYS = (ActionKind.NOTED, *TAKES)
"""What takes nothing from anybody."""
OPENED = Transition("", TransitionKind.OPENED, "wan_down", 257, 1, 1, 100, 100, 110, 0.0, 0.5, None, None)


class Table(NamedTuple):
    """What the writer has in its tables."""

    alerts: dict[str, Alert]
    events: list[AlertEvent]
    changes: list[AlertChanged]


def fold(stretches: Sequence[Sequence[Entry]]) -> Table:
    """Fold a log stretch by stretch as its owner does: it reads of the tables what the entries name."""
    table = Table({}, [], [])
    for entries in stretches:
        named = {entry.alert_id for entry in entries}
        acted = {entry.alert_id for entry in entries if isinstance(entry, Action)}
        known = {alert_id: alert for alert_id, alert in table.alerts.items() if alert_id in named}
        history = [event for event in table.events if event.alert_id in acted]
        changes = fold_alerts(known, history, entries, PUPILS)
        table.alerts.update({change.alert.alert_id: change.alert for change in changes})
        table.events.extend(change.event for change in changes)
        table.changes.extend(changes)
    return table


def life(alert_id: str, resolved: bool, overtaken: bool) -> list[Entry]:
    """Return the fold's words on an alert; a resolution may overtake its opening on the way."""
    opened = msgspec.structs.replace(OPENED, alert_id=alert_id, school_id=1 + ALERTS.index(alert_id) % 2)
    if not resolved:
        return [opened]
    end = msgspec.structs.replace(opened, kind=TransitionKind.RESOLVED, at_us=200, detected_at_us=210)
    return [end, opened] if overtaken else [opened, end]


lives = st.tuples(*(st.builds(life, st.just(a), st.booleans(), st.booleans()) for a in ALERTS))


@st.composite
def deeds(draw: st.DrawFn, actor: str, odd: bool, kinds: Sequence[ActionKind] = KINDS) -> list[Entry]:
    """Draw what one engineer does, one after the other, at times that no other has."""
    made: list[Entry] = []
    for number in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(kinds))
        note = draw(st.sampled_from(["", "đã gọi", "đang xem"]))
        because = draw(st.sampled_from(Because)).value if kind is ActionKind.DISMISSED else ""
        alert_id = draw(st.sampled_from([*ALERTS, UNKNOWN]))
        at_us = 1_000 + 2 * number + odd
        made.append(Action(f"{actor}-{number}", kind, alert_id, actor, note, at_us, because))
    return made


@st.composite
def merged(draw: st.DrawFn, *parts: Sequence[Entry]) -> list[Entry]:
    """Draw one log in which each part keeps its order."""
    order = draw(st.permutations([i for i, part in enumerate(parts) for _ in part]))
    left = [iter(part) for part in parts]
    return [next(left[i]) for i in order]


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """Draw a log of three alerts and two engineers; actions come after the first word of their alert."""
    starts, ends = zip(*((words[:1], words[1:]) for words in draw(lives)), strict=True)
    lan, minh = draw(deeds("Lan", odd=False)), draw(deeds("Minh", odd=True))
    first = [word for start in starts for word in start]
    return first + draw(merged(*ends, lan, minh))


@st.composite
def told_again(draw: st.DrawFn, log: Sequence[Entry]) -> list[Entry]:
    """Draw the log with some entries in it again, anywhere after their first time."""
    again = list(log)
    for entry in draw(st.lists(st.sampled_from(log), max_size=8)):
        again.insert(draw(st.integers(again.index(entry) + 1, len(again))), entry)
    return again


@st.composite
def cut(draw: st.DrawFn, log: Sequence[Entry]) -> list[list[Entry]]:
    """Draw the log in stretches."""
    stretches: list[list[Entry]] = [[]]
    for entry in log:
        if draw(st.booleans()):
            stretches.append([])
        stretches[-1].append(entry)
    return stretches


@given(st.data())
def test_any_cutting_gives_the_same(data: st.DataObject) -> None:
    log = data.draw(logs())
    assert fold(data.draw(cut(log))) == fold([log])


@given(st.data())
def test_any_redelivery_changes_nothing(data: st.DataObject) -> None:
    log = data.draw(logs())
    again = data.draw(told_again(log))
    assert fold(data.draw(cut(again))) == fold([log])


@given(st.data())
def test_a_log_read_anew_from_anywhere_changes_nothing(data: st.DataObject) -> None:
    log = data.draw(logs())
    through = data.draw(st.integers(0, len(log)))
    again = data.draw(st.integers(0, through))
    assert fold([log[:through], log[again:]]) == fold([log])


@given(logs())
def test_the_first_in_the_log_has_acknowledged(log: list[Entry]) -> None:
    table = fold([log])
    for alert_id in ALERTS:
        expected: tuple[str | None, int | None] = (None, None)
        for said in (e for e in log if isinstance(e, Action) and e.alert_id == alert_id):
            if said.kind in TAKES and expected == (None, None):
                expected = (said.actor, said.at_us)
            elif said.kind is ActionKind.HANDED_BACK:
                expected = (None, None)
        alert = table.alerts[alert_id]
        assert (alert.acknowledged_by, alert.acknowledged_at_us) == expected


@given(st.data())
def test_two_engineers_in_any_order_differ_only_in_who_was_first(data: st.DataObject) -> None:
    words = [word for parts in data.draw(lives) for word in parts]
    lan, minh = (data.draw(deeds(*who, kinds=STAYS)) for who in (("Lan", False), ("Minh", True)))
    one = fold([words + data.draw(merged(lan, minh))])
    other = fold([words + data.draw(merged(lan, minh))])
    for alert_id in ALERTS:
        assert _apart_from_who(one.alerts[alert_id]) == _apart_from_who(other.alerts[alert_id])
    assert _words(one) == _words(other) == {_word(e) for e in lan + minh if _speaks(e)}


def _apart_from_who(alert: Alert) -> Alert:
    """Return the alert without the name of who acknowledged and without the last note."""
    taken_us = None if alert.acknowledged_at_us is None else 0
    taken_by = None if alert.acknowledged_by is None else ""
    return msgspec.structs.replace(alert, acknowledged_at_us=taken_us, acknowledged_by=taken_by, note="")


def _speaks(entry: Entry) -> bool:
    return isinstance(entry, Action) and entry.alert_id != UNKNOWN and bool(entry.note or entry.because)


def _word(of: Entry | AlertEvent) -> tuple[str, int, str, str]:
    assert isinstance(of, Action | AlertEvent)
    return (of.alert_id, of.at_us, of.note, of.because)


def _words(table: Table) -> set[tuple[str, int, str, str]]:
    """Return what engineers said, whatever it counts as: the second acknowledgement is a note."""
    return {
        _word(event) for event in table.events if event.actor != "eduops" and (event.note or event.because)
    }
