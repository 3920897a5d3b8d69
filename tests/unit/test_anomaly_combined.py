"""What the combined detector sees that no single reading shows, and how it adds it up."""

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly.combined import MOST_LEARNT, SPANS, Combined
from anomaly.detector import Columns, Detector
from anomaly.moments import HOUR_US, NO_PHASE, Moments
from anomaly.seasonal import Seasonal

STEP_US = HOUR_US // 12
QUIET = 600
"""Readings before anything happens."""


def deviations_of(detector: Detector, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], Columns]:
    """Return z of every value, five minutes apart and without a slot, and the memory after them."""
    memory, z = detector.empty(1), np.full(len(values), np.nan)
    for i, value in enumerate(values):
        time_us = np.array([i * STEP_US], np.int64)
        at = Moments(np.array([0]), time_us, np.array([NO_PHASE], np.int16))
        z[i] = detector.judge(memory, at, np.array([value])).z[0]
        detector.learn(memory, at, np.array([value]), np.ones(1))
    return z, memory


def test_a_small_change_of_level_is_stranger_with_each_reading() -> None:
    values = np.random.default_rng(5).normal(100, 5, QUIET + 6)
    values[QUIET:] = 113
    combined, _ = deviations_of(Combined(), values)
    seasonal, _ = deviations_of(Seasonal(), values)
    assert combined[QUIET + 4] > 2 * combined[QUIET]
    assert seasonal[QUIET + 4] < 1.1 * seasonal[QUIET]


def test_restlessness_within_the_usual_range_adds_to_what_a_reading_says() -> None:
    wander = (
        100 + 20 * np.sin(np.arange(QUIET + 6) / 13.0) + np.random.default_rng(4).normal(0, 0.5, QUIET + 6)
    )
    wander[QUIET:] = 100 + 15 * (-1.0) ** np.arange(6)
    detector = Combined()
    _, memory = deviations_of(detector, wander)
    at = Moments(np.array([0]), np.array([len(wander) * STEP_US]), np.array([NO_PHASE], np.int16))
    calm = memory | {"recent": memory["recent"] * [[1.0], [1.0], [0.0]]}
    told, without = (float(detector.judge(m, at, np.array([115.0])).z[0]) for m in (memory, calm))
    assert told > 2 * without > 0


def test_before_there_are_records_the_reading_answers_for_itself() -> None:
    values = np.random.default_rng(6).normal(100, 5, 40)
    z, memory = deviations_of(Combined(), values)
    seasonal, _ = deviations_of(Seasonal(), values)
    np.testing.assert_allclose(z, seasonal)
    assert np.abs(memory["recent"]).max() <= MOST_LEARNT
    assert memory["recent"].shape == (len(SPANS), 1)


def test_a_calm_reading_after_records_is_told_by_the_tail_of_the_sum() -> None:
    values = np.random.default_rng(6).normal(100, 5, QUIET)
    z, _ = deviations_of(Combined(), values)
    seasonal, _ = deviations_of(Seasonal(), values)
    own = np.sqrt(2) * np.abs(seasonal[-1])
    assert np.sqrt(2) * abs(z[-1]) == pytest.approx(own / 2 - np.log1p(own / 2), abs=0.5)


def test_a_level_on_the_other_side_adds_nothing() -> None:
    detector = Combined()
    _, memory = deviations_of(detector, np.random.default_rng(7).normal(100, 5, QUIET))
    at = Moments(np.array([0]), np.array([QUIET * STEP_US]), np.array([NO_PHASE], np.int16))
    memory["recent"][2] = 0.0
    z = {}
    for level in (-2.0, 0.0, 2.0):
        memory["recent"][:2] = level
        z[level] = float(detector.judge(memory, at, np.array([90.0])).z[0])
    assert z[-2.0] < z[0.0] - 1.0
    assert z[2.0] == pytest.approx(z[0.0], abs=0.1)


def test_a_reading_above_its_mean_and_below_its_slot_is_half_as_strange_as_the_slot_says() -> None:
    told = {}
    for detector in (Combined(), Seasonal()):
        memory, rng = detector.empty(1), np.random.default_rng(8)
        for i in range(240):
            at = Moments(np.array([0]), np.array([i * HOUR_US]), np.array([i % 24], np.int16))
            value = 100 + 50 * np.sin(i * np.pi / 12) + rng.normal(0, 2, 1)
            detector.learn(memory, at, value, np.ones(1))
        memory["readings"][:] = 49  # records say nothing yet
        at = Moments(np.array([0]), np.array([246 * HOUR_US]), np.array([6], np.int16))
        told[detector.name] = float(detector.judge(memory, at, np.array([120.0])).z[0])
    assert -30 < told["seasonal"] < -5
    assert told["combined"] == pytest.approx(told["seasonal"] / 2)
