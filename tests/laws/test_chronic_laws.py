"""Laws 2 and 6 where a device is soon chronic: what is withheld depends on ticks alone, and is kept."""

from hypothesis import given
from hypothesis import strategies as st

from contract.entry import Entry
from stream_processor.fold.snapshot import decode, encode
from tests.drawn_logs import logs
from tests.examples import examples
from tests.fold_world import (
    RULES,
    any_cutting,
    assert_same,
    assert_same_state,
    fold_log,
    small_fold,
    went_on,
    with_words,
)

SOON = with_words("""
[[rule]]
name = "chronic_line"
metric = "down_bps"
channel = "chronic"
of = ["wan_down", "gateway_silent", "latency_high"]
spells = 1
on_days = 1
priority = 3
priority_in_session = 3
""")
FOLD = small_fold(rules=RULES + SOON)
calm = examples(40)


@calm
@given(logs(), st.lists(st.booleans(), min_size=80, max_size=80))
def test_any_cutting_of_the_log_gives_the_same(log: list[Entry], cuts: list[bool]) -> None:
    assert_same(fold_log(FOLD, [log]), fold_log(FOLD, any_cutting(log, cuts)))


@calm
@given(logs(), logs(longest=15))
def test_a_restart_from_a_snapshot_goes_on_as_if_nothing_had_been(
    first: list[Entry], second: list[Entry]
) -> None:
    before = fold_log(FOLD, [first])
    restarted = decode(FOLD, encode(FOLD, before.state))
    assert_same_state(before.state, restarted)
    assert_same(went_on(FOLD, before, second, before.state), went_on(FOLD, before, second, restarted))


@calm
@given(logs())
def test_every_end_that_is_told_has_a_beginning_that_was(log: list[Entry]) -> None:
    opened: set[str] = set()
    for transition in fold_log(FOLD, [log]).transitions:
        if transition.kind.value == "opened":
            assert transition.alert_id not in opened
            opened.add(transition.alert_id)
        else:
            assert transition.alert_id in opened
