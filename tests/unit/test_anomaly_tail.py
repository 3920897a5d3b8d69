"""What is usual far out is learnt side by side, and one bound means the same for every line."""

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly.baseline import Baseline
from anomaly.moments import Moments, phase_of_hour
from anomaly.tail import MOST_EXCESS, USUAL_EXCESS, by_tail, empty_tail, learn_tail

STEP_US = 900_000_000
DAY = 96
SPEAKS_S = np.array([900.0])
BASELINE = Baseline()


def judged(values: NDArray[np.float64], asked: float) -> float:
    """Return the deviations of a value after quarter-hourly ones."""
    memory, cell = BASELINE.empty(1), np.array([0])
    for k, value in enumerate([*values, asked]):
        time_us = np.array([k * STEP_US])
        at = Moments(cell, time_us, phase_of_hour(time_us))
        z = BASELINE.judge(memory, at, np.array([value])).z[0]
        BASELINE.learn(memory, at, np.array([value]), np.ones(1))
    return float(z)


def normal(days: int = 14) -> NDArray[np.float64]:
    """Return normal noise about 10."""
    return np.random.default_rng(7).normal(10.0, 1.0, days * DAY)


def test_bursts_of_every_day_are_usual_and_the_other_side_is_judged_as_before() -> None:
    bursts = normal()
    bursts[10::DAY] = 60.0
    assert judged(normal(), 60.0) > 30.0
    assert 2.0 < judged(bursts, 60.0) < 0.3 * judged(normal(), 60.0)
    assert judged(bursts, 2.0) < -5.0


def test_normal_noise_is_told_as_it_is() -> None:
    assert judged(normal(), 22.0) == pytest.approx(12.0, rel=0.2)


def test_what_comes_once_is_no_habit() -> None:
    once = normal()
    once[-DAY] = 1e6
    assert judged(once, 40.0) > 0.6 * judged(normal(), 40.0)


def test_after_hours_of_an_outage_the_next_is_still_far_out() -> None:
    outage = np.maximum(normal(), 5.0)
    outage[-DAY : -DAY + 24] = 0.0
    assert judged(outage, 0.0) < -5.0


def test_what_lasts_is_judged_by_what_was_usual_before_it_began() -> None:
    shift = np.full(8, 4.0)
    first, last = judged(normal(), 4.0), judged(np.concatenate([normal(), shift]), 4.0)
    assert first < -5.0
    assert last < 0.9 * first


def test_a_register_a_day_is_hardly_judged_by_what_a_dozen_of_days_have_shown() -> None:
    memory = empty_tail(1) | {"weight_s": np.full(1, 10 * 900.0, np.float32)}
    cell = np.zeros(1, np.intp)
    for z in [0.1] * 9 + [-9.0]:
        learn_tail(memory, cell, np.array([z]), SPEAKS_S, np.array([0.1]))
    assert by_tail(memory, cell, np.array([-12.0]))[0] < -6.0
    assert by_tail(memory, cell, np.array([12.0]))[0] == pytest.approx(12.0)


def test_within_two_deviations_and_where_nothing_is_known_nothing_changes() -> None:
    memory = empty_tail(1) | {"weight_s": np.full(1, 1e6, np.float32)}
    cell = np.zeros(1, np.intp)
    assert np.isnan(by_tail(memory, cell, np.array([np.nan]))[0])
    learn_tail(memory, cell, np.array([np.nan]), SPEAKS_S, np.ones(1))
    assert not memory["tail"].any()
    learn_tail(memory, cell, np.array([1000.0]), SPEAKS_S, np.array([0.5]))
    assert not memory["tail"].any()  # not before the run is over
    learn_tail(memory, cell, np.zeros(1), SPEAKS_S, np.array([0.5]))
    assert memory["tail"][2, 0] == pytest.approx(0.5 * MOST_EXCESS * USUAL_EXCESS)
    for z in (0.0, 1.9, -2.0):
        assert by_tail(memory, cell, np.array([z]))[0] == z
    assert 2.0 < by_tail(memory, cell, np.array([12.0]))[0] < 12.0
