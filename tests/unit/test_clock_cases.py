"""Devices whose clocks lie, from the message to the alert, under the packaged rules."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from contract.alert import TransitionKind
from contract.entry import Entry, MistimedEntry, ReadingsEntry, TickEntry
from contract.live import STATE_UNKNOWN
from contract.rejected import Reason, Rejected
from contract.rule import parse_rules
from ingest.acceptance.accept import Message, accept
from ingest.acceptance.registry import Registry
from ingest.acceptance.validation import AcceptanceLimits
from stream_processor.fold.constants import Fold, build_fold
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    Folded,
    fold_log,
    packaged,
    small_fleet,
)
from tests.refusal_words import said

Payload = Callable[[int], str]
"""What a gateway sends at a second of log time since 1970."""
FLEET = small_fleet(1)
TOPIC = f"edu/v1/{FLEET.province}/{FLEET.schools[0].code}/gw-1/bandwidth"
OPENED, RESOLVED = TransitionKind.OPENED, TransitionKind.RESOLVED


def a_fold() -> Fold:
    return build_fold(FLEET, CATALOGUE, CALENDAR, parse_rules(packaged("rules.toml"), CATALOGUE), 0, 1)


def run(sends: dict[int, Payload], until_s: int) -> tuple[Folded, list[Rejected]]:
    """Take messages in at seconds of a Monday morning, with a tick a second, and fold them."""
    registry = Registry(FLEET, CATALOGUE, 1)
    log: list[Entry] = []
    refused: list[Rejected] = []
    for second in range(until_s + 1):
        at_us = MONDAY_9H_US + second * SECOND_US
        if second in sends:
            payload = sends[second](at_us // SECOND_US).encode()
            accepted = accept([Message(TOPIC, payload, at_us)], registry, AcceptanceLimits())
            refused += accepted.rejected
            log += [ReadingsEntry(at_us, readings) for readings in accepted.by_partition.values()]
            log += [MistimedEntry(at_us, readings) for readings in accepted.mistimed.values()]
        log.append(TickEntry(at_us))
    return fold_log(a_fold(), [log]), refused


def pack(ahead_s: int, name: str, value: float, unit: str) -> Payload:
    """Return what a gateway sends whose clock is ahead."""
    return lambda now: json.dumps([{"bt": now + ahead_s, "n": name, "u": unit, "v": value}])


def every_10_s(payload: Payload, times: int, first_s: int = 0) -> dict[int, Payload]:
    return {first_s + 10 * k: payload for k in range(times)}


def told(folded: Folded, rule: str) -> list[TransitionKind]:
    return [t.kind for t in folded.transitions if t.rule == rule]


def test_ahead_once_then_right() -> None:
    ahead = {0: pack(240, "latency_ms", 12, "ms")}
    folded, refused = run(ahead | every_10_s(pack(0, "latency_ms", 900, "ms"), 8, first_s=1), 90)
    assert refused == []
    assert folded.summary is not None
    assert folded.summary.kpis["latency_ms"].total == 900.0
    assert told(folded, "latency_high") == [OPENED]
    assert told(folded, "clock_wrong") == [OPENED, RESOLVED]


def test_local_time_sent_as_utc() -> None:
    folded, refused = run(every_10_s(pack(-25_200, "latency_ms", 900, "ms"), 6), 120)
    assert refused == []
    (clock,) = (t for t in folded.transitions if t.rule == "clock_wrong")
    assert (clock.kind, clock.value) == (OPENED, -25_200.0)
    (high,) = (t for t in folded.transitions if t.rule == "latency_high")
    assert high.opened_at_us == MONDAY_9H_US, "not seven hours ago"
    assert high.priority == 2, "as in session, not as at two in the morning"
    stored_us = folded.rows.readings.time_us
    np.testing.assert_array_equal(stored_us, MONDAY_9H_US + (np.arange(6) * 10 - 25_200) * SECOND_US)


def test_refused_for_being_ahead_is_not_silent() -> None:
    right = every_10_s(pack(0, "down_bps", 4e7, "bit/s"), 2)
    ahead = every_10_s(pack(900, "down_bps", 4e7, "bit/s"), 60, first_s=20)
    folded, refused = run(right | ahead, 619)
    assert {r.reason for r in refused} == {Reason.FUTURE_TIME}
    assert [(t.rule, t.kind) for t in folded.transitions if t.series >> 8 == 1] == [("clock_wrong", OPENED)]
    assert folded.counts.received == 2, "what is refused is counted as quarantined, and once"
    assert folded.summary is not None
    assert folded.summary.states != STATE_UNKNOWN
    assert folded.summary.kpis["down_bps"].reporting == 0, "a value of ten minutes ago is none of now"


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (lambda now: pack(999 * now, "latency_ms", 12, "ms")(now), "milliseconds"),
        (pack(-1_795_000_000, "latency_ms", 12, "ms"), "uptime"),
    ],
)
def test_what_is_no_time_of_day_is_named_and_told(payload: Payload, named: str) -> None:
    folded, refused = run(every_10_s(payload, 6), 90)
    assert [named in said(r) for r in refused] == [True] * 6
    assert told(folded, "clock_wrong") == [OPENED]
    assert len(folded.rows.readings) == 0
