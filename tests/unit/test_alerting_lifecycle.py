"""The life of an alert, from the fold's words and the operators'."""

import msgspec

from alerting.lifecycle import fold_alerts
from contract.alert import Action, ActionKind, Because, Beginning, Ending, Transition, TransitionKind
from contract.live import AlertChanged

OPENED = Transition("a1", TransitionKind.OPENED, "wan_down", 257, 1, 1, 100, 100, 110, 0.0, 0.5, None, None)
RESOLVED = msgspec.structs.replace(OPENED, kind=TransitionKind.RESOLVED, at_us=200, value=1.0)
ACKNOWLEDGED = Action("x1", ActionKind.ACKNOWLEDGED, "a1", "Lan", "", 150)
NOTED = Action("x2", ActionKind.NOTED, "a1", "Minh", "đã gọi", 160)
DISMISSED = Action("x4", ActionKind.DISMISSED, "a1", "Lan", "", 155, Because.PLANNED_WORK.value)
PUPILS = {1: 700}


def events(changes: list[AlertChanged]) -> list[str]:
    """Return the kinds of the changes."""
    return [change.event.kind for change in changes]


def test_a_whole_life() -> None:
    changes = fold_alerts({}, [], [OPENED, ACKNOWLEDGED, NOTED, RESOLVED], PUPILS)
    assert events(changes) == ["opened", "acknowledged", "noted", "resolved"]
    last = changes[-1].alert
    assert (last.pupils, last.acknowledged_by, last.note, last.resolved_at_us) == (700, "Lan", "đã gọi", 200)
    assert changes[0].event.actor == "eduops"


def test_an_alert_that_flaps_says_so_in_its_history() -> None:
    changes = fold_alerts(
        {},
        [],
        [
            msgspec.structs.replace(OPENED, reason=Beginning.FLAPPING.value),
            msgspec.structs.replace(RESOLVED, reason=Ending.STEADY.value),
        ],
        PUPILS,
    )
    assert [(c.event.kind, c.event.note) for c in changes] == [("opened", "flapping"), ("resolved", "steady")]


def test_everything_twice_is_everything_once() -> None:
    twice = [e for entry in (OPENED, ACKNOWLEDGED, NOTED, RESOLVED) for e in (entry, entry)]
    assert fold_alerts({}, [], twice, PUPILS) == fold_alerts({}, [], twice[::2], PUPILS)


def test_redelivery_after_a_restart_changes_nothing() -> None:
    changes = fold_alerts({}, [], [OPENED, ACKNOWLEDGED, NOTED, RESOLVED], PUPILS)
    known, history = {"a1": changes[-1].alert}, [change.event for change in changes]
    assert fold_alerts(known, history, [OPENED, ACKNOWLEDGED, NOTED, RESOLVED], PUPILS) == []


def test_an_action_on_an_unknown_alert_changes_nothing() -> None:
    assert fold_alerts({}, [], [ACKNOWLEDGED, NOTED], PUPILS) == []


def test_an_action_on_a_resolved_alert_is_written_down() -> None:
    changes = fold_alerts({}, [], [OPENED, RESOLVED, ACKNOWLEDGED], PUPILS)
    assert events(changes) == ["opened", "resolved", "acknowledged"]
    assert changes[-1].alert.resolved_at_us == 200


def test_the_first_to_acknowledge_stays_and_the_words_of_the_second_are_kept() -> None:
    second = Action("x3", ActionKind.ACKNOWLEDGED, "a1", "Minh", "tôi cũng thấy", 170)
    changes = fold_alerts({}, [], [OPENED, ACKNOWLEDGED, second], PUPILS)
    assert events(changes) == ["opened", "acknowledged", "noted"]
    assert (changes[-1].alert.acknowledged_by, changes[-1].alert.note) == ("Lan", "tôi cũng thấy")


def test_a_resolution_that_overtakes_its_opening_leaves_one_resolved_alert() -> None:
    changes = fold_alerts({}, [], [RESOLVED, OPENED], PUPILS)
    assert events(changes) == ["opened", "resolved"]
    assert changes[-1].alert.resolved_at_us == 200


def test_a_dismissal_acknowledges_and_resolves_nothing() -> None:
    opened, said = fold_alerts({}, [], [OPENED, DISMISSED], PUPILS)
    assert (said.event.kind, said.event.because, said.event.actor) == ("dismissed", "planned_work", "Lan")
    assert (said.alert.acknowledged_by, said.alert.acknowledged_at_us) == ("Lan", 155)
    assert said.alert.resolved_at_us is opened.alert.resolved_at_us is None


def test_a_dismissal_leaves_the_first_who_acknowledged() -> None:
    by_minh = msgspec.structs.replace(DISMISSED, actor="Minh")
    changes = fold_alerts({}, [], [OPENED, ACKNOWLEDGED, by_minh, RESOLVED], PUPILS)
    assert events(changes) == ["opened", "acknowledged", "dismissed", "resolved"]
    assert changes[-1].alert.acknowledged_by == "Lan"


def test_a_dismissal_told_again_changes_nothing_and_another_reason_is_kept() -> None:
    other = msgspec.structs.replace(DISMISSED, action_id="x5", because=Because.SENSOR_FAULT.value, at_us=190)
    changes = fold_alerts({}, [], [OPENED, DISMISSED, DISMISSED, other], PUPILS)
    assert [change.event.because for change in changes] == ["", "planned_work", "sensor_fault"]
    known, history = {"a1": changes[-1].alert}, [change.event for change in changes]
    assert fold_alerts(known, history, [OPENED, DISMISSED, other], PUPILS) == []
