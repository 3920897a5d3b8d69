"""Disagreement: what no common shift explains, by no unit, no order and no neighbour's accident."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly.joint import Disagreement
from anomaly.score import Z_LIMIT

DETECTOR = Disagreement()
SEEDS = st.integers(0, 2**32 - 1)


def city(seed: int = 1, schools: int = 120, own: float = 0.5) -> NDArray[np.float64]:
    """Return deviations of schools whose three series share most of their variation, shape (schools, 3)."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (schools, 1)) + rng.normal(0, own, (schools, 3))


@pytest.mark.parametrize("departs", [0, 1, 2])
def test_a_series_that_is_emptier_than_the_others_is_found(departs: int) -> None:
    z = city()
    z[7] = 0.0
    z[7, departs] = -5.0
    found = DETECTOR.judge(z)
    assert int(np.argmax(found)) == 7
    assert found[7] > 5.0


@pytest.mark.parametrize("departs", [0, 1, 2])
@pytest.mark.parametrize("far", [5.0, 120.0, 1000.0])
def test_a_series_that_is_fuller_than_usual_contradicts_nothing(departs: int, far: float) -> None:
    z = city()
    z[7] = 0.0
    z[7, departs] = far  # as of a school that knows one day, on which the whole city stayed away
    assert DETECTOR.judge(z)[7] < 5.0


def test_a_school_that_is_emptier_in_every_way_agrees_with_itself() -> None:
    z = city()
    z[7] = -6.0
    found = DETECTOR.judge(z)
    assert found[7] < 3.0


def test_what_all_schools_share_is_nobodys_disagreement() -> None:
    z = city()
    shifted = z + np.array([0.0, -8.0, 3.0])
    np.testing.assert_allclose(DETECTOR.judge(shifted), DETECTOR.judge(z), rtol=1e-9, atol=1e-9)


def test_normal_noise_is_as_rare_as_it_says() -> None:
    found = DETECTOR.judge(city(schools=20_000))
    assert 0.035 < float((found > 2).mean()) < 0.056  # P(|Z| > 2) = 0.0455
    assert float(found.min()) >= 0.0


def test_an_unknown_series_makes_its_school_unknown_and_no_other() -> None:
    z = city()
    z[3, 1] = np.nan
    found = DETECTOR.judge(z)
    assert np.flatnonzero(np.isnan(found)).tolist() == [3]
    np.testing.assert_array_equal(np.delete(found, 3), DETECTOR.judge(np.delete(z, 3, axis=0)))


@pytest.mark.parametrize(("known", "unknown"), [(29, True), (30, False)])
def test_fewer_than_thirty_known_schools_say_nothing(known: int, unknown: bool) -> None:
    z = city(schools=40)
    z[known:, 0] = np.nan
    assert bool(np.isnan(DETECTOR.judge(z)[:known]).all()) is unknown


def test_no_school_at_all_is_no_error() -> None:
    assert DETECTOR.judge(np.empty((0, 3))).shape == (0,)


@given(SEEDS)
def test_the_order_of_schools_and_of_series_means_nothing(seed: int) -> None:
    z, rng = city(seed), np.random.default_rng(seed)
    rows, series = rng.permutation(len(z)), rng.permutation(3)
    found = DETECTOR.judge(z)
    np.testing.assert_allclose(DETECTOR.judge(z[rows][:, series]), found[rows], rtol=1e-6, atol=1e-6)


@given(SEEDS, st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3), st.floats(-50, 50))
def test_the_unit_of_a_series_means_nothing(seed: int, scale: list[float], shift: float) -> None:
    z = city(seed)
    np.testing.assert_allclose(DETECTOR.judge(z * scale + shift), DETECTOR.judge(z), rtol=1e-5, atol=1e-5)


def test_a_constant_series_hides_no_disagreement_and_makes_none() -> None:
    z = city()
    z[:, 2] = 1.5
    calm = DETECTOR.judge(z)
    assert not np.isnan(calm).any()
    assert float(calm.max()) < 5.0
    z[7, 2] = -1.0
    assert int(np.argmax(DETECTOR.judge(z))) == 7


def test_schools_that_are_all_the_same_do_not_disagree() -> None:
    np.testing.assert_array_equal(DETECTOR.judge(np.full((40, 3), 2.0)), 0.0)


def test_a_tenth_of_schools_that_disagree_do_not_hide_each_other() -> None:
    z = city()
    z[:12] = [4.0, 4.0, -8.0]
    found = DETECTOR.judge(z)
    assert float(found[:12].min()) > max(3.5, float(found[12:].max()))


@given(SEEDS, st.floats(0.0, 1e300), st.sampled_from([np.float32, np.float64]), st.integers(0, 2))
def test_the_answer_is_within_its_range_whatever_the_values(
    seed: int, far: float, kind: type[np.floating], column: int
) -> None:
    z = city(seed, 40)
    z[0, column] = min(far, 1e30)
    found = DETECTOR.judge(z.astype(kind))
    assert ((found >= 0) & (found <= Z_LIMIT)).all()


def test_the_farther_a_series_departs_the_larger_is_the_disagreement() -> None:
    found = []
    for far in (0.0, 2.0, 5.0, 20.0, 80.0):
        z = city()
        z[7] = [0.0, 0.0, -far]
        found.append(float(DETECTOR.judge(z)[7]))
    assert found == sorted(found)
    assert found[-1] > found[0]


def test_the_input_is_left_as_it_was() -> None:
    z = city()
    kept = z.copy()
    Disagreement().judge(z)
    np.testing.assert_array_equal(z, kept)
