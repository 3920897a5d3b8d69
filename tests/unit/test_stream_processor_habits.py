"""What a school is used to: late registers, missing ones, dead lines, and a session that nobody had."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from contract.alert import Transition, TransitionKind
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.rule import parse_rules
from stream_processor.fold.constants import Fold, build_fold
from stream_processor.fold.habits import WHOLE
from stream_processor.fold.state import State
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    SECOND_US,
    assert_same,
    columns,
    fold_log,
    packaged,
    series_named,
    slots_of,
    small_fleet,
    split_entries,
)

PROMPT = ("07:25", "07:35", "07:45", "07:55", "08:05", "08:15")
"""A primary school begins at 7:15; its registers are due from 7:25 to 8:25."""
LATE = ("08:05", "08:15")
NONE: tuple[str, ...] = ()
RULE = "register_missing"


def habit_fold(schools: int = 1) -> Fold:
    """Return a fold of the packaged rules for which once in twenty sessions is rare."""
    text = packaged("rules.toml").replace("once_in_sessions = 500.0", "once_in_sessions = 20.0")
    return build_fold(small_fleet(schools), CATALOGUE, CALENDAR, parse_rules(text, CATALOGUE), 0, 1)


def morning(
    on: int, registers: Sequence[Sequence[str]], dies: bool = False, begin: str = "07:00", ticks: int = 200
) -> list[Entry]:
    """Return a morning of October 2026: every 30 s a tick and each gateway's traffic, and registers.

    Args:
        on: day of the month.
        registers: local times of each school's.
        dies: gateways fall silent at half past seven.
        begin: local time of the first tick.
        ticks: how many there are.
    """
    first = datetime.combine(date(2026, 10, on), time.fromisoformat(begin), CALENDAR.timezone)
    log: list[Entry] = []
    for i in range(ticks):
        moment = first + timedelta(seconds=30 * i)
        at_us, clock = round(moment.timestamp()) * SECOND_US, f"{moment:%H:%M:%S}"
        rows = [
            (at_us, series_named(school, "attendance_ratio"), 0.9 + i / 10_000)
            for school, times in enumerate(registers, 1)
            if clock in [f"{time}:00" for time in times]
        ]
        rows += [
            (at_us, series_named(school, "down_bps"), 5e7 + i)
            for school in range(1, len(registers) + 1)
            if not (dies and clock >= "07:30:00")
        ]
        log.append(ReadingsEntry(at_us, columns(rows)))
        log.append(TickEntry(at_us))
    return log


MONDAY = 12


def used_to(fold: Fold, *sessions: dict[int, int]) -> State:
    """Return a state in which each school has had so many sessions by the step of their longest wait."""
    state = fold.initial_state()
    for slot, counted in zip(slots_of(fold).tolist(), sessions, strict=True):
        state.event_us[slot] = CALENDAR.moment_us(date(2026, 10, MONDAY - 2), time(8))
        for step, number in counted.items():
            state.habit[step, slot] = number
    return state


def opened_in(fold: Fold, state: State, log: list[Entry]) -> list[str]:
    """Return when the rule opened in a log, local times."""
    return at_which(fold_log(fold, [log], state).transitions)


def at_which(transitions: Sequence[Transition]) -> list[str]:
    """Return when the rule opened, local times."""
    return [
        f"{datetime.fromtimestamp(t.detected_at_us / 1e6, CALENDAR.timezone):%H:%M:%S}"
        for t in transitions
        if t.rule == RULE and t.kind is TransitionKind.OPENED
    ]


@pytest.mark.parametrize(
    ("usual", "today", "opened"),
    [
        ({1: 10}, NONE, ["07:53:30"]),
        ({1: 10}, LATE, ["07:53:30"]),
        ({4: 10}, LATE, []),
        ({4: 10}, NONE, ["08:12:30"]),
    ],
    ids=["prompt-none", "prompt-late", "late-late", "late-none"],
)
def test_a_school_is_missed_when_it_lets_one_wait_longer_than_it_does(
    usual: dict[int, int], today: tuple[str, ...], opened: list[str]
) -> None:
    fold = habit_fold()
    assert opened_in(fold, used_to(fold, usual), morning(MONDAY, [today])) == opened


OFTEN_NONE = {1: 15, WHOLE: 5}
"""A school that sends no register once in four sessions: one is nothing, two in a row are rare."""


@pytest.mark.parametrize("before", [NONE, ("07:25",)], ids=["nothing", "a-first-word"])
def test_a_school_that_often_sends_none_is_missed_when_two_in_a_row_are_rare_for_it(
    before: tuple[str, ...],
) -> None:
    """A reader that died after its first word has waited since then."""
    fold = habit_fold()
    once = fold_log(fold, [morning(MONDAY, [before])], used_to(fold, OFTEN_NONE))
    assert RULE not in {t.rule for t in once.transitions}
    assert opened_in(fold, once.state, morning(MONDAY + 1, [NONE])) == ["08:22:00"]


@pytest.mark.parametrize(
    ("shown", "today", "opened"),
    [
        (80, ("07:25", "07:35"), ["08:13:00"]),
        (80, ("07:25", "07:35", "08:05", "08:15"), []),
        (80, ("07:45", "07:55", "08:05"), []),
        (80, NONE, []),
        (3, ("07:25", "07:35"), []),
    ],
    ids=["dies", "two-lost", "late", "nothing", "unknown"],
)
def test_a_reader_that_falls_silent_in_the_middle_of_a_session_is_missed_in_it(
    shown: int, today: tuple[str, ...], opened: list[str]
) -> None:
    """However often the school sends no register at all: that is another habit."""
    fold = habit_fold()
    state = used_to(fold, OFTEN_NONE)
    state.gaps[0, slots_of(fold)] = shown
    log = morning(MONDAY, [today])
    found = fold_log(fold, [log], state)
    assert at_which(found.transitions) == opened
    if opened:
        assert_same(found, fold_log(fold, [[entry] for entry in split_entries(log)], state))


def test_a_school_that_sends_one_register_a_session_is_not_missed_after_it() -> None:
    fold = habit_fold()
    state = used_to(fold, OFTEN_NONE)
    for day in range(5):
        log = morning(MONDAY + day, [("07:25",)])
        assert opened_in(fold, state, log) == []
        state = fold_log(fold, [log], state).state
    np.testing.assert_array_equal(np.rint(state.gaps[:, slots_of(fold)[0]].astype(float)), [0, 5])
    # Of its level nearly all send on, and that alone makes no fault of a school that is new.
    others = habit_fold(9)
    young = used_to(others, OFTEN_NONE, *[{1: 20}] * 8)
    young.gaps[0, slots_of(others)[1:]] = 80
    assert opened_in(others, young, morning(MONDAY, [("07:25",), *[PROMPT] * 8])) == []


def test_a_late_register_after_one_that_never_came_is_no_fault() -> None:
    fold = habit_fold()
    once = fold_log(fold, [morning(MONDAY, [NONE])], used_to(fold, OFTEN_NONE)).state
    assert opened_in(fold, once, morning(MONDAY + 1, [LATE])) == []


def test_nothing_is_missed_while_the_gateway_is_silent_and_the_wait_stands_still() -> None:
    fold = habit_fold()
    dark = fold_log(fold, [morning(MONDAY, [NONE], dies=True)], used_to(fold, {1: 10}))
    assert {"gateway_silent"} == {t.rule for t in dark.transitions} & {"gateway_silent", RULE}
    # It had waited for five minutes, and nothing is known of a session in which nothing could come.
    slot = slots_of(fold)[0]
    assert 300 * SECOND_US < dark.state.waited_us[slot] < 360 * SECOND_US
    np.testing.assert_array_equal(dark.state.habit[:, slot], [0, 10, *[0] * 9])


def test_sessions_are_counted_by_their_longest_wait_and_an_outage_of_days_once() -> None:
    fold = habit_fold()
    state = fold.initial_state()
    for day, registers in enumerate((PROMPT, LATE, NONE, NONE, PROMPT)):
        state = fold_log(fold, [morning(MONDAY + day, [registers])], state).state
    counted = np.rint(state.habit[:, slots_of(fold)[0]].astype(float))
    assert {int(step): int(counted[step]) for step in np.flatnonzero(counted)} == {1: 1, 4: 1, WHOLE + 2: 1}


def test_what_a_level_lets_wait_is_told_of_no_school_and_is_no_habit() -> None:
    fold, schools = habit_fold(9), 9
    state = used_to(fold, *[{1: 20}] * schools)
    shared = morning(MONDAY, [NONE] * schools)
    assert not opened_in(fold, state, shared)
    after = fold_log(fold, [shared, morning(MONDAY + 1, [PROMPT] * schools)], state).state
    assert float(after.habit[WHOLE:, slots_of(fold)].sum()) == 0.0
    # Where the others have begun, the one that has not is missed as ever.
    assert opened_in(fold, state, morning(MONDAY, [NONE, *[PROMPT] * (schools - 1)])) == ["07:46:00"]


@pytest.mark.parametrize(("sessions", "opened"), [(1, ["08:03:00"]), (2, ["07:53:30"]), (20, ["07:46:00"])])
def test_the_first_sessions_of_a_level_prove_little(sessions: int, opened: list[str]) -> None:
    fold = habit_fold(9)
    state = used_to(fold, *[{1: sessions}] * 9)
    assert opened_in(fold, state, morning(MONDAY, [NONE, *[PROMPT] * 8])) == opened


def test_a_school_that_never_sent_any_is_missed_in_the_end() -> None:
    rules = parse_rules(packaged("rules.toml"), CATALOGUE)
    fold = build_fold(small_fleet(1), CATALOGUE, CALENDAR, rules, 0, 1)
    state = fold.initial_state()
    assert not opened_in(fold, state, morning(MONDAY, [NONE]))
    state.waited_us[slots_of(fold)] = 3 * 3600 * SECOND_US  # three sessions have passed
    assert opened_in(fold, state, morning(MONDAY, [NONE])) == ["08:22:00"]
