"""Addresses that do not answer: how long each waits, and who may ask whether they do again."""

import pytest

from notifier.ways import ASIDE_S, GONE_S, LONG_S, PAUSE, TRIES, Urgency, Ways

NOW = Urgency(1, -9, "now")
BEFORE = Urgency(1, -5, "before")
MINOR = Urgency(3, -10, "minor")
HERE, THERE = "mailto://here", "mailto://there"


def test_pauses_grow_and_differ_by_a_random_half() -> None:
    for share in (0.0, 0.5, 1.0):
        ways = Ways(lambda share=share: share)  # type: ignore[misc]
        waits = [ways.note_failure(HERE, 0.0, None) for _ in range(8)]
        assert waits == [PAUSE.wait_s(n, 0.5 + share / 2) for n in range(1, 9)]
        assert PAUSE.longest_s / 2 <= waits[-1] <= PAUSE.longest_s


def test_a_receivers_own_wish_is_heeded_where_it_is_longer() -> None:
    ways = Ways(lambda: 1.0)
    assert ways.note_failure(HERE, 0.0, 100.0) == 100.0
    assert ways.wait_s(HERE, NOW, 40.0) == 60.0
    assert Ways(lambda: 1.0).note_failure(HERE, 0.0, 0.1) == PAUSE.first_s


def test_an_address_is_lost_after_some_failures_in_a_row() -> None:
    ways = Ways(lambda: 0.0)
    for n in range(TRIES):
        assert not ways.is_lost(HERE), n
        ways.note_failure(HERE, 0.0, None)
    assert ways.is_lost(HERE)
    assert not ways.is_lost(THERE)
    assert ways.note_answer(HERE)
    assert not ways.is_lost(HERE)
    assert ways.wait_s(HERE, NOW, 0.0) == 0.0
    assert not ways.note_answer(HERE)


@pytest.mark.parametrize(
    ("took_s", "retry_after_s", "is_lost"),
    [(LONG_S, None, True), (LONG_S - 1, None, False), (0.1, 1200.0, True), (0.1, 5.0, False)],
)
def test_an_address_that_hangs_or_wants_a_long_pause_is_lost_at_once(
    took_s: float, retry_after_s: float | None, is_lost: bool
) -> None:
    ways = Ways(lambda: 0.0)
    ways.note_failure(HERE, 0.0, retry_after_s, took_s)
    assert ways.is_lost(HERE) is is_lost


@pytest.mark.parametrize("failures", [1, TRIES])
def test_while_one_asks_nobody_else_does(failures: int) -> None:
    ways = Ways(lambda: 0.0)
    for _ in range(failures):
        ways.note_failure(HERE, 0.0, None)
    later_s = 1000.0
    assert ways.wait_s(HERE, NOW, later_s) == 0.0
    ways.begin(HERE, later_s, 30.0)
    assert ways.wait_s(HERE, NOW, later_s) == 30.0
    ways.begin(THERE, later_s, 30.0)
    assert ways.wait_s(THERE, NOW, later_s) == 0.0, "an address that answers is asked by as many as like"


def test_only_the_most_urgent_asks_a_lost_address() -> None:
    ways = Ways(lambda: 1.0)
    for _ in range(TRIES):
        shut_s = ways.note_failure(HERE, 0.0, None)
    assert ways.wait_s(HERE, MINOR, 1.0) == shut_s - 1.0, "nobody else is known yet"
    assert ways.wait_s(HERE, BEFORE, 1.0) == shut_s - 1.0
    assert ways.wait_s(HERE, MINOR, shut_s) == ASIDE_S
    assert ways.wait_s(HERE, NOW, shut_s) == 0.0
    assert ways.wait_s(HERE, BEFORE, shut_s) == ASIDE_S
    assert ways.wait_s(HERE, MINOR, shut_s + GONE_S + 1.0) == 0.0, "who was to ask never came"
