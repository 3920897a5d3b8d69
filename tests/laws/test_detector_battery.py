"""What every registered detector must pass."""

import pickle
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly.detector import DETECTORS, Columns, Detector, detector_named
from anomaly.judgement import Judgement
from anomaly.moments import HOUR_US, NO_PHASE, PHASES, Moments, phase_of_hour
from anomaly.score import score_of
from contract.errors import ConfigurationError
from tests.examples import examples

every = pytest.mark.parametrize("detector", [r.detector for r in DETECTORS.values()], ids=list(DETECTORS))
Floats = NDArray[np.float64]


def noise(n: int, seed: int = 1) -> Floats:
    """Return n values around 100."""
    return np.random.default_rng(seed).normal(100, 5, n)


def moments(cells: NDArray[np.intp], time_us: int) -> Moments:
    """Return one moment for all cells, with the hour as phase."""
    times_us = np.full(len(cells), time_us, np.int64)
    return Moments(cells, times_us, phase_of_hour(times_us))


@dataclass
class Pupil:
    """One cell that is taught values an hour apart."""

    detector: Detector
    memory: Columns = field(default_factory=dict)
    now_us: int = 0

    def __post_init__(self) -> None:
        self.memory = self.memory or self.detector.empty(1)

    def learn(self, values: Floats, step_us: int = HOUR_US) -> "Pupil":
        for value in values:
            at = moments(np.array([0]), self.now_us)
            self.detector.learn(self.memory, at, np.array([value]), np.ones(1))
            self.now_us += step_us
        return self

    def judge(self, value: float, phase: int | None = None) -> Judgement:
        at = moments(np.array([0]), self.now_us)
        if phase is not None:
            at = at._replace(phase=np.array([phase], np.int16))
        return self.detector.judge(self.memory, at, np.array([value]))

    def z(self, value: float) -> float:
        return float(self.judge(value).z[0])

    def copy(self) -> "Pupil":
        return Pupil(self.detector, {k: v.copy() for k, v in self.memory.items()}, self.now_us)


@every
def test_the_unheard_is_unknown_and_never_zero(detector: Detector) -> None:
    assert np.isnan(Pupil(detector).z(5.0))
    judgement = Pupil(detector).learn(noise(2)).judge(100.0)
    assert all(np.isnan(column[0]) for column in judgement)
    assert np.isnan(score_of(judgement.z, np.array([6.0]))[0])


@every
def test_a_missing_value_is_unknown(detector: Detector) -> None:
    assert np.isnan(Pupil(detector).learn(noise(200)).z(np.nan))


@every
def test_judging_changes_nothing(detector: Detector) -> None:
    pupil = Pupil(detector).learn(noise(50))
    kept = pupil.copy()
    pupil.z(1e9)
    for name, column in pupil.memory.items():
        np.testing.assert_array_equal(column, kept.memory[name])


@every
def test_noise_is_usual_and_a_step_is_not(detector: Detector) -> None:
    pupil = Pupil(detector).learn(noise(200))
    assert abs(pupil.z(105.0)) < 2
    assert pupil.z(0.0) < -10
    assert pupil.z(200.0) > 10


@every
@pytest.mark.parametrize("constant", [0.0, 1.0, -3e9])
def test_a_constant_is_as_expected_and_a_change_of_it_is_finite(detector: Detector, constant: float) -> None:
    pupil = Pupil(detector).learn(np.full(100, constant))
    assert pupil.z(constant) == 0
    changed = pupil.z(constant + max(1.0, abs(constant)))
    assert np.isfinite(changed)
    assert changed > 10


@every
@given(st.floats(1e-6, 1e6), st.integers(0, 5))
@examples(20)
def test_the_unit_does_not_matter(detector: Detector, scale: float, seed: int) -> None:
    values = noise(100, seed)
    z = Pupil(detector).learn(values).z(80.0)
    assert Pupil(detector).learn(values * scale).z(80.0 * scale) == pytest.approx(z, rel=1e-3)


@every
def test_cells_do_not_touch_each_other_and_a_batch_is_the_same_as_one_by_one(detector: Detector) -> None:
    values = np.random.default_rng(3).normal(50, 3, (100, 8))
    together, alone = detector.empty(8), detector.empty(8)
    for i, row in enumerate(values):
        at = moments(np.arange(8), i * HOUR_US)
        judged = detector.judge(together, at, row)
        detector.learn(together, at, row, np.ones(8))
        for cell in range(8):
            only = at.where(np.arange(8) == cell)
            for one, all_ in zip(
                detector.judge(alone, only, row[cell : cell + 1]), judged._asdict().values(), strict=True
            ):
                np.testing.assert_array_equal(one, all_[cell : cell + 1])
            detector.learn(alone, only, row[cell : cell + 1], np.ones(1))
    for name in together:
        np.testing.assert_array_equal(together[name], alone[name])


@every
def test_plain_deviations_are_the_difference_in_deviations(detector: Detector) -> None:
    for value in (96.0, 100.0, 104.0):
        judged = Pupil(detector).learn(noise(300)).judge(value)
        assert judged.plain[0] == pytest.approx((value - judged.expected[0]) / judged.deviation[0])


@every
def test_gaps_neither_erase_the_past_nor_make_one_value_the_whole_truth(detector: Detector) -> None:
    pupil = Pupil(detector).learn(noise(300))
    before = pupil.z(60.0)
    pupil.now_us += 60 * HOUR_US
    assert pupil.learn(np.array([130.0])).z(60.0) == pytest.approx(before, rel=0.25)


@every
def test_cadences_may_change(detector: Detector) -> None:
    pupil = Pupil(detector).learn(noise(200))
    pupil.learn(np.random.default_rng(9).normal(100, 5, 720), step_us=10_000_000)
    assert abs(pupil.z(100.0)) < 1
    assert pupil.z(50.0) < -6


@every
def test_one_outlier_hardly_moves_it_and_a_lasting_shift_is_learnt(detector: Detector) -> None:
    pupil = Pupil(detector).learn(noise(300))
    before = pupil.z(60.0)
    pupil.learn(np.array([1e7]))
    assert pupil.z(60.0) == pytest.approx(before, rel=0.2)
    pupil.learn(noise(24 * 60) + 60)
    assert abs(pupil.z(160.0)) < 3


@every
def test_what_is_forgotten_gives_way_to_a_new_level_sooner(detector: Detector) -> None:
    old = Pupil(detector).learn(noise(400))
    forgot, twice = old.copy(), old.copy()
    detector.forget(forgot.memory, np.array([0]))
    detector.forget(twice.memory, np.array([0]))
    detector.forget(twice.memory, np.array([0]))
    for name, column in forgot.memory.items():
        np.testing.assert_array_equal(column, twice.memory[name], err_msg=name)
    shifted = noise(100, seed=2) + 60.0
    expected = [float(pupil.learn(shifted).judge(160.0).expected[0]) for pupil in (old, forgot)]
    assert expected[0] < expected[1]
    assert expected[1] == pytest.approx(160.0, abs=10.0)


@every
def test_the_outlook_is_unknown_before_a_cell_is_mature_and_near_its_level_after(detector: Detector) -> None:
    young, old = Pupil(detector).learn(noise(2)), Pupil(detector).learn(noise(400))
    assert np.isnan(detector.outlook(young.memory).expected[0])
    before = {name: column.copy() for name, column in old.memory.items()}
    outlook = detector.outlook(old.memory)
    assert outlook.expected[0] == pytest.approx(100.0, abs=3.0)
    assert outlook.deviation[0] == pytest.approx(5.0, rel=0.4)
    for name, column in old.memory.items():
        np.testing.assert_array_equal(column, before[name], err_msg=name)


@every
def test_a_day_without_profile_is_judged_by_what_else_is_known(detector: Detector) -> None:
    pupil = Pupil(detector).learn(noise(200))
    assert abs(float(pupil.judge(105.0, NO_PHASE).z[0])) < 2
    assert float(pupil.judge(0.0, NO_PHASE).z[0]) < -10
    assert pupil.detector.empty(1).keys() == pupil.memory.keys()


@every
def test_what_weighs_nothing_teaches_hardly_anything(detector: Detector) -> None:
    pupil = Pupil(detector).learn(noise(300))
    before = pupil.z(60.0)
    for _ in range(24):
        at = moments(np.array([0]), pupil.now_us)
        detector.learn(pupil.memory, at, np.array([180.0]), np.zeros(1))
        pupil.now_us += HOUR_US
    assert pupil.z(60.0) == pytest.approx(before, rel=0.25)


@every
def test_restart_from_its_columns_is_exact(detector: Detector) -> None:
    values = noise(200)
    whole = Pupil(detector).learn(values)
    half = Pupil(detector).learn(values[:80]).copy()
    resumed = half.learn(values[80:])
    for name, column in whole.memory.items():
        np.testing.assert_array_equal(column, resumed.memory[name])
        assert column.dtype == detector.empty(1)[name].dtype
    assert whole.z(90.0) == resumed.z(90.0)


@every
def test_pickles(detector: Detector) -> None:
    again: Any = pickle.loads(pickle.dumps(detector))
    assert again == detector


@every
def test_memory_is_constant_and_small(detector: Detector) -> None:
    pupil = Pupil(detector).learn(noise(500))
    assert sum(column.nbytes for column in pupil.memory.values()) <= 4000
    for name, column in detector.empty(7).items():
        assert column.shape[-1] == 7, name


@every
def test_every_phase_is_taken(detector: Detector) -> None:
    memory, cells = detector.empty(PHASES + 1), np.arange(PHASES + 1)
    phase = np.arange(-1, PHASES, dtype=np.int16)
    for i in range(100):
        at = Moments(cells, np.full(len(cells), i * 24 * HOUR_US, np.int64), phase)
        judgement = detector.judge(memory, at, np.full(len(cells), 7.0))
        detector.learn(memory, at, np.full(len(cells), 7.0), np.ones(len(cells)))
    assert (judgement.z == 0).all()


def test_scores_are_calibrated() -> None:
    z = np.array([0.0, 6.0, -6.0, 12.0, 1000.0, np.nan])
    score = score_of(z, np.full(6, 6.0))
    np.testing.assert_allclose(score, [0, 0.5, 0.5, 0.75, 1, np.nan], atol=1e-6)
    assert score.dtype.name == "float32"


def test_an_unknown_detector_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="'oracle'; there are: ew"):
        detector_named("oracle")
