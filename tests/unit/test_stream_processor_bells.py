"""When the schools of a level begin: said once of all, and known before one of them is judged."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from contract.alert import Transition, TransitionKind
from contract.canary import SYSTEM_SCHOOL_ID
from contract.entry import Entry
from stream_processor.fold.constants import Fold
from stream_processor.fold.habits import WHOLE
from stream_processor.fold.sessions.bells import OFF_CALENDAR
from stream_processor.fold.snapshot import decode, encode
from stream_processor.fold.state import MOVED, SEEN, USUAL, State
from tests.fold_world import CALENDAR, SECOND_US, assert_same, fold_log
from tests.unit.test_stream_processor_habits import (
    MONDAY,
    NONE,
    PROMPT,
    RULE,
    habit_fold,
    morning,
    slots_of,
    used_to,
)
from tests.unit.test_stream_processor_newcomers import CUT, a_fold, a_morning, openings

SCHOOLS = 9
HALF_AN_HOUR_LATER = ("07:55", "08:05", "08:15", "08:25")
PRIMARY = 1
USUAL_S = 600.0
"""A primary school begins at 7:15, and all send at 7:25."""


def known(fold: Fold) -> State:
    """Return a city of half a year in which every school sends ten minutes after the bell."""
    state = used_to(fold, *[{1: 240}] * SCHOOLS)
    state.bells[[USUAL, SEEN], PRIMARY, 0] = USUAL_S, 40.0
    return state


def all_send(on: int, times: Sequence[str]) -> list[Entry]:
    return morning(on, [times] * SCHOOLS)


def told(transitions: Sequence[Transition]) -> list[tuple[str, TransitionKind, str]]:
    """Return rule, kind and local time of what is told of the calendar and of registers."""
    return [
        (t.rule, t.kind, f"{datetime.fromtimestamp(t.detected_at_us / 1e6, CALENDAR.timezone):%d %H:%M:%S}")
        for t in transitions
        if t.rule in (OFF_CALENDAR, RULE)
    ]


def test_bells_that_move_are_one_alert_and_known_the_next_day() -> None:
    fold = habit_fold(SCHOOLS)
    first = fold_log(fold, [all_send(MONDAY, HALF_AN_HOUR_LATER)], known(fold))
    # Half an hour later than they usually begin; at that very time the registers come.
    (one,) = (t for t in first.transitions if t.school_id == SYSTEM_SCHOOL_ID)
    assert told(first.transitions) == [(OFF_CALENDAR, TransitionKind.OPENED, "12 07:55:00")]
    assert (one.school_id, one.value) == (SYSTEM_SCHOOL_ID, 1800.0)
    assert first.state.bells[MOVED, PRIMARY, 0] == 1800.0
    assert float(first.state.habit[2:, slots_of(fold)].sum()) == 0.0  # nobody is used to it for that
    # The next morning registers are due half an hour later: who sends none is missed, and nobody else.
    late = [NONE, *[HALF_AN_HOUR_LATER] * (SCHOOLS - 1)]
    second = fold_log(fold, [morning(MONDAY + 1, late)], first.state)
    assert told(second.transitions) == [(RULE, TransitionKind.OPENED, "13 08:16:00")]
    # Back to the old bells, the calendar is right again.
    third = fold_log(fold, [all_send(MONDAY + 2, PROMPT)], second.state)
    assert (OFF_CALENDAR, TransitionKind.RESOLVED, "14 07:25:00") in told(third.transitions)
    assert third.state.bells[MOVED, PRIMARY, 0] == 0.0


def test_a_morning_on_which_nobody_comes_is_one_alert_until_they_do() -> None:
    fold = habit_fold(SCHOOLS)
    away = fold_log(fold, [all_send(MONDAY, NONE)], known(fold))
    assert told(away.transitions) == [(OFF_CALENDAR, TransitionKind.OPENED, "12 07:55:00")]
    assert away.state.waited_for[PRIMARY]
    assert away.transitions[-1].value is None
    back = fold_log(fold, [all_send(MONDAY + 1, PROMPT)], away.state)
    assert told(back.transitions) == [(OFF_CALENDAR, TransitionKind.RESOLVED, "13 07:25:00")]
    assert float(back.state.habit[WHOLE:, slots_of(fold)].sum()) == 0.0


def test_where_no_lesson_has_begun_no_traffic_is_missed() -> None:
    fold = a_fold()
    assert openings(fold_log(fold, [a_morning()]).transitions) == [CUT]
    state = fold.initial_state()
    state.event_us[fold.bell_slots[PRIMARY]] = a_morning()[0].at_us - 24 * 3600 * SECOND_US
    assert openings(fold_log(fold, [a_morning()], state).transitions) == []


def test_a_quarter_of_the_schools_that_are_late_move_no_bells() -> None:
    fold = habit_fold(SCHOOLS)
    some = [HALF_AN_HOUR_LATER] * 2 + [PROMPT] * (SCHOOLS - 2)
    state = fold_log(fold, [morning(MONDAY, some)], known(fold)).state
    assert not state.bells[MOVED].any()
    assert state.bells[USUAL, PRIMARY, 0] == pytest.approx(USUAL_S)


def test_what_nobody_mends_is_learnt_at_a_quarter_of_the_weight() -> None:
    fold = habit_fold(SCHOOLS)
    state = known(fold)
    for on in range(MONDAY, MONDAY + 5):
        state = fold_log(fold, [all_send(on, HALF_AN_HOUR_LATER)], state).state
    assert state.bells[MOVED, PRIMARY, 0] == pytest.approx(1800.0 * (1.0 - 0.25 / 40.0) ** 4)


def test_a_restart_in_between_changes_nothing() -> None:
    fold = habit_fold(SCHOOLS)
    log = all_send(MONDAY, HALF_AN_HOUR_LATER)
    for cut in (150, 170, 300):
        before = fold_log(fold, [log[:cut]], known(fold)).state
        again = decode(fold, encode(fold, before))
        assert_same(fold_log(fold, [log[cut:]], before), fold_log(fold, [log[cut:]], again))


def test_a_center_that_heard_nothing_learns_nothing_of_bells() -> None:
    fold = habit_fold(SCHOOLS)
    log = all_send(MONDAY, HALF_AN_HOUR_LATER)
    after_bell = [e for e in log if e.at_us >= log[0].at_us + 1800 * SECOND_US]
    state = fold_log(fold, [log[:4], after_bell], known(fold)).state
    assert not state.bells[MOVED].any()
    assert state.bells[USUAL, PRIMARY, 0] == USUAL_S
