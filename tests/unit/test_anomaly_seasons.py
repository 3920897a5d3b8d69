"""What a profile of the day and records of means add to a plain exponentially weighted baseline."""

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly.baseline import Baseline
from anomaly.detector import Columns, Detector
from anomaly.moments import HOUR_US, NO_PHASE, Moments, phase_of_hour
from anomaly.profile import empty_profile, learn_profile, usual_of
from anomaly.records import Records
from anomaly.seasonal import Seasonal

CELL = np.array([0])
STEP_US = HOUR_US // 2
DAYS = 14


def at(i: int, step_us: int = STEP_US) -> Moments:
    """Return the moment of the i-th reading of one cell."""
    time_us = np.array([i * step_us], np.int64)
    return Moments(CELL, time_us, phase_of_hour(time_us))


def taught(detector: Detector, values: NDArray[np.float64]) -> Columns:
    """Return the memory of a cell after half-hourly values."""
    memory = detector.empty(1)
    for i, value in enumerate(values):
        detector.learn(memory, at(i), np.array([value]), np.ones(1))
    return memory


def wave(days: int, noise: float = 1.0) -> NDArray[np.float64]:
    """Return half-hourly values that are 100 by day (8 to 16 h) and 20 by night."""
    hour = np.arange(days * 48) // 2 % 24
    usual = np.where((hour >= 8) & (hour < 16), 100.0, 20.0)
    return usual + np.random.default_rng(5).normal(0, noise, days * 48)


def z(detector: Detector, memory: Columns, moment: Moments, value: float) -> float:
    """Return the judgement of one value."""
    return float(detector.judge(memory, moment, np.array([value])).z[0])


def test_a_value_at_the_wrong_hour_is_seen_by_the_profile_alone() -> None:
    noon = at(DAYS * 48 + 24)
    seasonal, plain = Seasonal(), Baseline()
    assert z(seasonal, taught(seasonal, wave(DAYS)), noon, 60.0) < -15
    assert abs(z(plain, taught(plain, wave(DAYS)), noon, 60.0)) < 1
    judgement = seasonal.judge(taught(seasonal, wave(DAYS)), noon, np.array([60.0]))
    assert judgement.expected[0] == pytest.approx(100, abs=2)


def test_without_seasons_or_without_a_phase_it_is_the_plain_baseline() -> None:
    flat = np.random.default_rng(2).normal(50, 4, DAYS * 48)
    seasonal, plain = Seasonal(), Baseline()
    now = at(DAYS * 48)
    assert z(seasonal, taught(seasonal, flat), now, 30.0) == z(plain, taught(plain, flat), now, 30.0)
    exam_day = now._replace(phase=np.array([NO_PHASE], np.int16))
    waves = wave(DAYS)
    expected = z(plain, taught(plain, waves), exam_day, 160.0)
    assert z(seasonal, taught(seasonal, waves), exam_day, 160.0) == expected


def test_a_visit_counts_once_whatever_the_cadence() -> None:
    coarse, fine = empty_profile(1), empty_profile(1)
    for memory, step_us in ((coarse, HOUR_US // 2), (fine, 10_000_000)):
        for i in range(3 * 24 * HOUR_US // step_us):
            value = np.array([float(i * step_us // HOUR_US % 24)])
            dt_s = np.array([step_us * 1e-6])
            learn_profile(memory, at(i, step_us), value, np.ones(1), dt_s)
    np.testing.assert_array_equal(coarse["visits"], fine["visits"])
    np.testing.assert_allclose(coarse["profile"], fine["profile"], rtol=1e-5)
    assert usual_of(fine, at(20, HOUR_US))[0] == pytest.approx(20)
    assert np.isnan(usual_of(empty_profile(1), at(20, HOUR_US))[0])


def test_a_small_shift_that_stays_is_a_record_of_the_mean() -> None:
    records, plain = Records(), Baseline()
    flat = np.random.default_rng(4).normal(50, 4, 2000)
    memory, other = taught(records, flat), taught(plain, flat)
    strongest = weakest = 0.0
    for i, noise in enumerate(np.random.default_rng(6).normal(0, 1, 48)):
        moment, value = at(2000 + i), 57.0 + noise
        strongest = max(strongest, z(records, memory, moment, value))
        weakest = max(weakest, z(plain, other, moment, value))
        records.learn(memory, moment, np.array([value]), np.ones(1))
        plain.learn(other, moment, np.array([value]), np.ones(1))
    assert strongest > 5 > 3 > weakest


def test_bursts_that_come_every_day_are_no_records() -> None:
    values = np.random.default_rng(7).normal(10, 1, DAYS * 48)
    values[10::48] = 200.0
    records = Records()
    burst = at(DAYS * 48 + 10)
    assert z(records, taught(records, values), burst, 200.0) < 6


def test_a_record_between_two_digits_of_float32_is_none() -> None:
    records = Records()
    memory = taught(records, np.full(300, 1e9 + 1))
    assert z(records, memory, at(300), 1e9 + 1) == 0
