"""Peers of the fold judge as the published peers do, one series at a time."""

import numpy as np
import pytest

from anomaly.moments import NO_PHASE, Moments
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.own import run_detector
from evaluation.detectors.peer_columns import FOLD_PEERS, peer_named
from evaluation.detectors.peers import PEERS

STEP_US = 600_000_000


def recordings() -> list[Labelled]:
    """Return two series of whole numbers, which float32 keeps, one with gaps."""
    rng = np.random.default_rng(3)
    time_us = np.arange(3000, dtype=np.int64) * STEP_US
    first = np.round(rng.normal(1000.0, 50.0, len(time_us)))
    second = np.where(rng.random(len(time_us)) < 0.1, np.nan, np.round(rng.gamma(2.0, 40.0, len(time_us))))
    return [
        Labelled(name, time_us, value, np.empty((0, 2), np.intp))
        for name, value in (("a", first), ("b", second))
    ]


@pytest.mark.parametrize("name", list(FOLD_PEERS))
def test_side_by_side_is_the_same_as_one_by_one(name: str) -> None:
    corpus = recordings()
    detector = peer_named(name)
    assert detector is not None
    assert detector.name == name
    for series, score in zip(corpus, run_detector(detector, corpus).scores, strict=True):
        alone = PEERS[name].score(series.time_us, series.value)[0]
        assert np.count_nonzero(~np.isnan(alone)) > 1000
        np.testing.assert_allclose(score, alone, rtol=1e-6)


@pytest.mark.parametrize("name", list(FOLD_PEERS))
def test_a_constant_series_is_as_expected_and_a_step_is_not(name: str) -> None:
    detector = FOLD_PEERS[name].detector
    memory = detector.empty(1)
    cell, phase = np.zeros(1, np.intp), np.zeros(1, np.int16)
    for k in range(30):
        at = Moments(cell, np.array([k * STEP_US]), phase)
        detector.learn(memory, at, np.array([7.0]), np.ones(1))
    at = Moments(cell, np.array([30 * STEP_US]), phase)
    assert detector.judge(memory, at, np.array([7.0])).z[0] == 0.0
    assert detector.judge(memory, at, np.array([9.0])).z[0] > 10.0


def test_a_season_without_a_slot_is_unknown_and_learns_nothing() -> None:
    detector = FOLD_PEERS["peer-seasonal-mad"].detector
    memory = detector.empty(1)
    at = Moments(np.zeros(1, np.intp), np.array([0]), np.full(1, NO_PHASE, np.int16))
    detector.learn(memory, at, np.array([7.0]), np.ones(1))
    assert not memory["seen"].any()
    assert np.isnan(detector.judge(memory, at, np.array([7.0])).z[0])


def test_other_names_are_no_peers() -> None:
    assert peer_named("ew") is None
