"""What every registered detector must pass."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly.detector import DETECTORS, Columns, Detector, detector_named
from anomaly.score import score_of
from contract.errors import ConfigurationError

every = pytest.mark.parametrize("detector", [r.detector for r in DETECTORS.values()], ids=list(DETECTORS))
HOUR_US = 3_600_000_000
CELL = np.array([0])
Floats = NDArray[np.float64]


def noise(n: int, seed: int = 1) -> Floats:
    """Return n values around 100."""
    return np.random.default_rng(seed).normal(100, 5, n)


def teach(detector: Detector, values: Floats, memory: Columns | None = None, from_hour: int = 0) -> Columns:
    """Return the memory of one cell after values an hour apart."""
    memory = detector.empty(1) if memory is None else memory
    for i, value in enumerate(values):
        time_us = np.array([(from_hour + i) * HOUR_US])
        detector.learn(memory, CELL, time_us, np.array([value]), np.ones(1))
    return memory


def z_of(detector: Detector, memory: Columns, value: float) -> float:
    """Return the judgement of one value."""
    return float(detector.judge(memory, CELL, np.array([value])).z[0])


@every
def test_the_unheard_is_unknown_and_never_zero(detector: Detector) -> None:
    assert np.isnan(z_of(detector, detector.empty(1), 5.0))
    judgement = detector.judge(teach(detector, noise(2)), CELL, np.array([100.0]))
    assert all(np.isnan(column[0]) for column in judgement)
    assert np.isnan(score_of(judgement.z, np.array([6.0]))[0])


@every
def test_judging_changes_nothing(detector: Detector) -> None:
    memory = teach(detector, noise(50))
    kept = {k: v.copy() for k, v in memory.items()}
    z_of(detector, memory, 1e9)
    for name, column in memory.items():
        np.testing.assert_array_equal(column, kept[name])


@every
def test_noise_is_usual_and_a_step_is_not(detector: Detector) -> None:
    memory = teach(detector, noise(200))
    assert abs(z_of(detector, memory, 105.0)) < 2
    assert z_of(detector, memory, 0.0) < -10
    assert z_of(detector, memory, 200.0) > 10


@every
@pytest.mark.parametrize("constant", [0.0, 1.0, -3e9])
def test_a_constant_is_as_expected_and_a_change_of_it_is_finite(detector: Detector, constant: float) -> None:
    memory = teach(detector, np.full(100, constant))
    assert z_of(detector, memory, constant) == 0
    changed = z_of(detector, memory, constant + max(1.0, abs(constant)))
    assert np.isfinite(changed)
    assert changed > 10


@every
@given(st.floats(1e-6, 1e6), st.integers(0, 5))
@settings(deadline=None, max_examples=20)
def test_the_unit_does_not_matter(detector: Detector, scale: float, seed: int) -> None:
    values = noise(60, seed)
    z = z_of(detector, teach(detector, values), 80.0)
    assert z_of(detector, teach(detector, values * scale), 80.0 * scale) == pytest.approx(z, rel=1e-4)


@every
def test_cells_do_not_touch_each_other_and_a_batch_is_the_same_as_one_by_one(detector: Detector) -> None:
    values = np.random.default_rng(3).normal(50, 3, (40, 8))
    together, alone = detector.empty(8), detector.empty(8)
    for i, row in enumerate(values):
        time_us = np.full(8, i * HOUR_US)
        detector.learn(together, np.arange(8), time_us, row, np.ones(8))
        for cell in range(8):
            detector.learn(alone, np.array([cell]), time_us[:1], row[cell : cell + 1], np.ones(1))
    for name in together:
        np.testing.assert_array_equal(together[name], alone[name])


@every
def test_gaps_neither_erase_the_past_nor_make_one_value_the_whole_truth(detector: Detector) -> None:
    memory = teach(detector, noise(300))
    before = z_of(detector, memory, 60.0)
    teach(detector, np.array([130.0]), memory, from_hour=300 + 60)
    assert z_of(detector, memory, 60.0) == pytest.approx(before, rel=0.25)


@every
def test_cadences_may_change(detector: Detector) -> None:
    memory = teach(detector, noise(200))
    start_us = 200 * HOUR_US
    for i, value in enumerate(np.random.default_rng(9).normal(100, 5, 720)):
        at_us = np.array([start_us + i * 10_000_000])
        detector.learn(memory, CELL, at_us, np.array([value]), np.ones(1))
    assert abs(z_of(detector, memory, 100.0)) < 1
    assert z_of(detector, memory, 50.0) < -6


@every
def test_one_outlier_hardly_moves_it_and_a_lasting_shift_is_learnt(detector: Detector) -> None:
    memory = teach(detector, noise(300))
    before = z_of(detector, memory, 60.0)
    teach(detector, np.array([1e7]), memory, from_hour=300)
    assert z_of(detector, memory, 60.0) == pytest.approx(before, rel=0.2)
    teach(detector, noise(24 * 60) + 60, memory, from_hour=301)
    assert abs(z_of(detector, memory, 160.0)) < 3


@every
def test_restart_from_its_columns_is_exact(detector: Detector) -> None:
    values = noise(100)
    whole = teach(detector, values)
    half: dict[str, NDArray[Any]] = {k: v.copy() for k, v in teach(detector, values[:50]).items()}
    resumed = teach(detector, values[50:], half, from_hour=50)
    for name, column in whole.items():
        np.testing.assert_array_equal(column, resumed[name])
        assert column.dtype == detector.empty(1)[name].dtype


def test_scores_are_calibrated() -> None:
    z = np.array([0.0, 6.0, -6.0, 12.0, 1000.0, np.nan])
    score = score_of(z, np.full(6, 6.0))
    np.testing.assert_allclose(score, [0, 0.5, 0.5, 0.75, 1, np.nan], atol=1e-6)
    assert score.dtype.name == "float32"


def test_an_unknown_detector_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="'oracle'; there are: ew"):
        detector_named("oracle")
