"""Registers in deviations that hold for every school."""

import numpy as np

from anomaly.absence import DEVIATION, absence_deviations, attended_at


def test_the_same_times_of_a_schools_noise_are_the_same_deviations() -> None:
    # Day to day a school moves by its absence to the power of three quarters.
    absent = np.array([0.03, 0.09, 0.27])
    small = 0.001 * absent**0.75
    told = absence_deviations(1.0 - absent - small, 1.0 - absent)
    np.testing.assert_allclose(told, -0.001 / 4 / DEVIATION, rtol=0.01)


def test_fewer_are_below_and_more_above() -> None:
    z = absence_deviations(np.array([0.7, 0.9, 0.95, 1.0, 0.0]), np.full(5, 0.9))
    assert z[0] < z[1] == 0.0 < z[2] < z[3]
    assert z[4] == z.min()
    assert np.isnan(absence_deviations(np.array([0.5]), np.array([np.nan]))).all()


def test_where_nobody_is_absent_a_single_pupil_is_no_news() -> None:
    np.testing.assert_allclose(absence_deviations(np.array([0.99]), np.array([1.0])), 0.0, atol=1e-12)


def test_what_is_so_many_deviations_below_is_told_as_so_many() -> None:
    expected = np.array([0.98, 0.91, 0.75])
    for z in (0.0, 2.0, 6.0):
        attended = attended_at(expected, np.full(3, z))
        np.testing.assert_allclose(absence_deviations(attended, expected), -z, atol=1e-9)
    assert attended_at(np.array([0.3]), np.array([50.0])).item() == 0.0
