"""Values that stand still, registers that are missing, and baselines at the edge of a session."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from contract.alert import Channel, Transition, TransitionKind
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.errors import ConfigurationError
from contract.rule import parse_rules
from stream_processor.fold.constants import Fold, build_fold
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    Folded,
    columns,
    fold_log,
    packaged,
    series_named,
    small_fleet,
)

TRAFFIC = series_named(1, "down_bps")
REGISTER = series_named(1, "attendance_ratio")
MINUTE_US = 60 * SECOND_US
WORDS = (
    "title_vi = 'a'\ntitle_en = 'b'\nadvice_vi = 'c'\nadvice_en = 'd'\npriority = 3\npriority_in_session = 3"
)


def packaged_fold() -> Fold:
    """Return a fold of the packaged rules over the small fleet."""
    rules = parse_rules(packaged("rules.toml"), CATALOGUE)
    return build_fold(small_fleet(1), CATALOGUE, CALENDAR, rules, 0, 1)


def plain_fold() -> Fold:
    """Return the same without any look at what a school is used to."""
    rules = parse_rules(packaged("rules.toml").replace("once_in_sessions = 500.0", ""), CATALOGUE)
    return build_fold(small_fleet(1), CATALOGUE, CALENDAR, rules, 0, 1)


def traffic(values: list[float]) -> list[Entry]:
    """Return values ten seconds apart, each an entry, from Monday nine o'clock."""
    times_us = [MONDAY_9H_US + i * 10 * SECOND_US for i in range(len(values))]
    return [ReadingsEntry(t, columns([(t, TRAFFIC, v)])) for t, v in zip(times_us, values, strict=True)]


def told(folded: Folded, rule: str) -> list[Transition]:
    """Return the transitions of a rule."""
    return [t for t in folded.transitions if t.rule == rule]


def changing(n: int) -> list[float]:
    """Return n values that never repeat."""
    return [float(v) for v in 5e7 + np.random.default_rng(1).normal(0, 1e5, n)]


def test_a_full_line_repeats_itself_and_is_not_stuck() -> None:
    contracted_bps = small_fleet(1).schools[0].contracted_down_bps
    for share, stuck in ((0.93, 0), (0.85, 2)):
        folded = fold_log(packaged_fold(), [traffic([*changing(500), *[share * contracted_bps] * 5, 5e7])])
        assert len(told(folded, "traffic_stuck")) == stuck, share


def test_a_value_that_stands_still_is_told_and_ends_with_the_first_change() -> None:
    folded = fold_log(packaged_fold(), [traffic([*changing(500), *[5.1e7] * 5, 5.2e7])])
    opened, resolved = told(folded, "traffic_stuck")
    assert (opened.kind, resolved.kind) == (TransitionKind.OPENED, TransitionKind.RESOLVED)
    assert opened.at_us == MONDAY_9H_US + 502 * 10 * SECOND_US  # the third of the same value
    assert (opened.value, opened.score, resolved.value) == (5.1e7, None, 5.2e7)


@pytest.mark.parametrize(
    "values",
    [
        [*changing(100), *[5.1e7] * 5],  # too young to know that it changes
        [*[v for v in changing(300) for _ in range(3)], *[5.1e7] * 9],  # usually repeats
        [*changing(500), *[0.0] * 9],  # nothing passes: an outage
        [*changing(500), 5.1e7, 5.1e7, *changing(5)],  # one chance repetition
    ],
    ids=["young", "coarse", "zero", "chance"],
)
def test_what_is_no_stuck_value(values: list[float]) -> None:
    assert not told(fold_log(packaged_fold(), [traffic(values)]), "traffic_stuck")


def test_a_long_standstill_becomes_usual_in_the_end_and_not_at_once() -> None:
    fold = packaged_fold()
    slot = fold.layout.slots_of(np.array([TRAFFIC], np.int32))
    state = fold_log(fold, [traffic([*changing(500), *[5.1e7] * 400])]).state
    assert state.is_open[Channel.STUCK, slot]
    assert 0.01 < state.still[slot][0] < 0.5


def morning(registers: list[str], until: str, first: str = "06:00", day: int = 5) -> list[Entry]:
    """Return ticks every 30 s of a day of October 2026, and a register at each local time of day."""
    midnight = datetime(2026, 10, day, tzinfo=CALENDAR.timezone)
    clock = {
        r: midnight + timedelta(hours=int(r[:2]), minutes=int(r[3:])) for r in (*registers, until, first)
    }
    log: list[Entry] = []
    now_us = round(clock[first].timestamp()) * 1_000_000
    due = {round(clock[r].timestamp()) * 1_000_000 for r in registers}
    while now_us <= round(clock[until].timestamp()) * 1_000_000:
        if now_us in due:
            log.append(ReadingsEntry(now_us, columns([(now_us, REGISTER, 0.95)])))
        log.append(TickEntry(now_us))
        now_us += 30 * SECOND_US
    return log


def at_minute(transition: Transition) -> str:
    """Return the local time of day of a decision."""
    return f"{datetime.fromtimestamp(transition.detected_at_us / 1e6, CALENDAR.timezone):%H:%M}"


def test_a_register_that_does_not_come_is_missed_in_its_hour() -> None:
    # A primary school begins at 7:15; its registers are due from 7:25 on.
    (opened,) = told(fold_log(plain_fold(), [morning([], "12:00")]), "register_missing")
    assert at_minute(opened) == "07:46"
    begun = fold_log(plain_fold(), [morning(["07:30"], "12:00")])
    assert [at_minute(t) for t in told(begun, "register_missing")] == ["07:51"]


def test_registers_that_came_are_not_missed_afterwards_nor_on_days_off() -> None:
    whole = [f"07:{m}" for m in range(25, 60, 10)] + ["08:05", "08:15"]
    assert not told(fold_log(plain_fold(), [morning(whole, "13:00")]), "register_missing")
    assert not told(fold_log(plain_fold(), [morning([], "18:00", day=4)]), "register_missing")


def test_the_register_of_the_afternoon_ends_the_alert_of_the_morning() -> None:
    folded = fold_log(plain_fold(), [morning(["13:40"], "13:45")])
    assert [t.kind for t in told(folded, "register_missing")] == [
        TransitionKind.OPENED,
        TransitionKind.RESOLVED,
    ]


def test_attendance_is_judged_from_the_first_register_on() -> None:
    fold, state = packaged_fold(), None
    for day in (5, 6, 7, 8, 9):
        state = fold_log(
            fold, [morning([f"07:{m}" for m in range(25, 45, 5)], "08:00", day=day)], state
        ).state
    at_us = round(datetime(2026, 10, 12, 7, 25, tzinfo=CALENDAR.timezone).timestamp()) * 1_000_000

    def opened(*entries: Entry) -> list[TransitionKind]:
        return [t.kind for t in told(fold_log(fold, [[*entries]], state), "attendance_low")]

    def register(minute: int, share: float) -> Entry:
        there_us = at_us + minute * 60_000_000
        return ReadingsEntry(there_us, columns([(there_us, REGISTER, share)]))

    late = TickEntry(at_us + 16 * 60_000_000)
    assert opened(register(0, 0.4), register(5, 0.4)) == [TransitionKind.OPENED]
    assert opened(register(0, 0.4), late) == [TransitionKind.OPENED], "it has stood for a quarter of an hour"
    assert opened(register(0, 0.4)) == []
    assert opened(register(0, 0.4), register(5, 0.97), late) == [], "it was corrected"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("channel = 'stuck'\nmost_still = 1.0", r"line 5: stuck rule 'x': .* < 1\.0 .*not 1\.0"),
        (
            "channel = 'silence'\nsilent_s = 60\nsession_from_s = 900\nsession_until_s = 600",
            "line 7: silence rule 'x': .*`session_until_s` >= `session_from_s`",
        ),
        (
            "channel = 'silence'\nsilent_s = 60\nonce_in_sessions = 500",
            "silence rule 'x': .*`session_until_s` > `session_from_s` with `once_in_sessions`",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        parse_rules(f"[[rule]]\nname = 'x'\nmetric = 'down_bps'\n{wrong}\n{WORDS}", CATALOGUE)
