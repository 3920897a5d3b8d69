"""`ew` tells jumps within the day's range, and falls silent after hours unless what it says is doubted."""

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly.baseline import Baseline
from anomaly.change import INDEPENDENT
from anomaly.detector import Columns
from anomaly.ew import CHANGE, ExponentiallyWeighted
from anomaly.moments import Moments, phase_of_hour

STEP_US = 300_000_000
DAY = 288
DETECTOR = ExponentiallyWeighted()
CELL = np.array([0])
Floats = NDArray[np.float64]


def moment(nth: int) -> Moments:
    """Return the moment of the nth reading, five minutes apart."""
    time_us = np.array([nth * STEP_US])
    return Moments(CELL, time_us, phase_of_hour(time_us))


def z(memory: Columns, nth: int, value: float, detector: Baseline = DETECTOR) -> float:
    """Return the deviations of a value as the nth reading."""
    return float(detector.judge(memory, moment(nth), np.array([value])).z[0])


def taught(values: Floats, detector: Baseline = DETECTOR) -> Columns:
    """Return the memory after the values."""
    memory = detector.empty(1)
    for nth, value in enumerate(values):
        detector.learn(memory, moment(nth), np.array([value]), np.ones(1))
    return memory


def wave(readings: int) -> Floats:
    """Return a day's wave of 100 about 1,000 with noise of 1, ending where it crosses its mean."""
    day = 100.0 * np.sin(2 * np.pi * np.arange(readings) / DAY)
    return np.asarray(1000.0 + day + np.random.default_rng(5).normal(0.0, 1.0, readings))


def shifted(share: float, hours: int) -> float:
    """Return the deviations of a level that moved by ten of them, after hours of learning it by a share."""
    memory = taught(np.random.default_rng(3).normal(100.0, 5.0, 7 * DAY))
    rng = np.random.default_rng(4)
    for nth in range(7 * DAY, 7 * DAY + 12 * hours):
        DETECTOR.learn(memory, moment(nth), rng.normal(150.0, 5.0, 1), np.full(1, share))
    return z(memory, 7 * DAY + 12 * hours, 150.0)


def test_a_jump_within_the_days_range_is_told_and_by_the_level_alone_it_is_not() -> None:
    values = wave(7 * DAY)
    level = taught(values, Baseline())
    assert abs(z(level, 7 * DAY, 1060.0, Baseline())) < 1.0
    assert z(taught(values), 7 * DAY, 1060.0) > 5.0
    assert abs(z(taught(values), 7 * DAY, values[-1] + 2.0)) < 1.0


def test_a_change_towards_what_is_expected_is_no_news() -> None:
    high = wave(7 * DAY + DAY // 4)
    memory = taught(high)
    assert high[-1] > 1090.0
    assert abs(z(memory, len(high), 1000.0)) < 0.5
    assert z(memory, len(high), 930.0) < -5.0  # beyond it: of 165 seventy count


def test_after_an_outlier_the_next_reading_is_judged_as_if_there_had_been_none() -> None:
    values = np.random.default_rng(3).normal(100.0, 5.0, 7 * DAY)
    before, after = taught(values), taught(np.append(values, 1e6))
    for asked in (100.0, 60.0):
        assert z(after, 7 * DAY + 1, asked) == pytest.approx(z(before, 7 * DAY, asked), abs=0.4)


def test_a_level_that_moved_is_news_for_hours_and_one_that_is_doubted_for_as_long_as_it_lasts() -> None:
    assert shifted(1.0, hours=0) > 9.0
    assert abs(shifted(1.0, hours=6)) < 2.0
    assert shifted(1.0 - 1e-6, hours=6) > 6.0
    assert shifted(0.25, hours=48) > 6.0


def test_what_comes_back_after_it_was_told_is_no_news() -> None:
    memory = taught(np.random.default_rng(3).normal(100.0, 5.0, 7 * DAY))
    for nth in range(7 * DAY, 7 * DAY + DAY):
        DETECTOR.learn(memory, moment(nth), np.array([150.0]), np.ones(1))
    assert abs(z(memory, 8 * DAY, 100.0)) < 2.0


def test_what_came_hours_ago_is_no_reading_before() -> None:
    values = wave(7 * DAY)
    assert z(taught(values), 7 * DAY + 23, 1060.0) > 5.0
    assert abs(z(taught(values), 7 * DAY + 24, 1060.0)) < 1.0


def test_a_series_that_leaves_zero_is_learnt() -> None:
    values = np.append(np.zeros(DAY), np.random.default_rng(6).normal(50.0, 5.0, 2 * DAY))
    memory = taught(values)
    assert 3.0 < memory["mean"][0] < 50.0
    assert abs(z(memory, len(values), 50.0)) < 2.0


def test_a_memory_without_changes_begins_with_those_of_independent_noise() -> None:
    values = np.random.default_rng(3).normal(100.0, 5.0, 7 * DAY)
    old = DETECTOR.empty(1) | taught(values, Baseline())
    asked = 180.0
    level = z(old, 7 * DAY, asked, Baseline())
    assert z(old, 7 * DAY, asked) == level > CHANGE * level / INDEPENDENT
    DETECTOR.learn(old, moment(7 * DAY), np.array([100.0]), np.ones(1))
    known = taught(np.append(values, 100.0))
    assert float(old["step"][0]) == pytest.approx(float(known["step"][0]), rel=0.05)
