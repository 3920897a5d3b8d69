"""The shared alert logic, the measures, and what every peer must keep to."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly.baseline import Baseline
from anomaly.detector import DETECTORS
from contract.errors import ConfigurationError
from evaluation.detectors.contenders import patience
from evaluation.detectors.firing import Logic, alarms, candidate_thresholds, fire, threshold_for_budget
from evaluation.detectors.labelled import Labelled, windows_between
from evaluation.detectors.measures import measure
from evaluation.detectors.own import run_detector
from evaluation.detectors.peer_forests import needed
from evaluation.detectors.peers import PEERS
from tests.examples import examples

Floats = NDArray[np.float64]
HOUR_US = 3_600_000_000
NAN = float("nan")


def hours(n: int) -> NDArray[np.int64]:
    """Return n moments an hour apart."""
    return np.arange(n, dtype=np.int64) * HOUR_US


def fired(score: list[float], threshold: float = 1.0, refractory_h: int = 0) -> list[int]:
    """Return the alarms of hourly scores."""
    return list(map(int, fire(np.array(score), hours(len(score)), threshold, refractory_h * HOUR_US)))


def test_a_score_that_stays_high_is_one_alarm() -> None:
    assert fired([0, 2, 2, 2, 0, 1]) == [1, 5]
    assert fired([2, 2, 0]) == [0]
    assert fired([]) == []


def test_unknown_neither_ends_nor_starts_an_alarm() -> None:
    assert fired([0, 2, NAN, 2, NAN, 0, NAN, 2]) == [1, 7]
    assert fired([NAN, NAN]) == []


def test_refractory_period_counts_from_the_last_alarm_fired() -> None:
    zigzag = [2.0, 0.0] * 6
    assert fired(zigzag, refractory_h=4) == [0, 4, 8]
    assert fired(zigzag, refractory_h=5) == [0, 6]


@examples(50)
@given(st.lists(st.floats(0, 10) | st.just(NAN), max_size=80), st.integers(0, 9))
def test_alarms_are_onsets_far_enough_apart(score: list[float], refractory_h: int) -> None:
    found = fired(score, 5.0, refractory_h)
    assert set(found) <= set(fired(score, 5.0))
    assert all(score[k] >= 5.0 for k in found)
    assert all(b - a >= max(refractory_h, 1) for a, b in itertools.pairwise(found))


@examples(30)
@given(st.integers(0, 2**32 - 1), st.floats(0, 40))
def test_the_threshold_keeps_the_budget(seed: int, budget: float) -> None:
    scores = list(np.random.default_rng(seed).random((3, 120)))
    times, logic = [hours(120)] * 3, Logic(refractory_us=3 * HOUR_US)
    threshold = threshold_for_budget(scores, times, candidate_thresholds(scores), budget, logic)
    assert sum(len(alarms(s, t, threshold, logic)) for s, t in zip(scores, times, strict=True)) <= budget
    assert budget < 1 or np.isfinite(threshold)


def test_what_never_moves_never_alarms() -> None:
    still = [np.full(50, 0.0), np.full(50, NAN)]
    times = [hours(50)] * 2
    assert threshold_for_budget(still, times, candidate_thresholds(still), 9.0, Logic()) == np.inf
    still[0][40] = 1.0
    assert threshold_for_budget(still, times, candidate_thresholds(still), 9.0, Logic()) == 1.0


def test_measures_of_one_found_one_missed_and_one_false_alarm() -> None:
    windows = np.array([[10, 20], [100, 120]], np.intp)
    corpus = [Labelled("a", hours(7 * 24 + 1), np.zeros(7 * 24 + 1), windows)]
    found = measure(corpus, [np.array([14, 16, 60])])
    assert (found.events, found.alarms, found.event_recall) == (2, 3, 0.5)
    assert found.precision == pytest.approx(2 / 3)
    assert found.alarms_per_found_event == 2.0
    assert found.median_delay_intervals == 4.0
    assert found.false_alarms_a_week == pytest.approx(1.0)


def test_without_labels_precision_is_unknown() -> None:
    found = measure([Labelled("a", hours(9), np.zeros(9), np.zeros((0, 2), np.intp))], [np.array([1])])
    assert np.isnan(found.precision)
    assert np.isnan(found.event_recall)


def test_spans_become_windows_of_readings_and_those_that_overlap_become_one() -> None:
    spans = np.array([[50, 60], [3, 5], [4, 8], [21, 29]]) * HOUR_US // 10
    assert windows_between(hours(6), spans).tolist() == [[5, 5]]
    assert windows_between(hours(20), spans * 10).tolist() == [[3, 8]]
    assert windows_between(hours(100), spans * 10).tolist() == [[3, 8], [21, 29], [50, 60]]


def noisy_days(n: int, seed: int = 3) -> Floats:
    """Return hourly values with a daily shape, noise and a few missing ones."""
    random = np.random.default_rng(seed)
    value: Floats = 100 + 20 * np.sin(np.arange(n) * np.pi / 12) + random.normal(0, 2, n)
    value[random.random(n) < 0.02] = np.nan
    return value


@pytest.fixture(params=sorted(PEERS))
def peer(request: pytest.FixtureRequest) -> str:
    """Each peer's name."""
    return str(request.param)


def test_a_peer_never_sees_the_future(peer: str) -> None:
    value = noisy_days(1500)
    whole, size = PEERS[peer].score(hours(1500), value)
    part, _ = PEERS[peer].score(hours(1100), value[:1100])
    np.testing.assert_array_equal(whole[:1100], part)
    assert size > 0


def test_a_peer_says_nothing_of_a_missing_value_and_something_of_most_others(peer: str) -> None:
    value = noisy_days(1500)
    score, _ = PEERS[peer].score(hours(1500), value)
    assert np.isnan(score[np.isnan(value)]).all()
    assert np.isfinite(score[~np.isnan(value)]).mean() > 0.6


def test_a_peer_finds_a_value_a_hundred_deviations_away(peer: str) -> None:
    value = noisy_days(1500)
    value[1299:1302] = [100.0, 1000.0, 100.0]
    score, _ = PEERS[peer].score(hours(1500), value)
    assert np.nanmax(score[1300:1304]) >= np.nanquantile(score, 0.99)


@pytest.mark.parametrize(
    "value", [[], [1.0], [5.0] * 700, [NAN] * 30], ids=["none", "one", "flat", "missing"]
)
def test_a_peer_bears_little_and_dull_data(peer: str, value: list[float]) -> None:
    score, _ = PEERS[peer].score(hours(len(value)), np.array(value))
    assert len(score) == len(value)
    assert not np.isinf(score).any()


def test_a_peer_without_its_package_says_how_to_get_it() -> None:
    with pytest.raises(ConfigurationError, match=r"needs the package absent_here.*make setup"):
        needed("absent_here.part")


def test_our_own_run_side_by_side_as_they_run_alone() -> None:
    empty = np.zeros((0, 2), np.intp)
    corpus = [Labelled(str(n), hours(n), noisy_days(n, n), empty) for n in (300, 120, 0, 200)]
    for registered in DETECTORS.values():
        together = run_detector(registered.detector, corpus)
        assert together.state_bytes > 0
        for one, score in zip(corpus, together.scores, strict=True):
            alone = run_detector(registered.detector, [one]).scores[0]
            np.testing.assert_array_equal(score, alone)
            assert np.isnan(score[np.isnan(one.value)]).all()


def test_a_long_wait_is_told_before_it_begins() -> None:
    corpus = [Labelled("a", hours(1), np.zeros(n), np.zeros((0, 2), np.intp)) for n in (9, 5_000_000)]
    assert patience(["ew"], corpus[:1]) == ""
    assert "5,000,000 readings follow each other, and each of 2 detectors" in patience(["ew", "a"], corpus)
    assert "some 50 minutes" in patience(["ew", "a"], corpus)


def test_the_plainest_peer_remembers_as_long_as_ours() -> None:
    # Ten days at one level, then two days at another: who remembers 100 readings has forgotten the first.
    step = 6 * 24
    value = np.random.default_rng(4).normal(100.0, 5.0, 12 * step)
    value[10 * step :] += 20.0
    time_us = np.arange(len(value), dtype=np.int64) * (HOUR_US // 6)
    score, _ = PEERS["peer-ew-z"].score(time_us, value)
    ours = run_detector(Baseline(), [Labelled("a", time_us, value, np.empty((0, 2), np.intp))])
    assert np.median(score[-step // 4 :]) > 1.5
    assert np.median(ours.scores[0][-step // 4 :]) > 1.5
