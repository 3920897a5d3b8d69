"""Messy arrivals: a last will that comes late, a status that flaps, bad samples with good ones between."""

import numpy as np
import pytest

from contract.alert import Channel, Transition
from contract.commit import Counts
from contract.entry import Entry, MistimedEntry, ReadingsEntry, TickEntry
from contract.errors import ConfigurationError
from contract.live import Kpi
from contract.rule import parse_rules
from stream_processor.fold.constants import Fold, build_fold
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    MONDAY_9H_US,
    RULES,
    SECOND_US,
    Folded,
    columns,
    fold_log,
    packaged,
    series_named,
    small_fleet,
)

Arrival = tuple[float, str, float]
"""Second, metric and value of a reading of the only school, measured as it arrives."""


def a_fold(rules: str = packaged("rules.toml")) -> Fold:
    return build_fold(small_fleet(1), CATALOGUE, CALENDAR, parse_rules(rules, CATALOGUE), 0, 1)


def told(arrivals: list[Arrival], seconds: int, clock_s: float = 0.0) -> Folded:
    """Fold arrivals and a tick a second; the clock of whatever measures traffic is `clock_s` ahead."""
    log: list[Entry] = [TickEntry(MONDAY_9H_US + s * SECOND_US) for s in range(seconds + 1)]
    for at_s, metric, value in arrivals:
        at_us = MONDAY_9H_US + round(at_s * SECOND_US)
        time_us = at_us + (0 if metric == "online" else round(clock_s * SECOND_US))
        log.append(ReadingsEntry(at_us, columns([(time_us, series_named(1, metric), value)])))
    return fold_log(a_fold(), [sorted(log, key=lambda entry: entry.at_us)])


def of(folded: Folded, rule: str) -> list[tuple[float, str, str]]:
    """Return when a rule spoke, log seconds, what it said and why."""
    return [(_s(t), t.kind.value, t.reason) for t in folded.transitions if t.rule == rule]


def _s(transition: Transition) -> float:
    return (transition.detected_at_us - MONDAY_9H_US) / SECOND_US


def traffic(first_s: int, last_s: int, every_s: int = 2) -> list[Arrival]:
    """Return traffic that changes a little."""
    return [(float(s), "down_bps", 4e7 + s) for s in range(first_s, last_s + 1, every_s)]


@pytest.mark.parametrize("clock_s", [0.0, 60.0, -3600.0])
def test_a_late_will_is_contradicted_by_what_comes_through_the_line(clock_s: float) -> None:
    folded = told([(0, "online", 1.0), *traffic(0, 60), (10.5, "online", 0.0)], 60, clock_s)
    assert of(folded, "wan_down") == [(10.5, "opened", ""), (13.0, "resolved", "contradicted")]
    assert folded.summary is not None
    state = "n" if abs(clock_s) < 120 else "3"  # it is told of its clock
    assert (folded.summary.states, folded.summary.kpis["online"]) == (state, Kpi(1, 1, 1.0))


def back_with_another_clock(clock_s: float) -> list[Entry]:
    """Return five minutes of a gateway that is right, a cut, and ten minutes of it with another clock."""
    log: list[Entry] = [TickEntry(MONDAY_9H_US + s * SECOND_US) for s in range(900)]
    for at_s in range(1, 900, 10):
        at_us, off_us = MONDAY_9H_US + at_s * SECOND_US, round(clock_s * SECOND_US) * (at_s > 300)
        readings = columns([(at_us + off_us, series_named(1, "down_bps"), 4e7 + at_s)])
        is_refused = off_us > 300 * SECOND_US
        log.append((MistimedEntry if is_refused else ReadingsEntry)(at_us, readings))
    for at_us, is_online in ((MONDAY_9H_US, 1.0), (MONDAY_9H_US + 300_500_000, 0.0)):
        log.append(ReadingsEntry(at_us, columns([(at_us, series_named(1, "online"), is_online)])))
    return sorted(log, key=lambda entry: entry.at_us)


@pytest.mark.parametrize("clock_s", [-600.0, -3600.0, -25_200.0, 900.0])
def test_a_gateway_that_comes_back_with_a_wrong_clock_is_not_down(clock_s: float) -> None:
    folded = fold_log(a_fold(), [back_with_another_clock(clock_s)])
    assert of(folded, "wan_down")[0] == (300.5, "opened", "")
    ((ended_s, _, why),) = of(folded, "wan_down")[1:]
    (clock_known_s, _, _) = of(folded, "clock_wrong")[0]
    assert (ended_s - clock_known_s, why) == (1.0, "contradicted")
    assert not of(folded, "gateway_silent")


def test_a_cut_line_is_down_although_its_clock_was_known_to_be_wrong() -> None:
    wrong = traffic(0, 298)
    folded = told([(0, "online", 1.0), *wrong, (299.5, "online", 0.0)], 600, clock_s=-3600.0)
    assert of(folded, "clock_wrong")
    assert of(folded, "wan_down") == [(299.5, "opened", "")]


@pytest.mark.parametrize("claim", [1.0, 0.0])
def test_what_follows_a_contradicted_claim_is_known_when_it_comes_again(claim: float) -> None:
    arrivals = [(0, "online", 1.0), *traffic(0, 30), (10.5, "online", 0.0), (20.5, "online", claim)]
    first = told(arrivals, 31)
    again = ReadingsEntry(
        MONDAY_9H_US + 32 * SECOND_US,
        columns([(MONDAY_9H_US + 20_500_000, series_named(1, "online"), value) for value in (1.0, 0.0)]),
    )
    after = fold_log(a_fold(), [[again]], first.state, first.table)
    assert after.counts == Counts(2, duplicate=1, corrected=1)


def test_a_line_that_is_cut_stays_down_whatever_came_before() -> None:
    folded = told([(0, "online", 1.0), *traffic(0, 10), (10.5, "online", 0.0)], 30, clock_s=60.0)
    assert of(folded, "wan_down") == [(10.5, "opened", "")]
    assert folded.summary is not None
    assert (folded.summary.states, folded.summary.kpis["online"]) == ("1", Kpi(1, 1, 0.0))


def test_what_comes_a_second_time_contradicts_nothing() -> None:
    arrivals: list[Arrival] = [(0, "online", 1.0), *traffic(0, 10), (10.5, "online", 0.0)]
    first = told(arrivals, 20)
    again = ReadingsEntry(
        MONDAY_9H_US + 21 * SECOND_US, columns([(MONDAY_9H_US, series_named(1, "down_bps"), 4e7)])
    )
    after = fold_log(a_fold(), [[again, TickEntry(again.at_us)]], first.state)
    assert not after.transitions


def test_a_gateway_that_is_silent_by_rule_is_not_connected() -> None:
    folded = told([(0, "online", 1.0), *traffic(0, 10)], 100)
    assert of(folded, "gateway_silent") == [(55.0, "opened", "")]
    assert folded.summary is not None
    assert folded.summary.kpis["online"] == Kpi(1, 0, 0.0)


def test_a_status_that_flaps_is_one_alert_that_says_so_and_ends_when_it_is_steady() -> None:
    changes = [(i / 4, "online", float(i % 2)) for i in range(32)]
    folded = told([(0.0, "down_bps", 4e7), *changes, *traffic(10, 400, 10)], 400)
    assert of(folded, "wan_down") == [
        (0.0, "opened", ""),
        (0.25, "resolved", ""),
        (0.5, "opened", ""),
        (0.75, "resolved", ""),
        (1.0, "opened", "flapping"),
        (308.0, "resolved", "steady"),
    ]
    slot = a_fold().layout.slots_of(np.array([series_named(1, "online")], np.int32))[0]
    assert (Channel.THRESHOLD, slot) not in folded.state.unrests


def test_what_fails_again_after_a_calm_does_not_flap() -> None:
    changes = [(310.0 * i, "online", float(half)) for i in range(4) for half in (0, 1)]
    changes = [(at_s + value, metric, value) for at_s, metric, value in changes]
    assert {reason for _, _, reason in of(told(changes, 1300), "wan_down")} == {""}


def test_a_gateway_that_comes_and_goes_flaps_too() -> None:
    spoke = of(told(traffic(0, 500, 50) + traffic(505, 900, 5), 900), "gateway_silent")
    assert [(kind, reason) for _, kind, reason in spoke] == [
        ("opened", ""),
        ("resolved", ""),
        ("opened", ""),
        ("resolved", ""),
        ("opened", "flapping"),
        ("resolved", "steady"),
    ]
    assert spoke[-1][0] == 801.0


@pytest.mark.parametrize(
    ("metric", "rule", "values"),
    [("loss_ratio", "loss_high", [0.4, 0.4, 0.0]), ("latency_ms", "latency_high", [400.0, 400.0, 14.0])],
)
def test_two_bad_samples_of_three_are_an_alarm(metric: str, rule: str, values: list[float]) -> None:
    arrivals = [(10.0 * i, metric, values[i % 3]) for i in range(36)]
    assert of(told(arrivals, 360), rule) == [(30.0, "opened", "")]


def test_one_bad_sample_of_two_is_none() -> None:
    arrivals = [(10.0 * i, "loss_ratio", [0.4, 0.0][i % 2]) for i in range(36)]
    assert of(told(arrivals, 360), "loss_high") == []


def test_a_window_as_long_as_what_it_holds_is_a_run() -> None:
    rng = np.random.default_rng(3)
    arrivals = [(float(i), "latency_ms", float(rng.choice([20.0, 125.0, 400.0]))) for i in range(3000)]
    log: list[Entry] = [
        ReadingsEntry(
            MONDAY_9H_US + round(s * SECOND_US),
            columns([(MONDAY_9H_US + round(s * SECOND_US), series_named(1, metric), value)]),
        )
        for s, metric, value in arrivals
    ]
    undamped = RULES.replace("above = 150.0", "above = 150.0\nsteady_s = 0.0")
    in_a_row = undamped.replace("open_of = 3\n", "").replace("close_of = 4\n", "")
    windows = undamped.replace("open_of = 3", "open_of = 2").replace("close_of = 4", "close_of = 2")
    run, window = (fold_log(a_fold(rules), [log]) for rules in (in_a_row, windows))
    assert len(run.transitions) > 100
    assert [(t.kind, t.at_us) for t in run.transitions] == [(t.kind, t.at_us) for t in window.transitions]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("open_of = 3", "open_of = 1"), "Expected field `open_of` >= 2"),
        (("close_of = 4", "close_of = 9"), "<= 8"),
        (('["down_bps", ', '["bits", '), "`contradicted_by` 'bits' is not in the catalogue"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(change: tuple[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_rules(RULES.replace(*change), CATALOGUE)
