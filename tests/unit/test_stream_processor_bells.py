"""When the schools of a level begin: said once of all, and known before one of them is judged."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import pytest

from contract.alert import Transition, TransitionKind
from contract.canary import SYSTEM_SCHOOL_ID
from contract.entry import Entry, TickEntry
from contract.fleet import Fleet, Level
from contract.rule import parse_rules
from contract.special_days.special_day import (
    DayEvidence,
    DayKind,
    DayPlace,
    DayVerdict,
    MovedBells,
    PlaceKind,
    SpecialDay,
)
from stream_processor.fold.constants import Fold, build_fold
from stream_processor.fold.habits import WHOLE
from stream_processor.fold.sessions.bells import OFF_CALENDAR
from stream_processor.fold.snapshot import decode, encode
from stream_processor.fold.state import MOVED, SEEN, USUAL, State
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    SCHOOL_RULES,
    SECOND_US,
    assert_same,
    fold_log,
    packaged,
    slots_of,
    small_fleet,
    with_words,
)
from tests.unit.test_stream_processor_habits import (
    MONDAY,
    NONE,
    PROMPT,
    RULE,
    habit_fold,
    morning,
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


def test_without_the_rule_that_tells_of_all_each_school_is_missed() -> None:
    # Rules of one's own, of before there was this one.
    text = packaged("rules.toml")
    at = text.index(f'[[rule]]\nname = "{OFF_CALENDAR}"')
    text = text[:at] + text[text.index("[[rule]]", at + 1) :]
    fold = build_fold(small_fleet(SCHOOLS), CATALOGUE, CALENDAR, parse_rules(text, CATALOGUE), 0, 1)
    found = told(fold_log(fold, [all_send(MONDAY, NONE)], known(fold)).transitions)
    assert [(rule, kind) for rule, kind, _ in found] == [(RULE, TransitionKind.OPENED)] * SCHOOLS


def test_where_no_lesson_has_begun_no_traffic_is_missed() -> None:
    told_of_all = f'[[rule]]\nname = "{OFF_CALENDAR}"\nchannel = "system"\npriority = 3\n'
    fold = a_fold(text=SCHOOL_RULES + with_words(told_of_all))
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


def test_a_center_that_hears_nothing_does_not_say_that_nobody_began() -> None:
    fold = habit_fold(SCHOOLS)
    deaf = [
        replace(e, hears=False) if isinstance(e, TickEntry) and i > 20 else e
        for i, e in enumerate(all_send(MONDAY, NONE)[:240])
    ]
    assert told(fold_log(fold, [deaf], known(fold)).transitions) == []
    log = all_send(MONDAY, NONE)
    back = [e for e in log if e.at_us >= log[0].at_us + 3600 * SECOND_US]
    assert told(fold_log(fold, [log[:4], back], known(fold)).transitions) == []


def test_a_center_that_heard_nothing_learns_nothing_of_bells() -> None:
    fold = habit_fold(SCHOOLS)
    log = all_send(MONDAY, HALF_AN_HOUR_LATER)
    after_bell = [e for e in log if e.at_us >= log[0].at_us + 1800 * SECOND_US]
    state = fold_log(fold, [log[:4], after_bell], known(fold)).state
    assert not state.bells[MOVED].any()
    assert state.bells[USUAL, PRIMARY, 0] == USUAL_S


def told_of(bells: MovedBells | None) -> Fold:
    """Return the city whose calendar knows an event from Monday on: other bells, or days like no other."""
    fleet, span = small_fleet(SCHOOLS), (date(2026, 10, MONDAY), date(2026, 12, 1))
    seen = DayEvidence(SCHOOLS, SCHOOLS, None, None, None, 0, bells)
    accepted = SpecialDay(
        "x", DayKind.EVENT, DayPlace(PlaceKind.CITY), *span, "", DayVerdict.ACCEPTED, 1, "Lan", seen
    )
    rules = parse_rules(packaged("rules.toml"), CATALOGUE)
    return build_fold(fleet, CATALOGUE, CALENDAR.with_days([accepted], fleet), rules, 0, 1)


def test_on_a_day_that_is_known_to_be_like_no_other_no_bells_move() -> None:
    fold = told_of(None)
    for times in (HALF_AN_HOUR_LATER, NONE):
        found = fold_log(fold, [all_send(MONDAY, times)], known(fold))
        assert told(found.transitions) == []
        assert found.state.bells[:, PRIMARY, 0].tolist() == [USUAL_S, 40.0, 0.0]


def test_bells_accepted_in_the_middle_of_a_session_are_no_later_session() -> None:
    fold = habit_fold(SCHOOLS)
    mended = told_of(MovedBells((30, 0), (30.0, None), 30.0, None))
    monday = fold_log(fold, [all_send(MONDAY, HALF_AN_HOUR_LATER)], known(fold)).state
    log = all_send(MONDAY + 1, HALF_AN_HOUR_LATER)
    before = fold_log(fold, [log[:320]], monday).state
    after = fold_log(mended, [log[320:]], decode(mended, encode(fold, before)))
    assert after.state.bells[USUAL, PRIMARY, 0] == before.bells[USUAL, PRIMARY, 0]
    wednesday = fold_log(mended, [all_send(MONDAY + 2, HALF_AN_HOUR_LATER)], after.state)
    assert told([*after.transitions, *wednesday.transitions]) == [
        (OFF_CALENDAR, TransitionKind.RESOLVED, "14 07:55:00")
    ]


def test_a_level_of_which_few_schools_are_left_is_not_waited_for() -> None:
    fold = habit_fold(SCHOOLS)
    away = fold_log(fold, [all_send(MONDAY, NONE)], known(fold)).state
    assert away.waited_for[PRIMARY]
    few = habit_fold(4)
    log = morning(MONDAY + 1, [PROMPT, PROMPT, PROMPT, NONE])
    found = told(fold_log(few, [log], decode(few, encode(fold, away))).transitions)
    assert [(rule, kind) for rule, kind, _ in found] == [
        (OFF_CALENDAR, TransitionKind.RESOLVED),
        (RULE, TransitionKind.OPENED),
    ]


def test_registers_of_the_end_of_a_morning_begin_no_afternoon() -> None:
    # A lower secondary school has lessons until 11:30 and from 13:00 on.
    whole = small_fleet(SCHOOLS)
    schools = tuple(replace(school, level=Level.LOWER_SECONDARY) for school in whole.schools)
    fleet = Fleet(whole.province, whole.clusters, whole.wards, schools, whole.devices)
    rules = parse_rules(packaged("rules.toml"), CATALOGUE)
    fold = build_fold(fleet, CATALOGUE, CALENDAR, rules, 0, 1)
    log = morning(MONDAY, [("11:20", "13:20")] * SCHOOLS, begin="11:00", ticks=300)
    state = used_to(fold, *[{1: 240}] * SCHOOLS)
    state.silence_from_us = log[0].at_us - SECOND_US
    state.tick_us = log[0].at_us - 30 * SECOND_US
    found = fold_log(fold, [log], state).state
    assert found.bells[USUAL, 2].tolist() == [0.0, 1200.0]
