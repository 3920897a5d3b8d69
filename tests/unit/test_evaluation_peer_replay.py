"""Peers that look at one series at a time say in the fold what they say of a recording."""

import numpy as np
import pytest

from anomaly.moments import Moments
from anomaly.score import Z_LIMIT
from evaluation.detectors.peer_replay import REPLAY_PEERS, Collector, of_share, of_units

STEP_US = 900_000_000
N = 300


def readings() -> np.ndarray:
    """Return two cells' readings side by side, each with a step at its end, shape (n, 2)."""
    value = np.random.default_rng(5).normal(100.0, 5.0, (N, 2))
    value[-5:, 0] += 80.0
    value[-5:, 1] -= 80.0
    return value


def collected() -> Collector:
    collector = Collector()
    collector.empty(2)
    for k, row in enumerate(readings()):
        at = Moments(np.array([0, 1]), np.full(2, k * STEP_US), np.zeros(2, np.int16))
        collector.learn({}, at, row, np.ones(2))
    return collector


@pytest.mark.parametrize("name", list(REPLAY_PEERS))
def test_what_is_played_back_is_the_score_of_each_cell_alone(name: str) -> None:
    peer, replayed = REPLAY_PEERS[name], collected().replayed(name)
    memory = replayed.empty(2)
    time_us = np.arange(N, dtype=np.int64) * STEP_US
    alone = np.stack([peer.scale(peer.score(time_us, readings()[:, c])[0]) for c in (0, 1)], axis=1)
    told = []
    for k, row in enumerate(readings()):
        at = Moments(np.array([0, 1]), np.full(2, k * STEP_US), np.zeros(2, np.int16))
        told.append(replayed.judge(memory, at, row).z.copy())
        replayed.learn(memory, at, row, np.ones(2))
    np.testing.assert_allclose(np.abs(np.array(told)), np.minimum(alone, Z_LIMIT))
    assert replayed.peer_bytes > 0


@pytest.mark.parametrize("name", list(REPLAY_PEERS))
def test_the_sign_is_the_side_of_the_past(name: str) -> None:
    replayed = collected().replayed(name)
    last = [replayed.z[replayed.first[c + 1] - 1] for c in (0, 1)]
    assert last[0] >= 0.0 >= last[1]


def test_beyond_the_last_reading_nothing_is_known() -> None:
    replayed = collected().replayed("peer-record-range")
    memory = {"seen": np.full(2, N)}
    at = Moments(np.array([0, 1]), np.zeros(2, np.int64), np.zeros(2, np.int16))
    assert np.isnan(replayed.judge(memory, at, np.zeros(2)).z).all()


def test_scales_keep_the_order_and_meet_where_they_must() -> None:
    share = np.linspace(0.0, 1.0, 101)
    assert (np.diff(of_share(share)[:-1]) > 0).all()
    assert of_share(np.array([0.5]))[0] == pytest.approx(6.0)
    assert np.isinf(of_share(np.array([1.0]))[0])
    assert of_units(np.array([-1.0, 0.0, 1.0, 2.0])).tolist() == [0.0, 0.0, 6.0, 12.0]
