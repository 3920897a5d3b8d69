"""Rates: gauges, counters that wrap or begin again, pauses, and what is unknown."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.rate import Reading, rate_of

STALE_S = 180.0
RANGE_32 = 2.0**32
RANGE_64 = 2.0**64


def rate(
    before: float, now: float, dt_s: float = 60.0, counter_range: float = 0.0, *, counter: bool = True
) -> float:
    """Return the rate from one reading to the next of one series."""
    return float(
        rate_of(
            Reading(np.array([before]), np.array([1_000_000])),
            Reading(np.array([now]), np.array([1_000_000 + round(dt_s * 1e6)])),
            np.array([counter]),
            np.array([counter_range]),
            np.array([round(STALE_S * 1e6)]),
        )[0]
    )


@pytest.mark.parametrize(
    ("before", "now", "counter_range", "increase"),
    [
        (100.0, 160.0, RANGE_32, 60.0),  # counts on
        (100.0, 100.0, RANGE_32, 0.0),  # nothing happened: 0 is known
        (RANGE_32 - 50, 10.0, RANGE_32, 60.0),  # wrapped
        (RANGE_32 - 1, 0.0, RANGE_32, 1.0),  # wrapped by one
        (RANGE_64 - 2**20, 2.0**20, RANGE_64, 2.0**21),  # wrapped, 64 bits
        (5000.0, 30.0, RANGE_32, 30.0),  # began again, far from its end
        (RANGE_32 - 50, 10.0, 0.0, 10.0),  # of unknown width: began again
        (RANGE_32 - 50, RANGE_32 / 2, RANGE_32, RANGE_32 / 2),  # would have gone half its way: began again
        (RANGE_32 * 0.89, 0.0, RANGE_32, 0.0),  # too far from its end
    ],
)
def test_a_counter_counts_on_wraps_or_begins_again(
    before: float, now: float, counter_range: float, increase: float
) -> None:
    assert rate(before, now, 60.0, counter_range) == pytest.approx(increase / 60.0)


def test_a_gauge_falls_and_rises() -> None:
    assert rate(10.0, 4.0, 60.0, counter=False) == pytest.approx(-0.1)
    assert rate(-4.0, 2.0, 60.0, counter=False) == pytest.approx(0.1)


@pytest.mark.parametrize("counter", [True, False])
def test_unknown_is_never_zero(counter: bool) -> None:
    assert np.isnan(rate(np.nan, 5.0, counter=counter))
    assert np.isnan(rate(5.0, np.nan, counter=counter))
    assert np.isnan(rate(5.0, 5.0, STALE_S + 1e-6, counter=counter))
    assert np.isnan(rate(5.0, 5.0, 0.0, counter=counter))
    assert np.isnan(rate(5.0, 5.0, -60.0, counter=counter))
    assert rate(5.0, 5.0, STALE_S, counter=counter) == 0.0


def test_a_series_that_was_never_heard_is_unknown_without_a_warning() -> None:
    never = Reading(np.array([np.nan]), np.array([np.iinfo(np.int64).min]))
    now = Reading(np.array([5.0]), np.array([1_795_399_200_000_000]))
    found = rate_of(never, now, np.ones(1, np.bool_), np.zeros(1), np.full(1, 180_000_000))
    assert np.isnan(found[0])


@given(
    st.floats(0, RANGE_32 - 1),
    st.floats(0, RANGE_32 - 1),
    st.sampled_from([0.0, RANGE_32]),
    st.floats(1, 180),
)
def test_a_counter_never_goes_back_and_never_counts_more_than_its_value_or_a_wrap(
    before: float, now: float, counter_range: float, dt_s: float
) -> None:
    found = rate(before, now, dt_s, counter_range) * dt_s
    assert 0 <= found <= max(now, 0.1 * RANGE_32) * (1 + 1e-6)


@given(st.lists(st.integers(0, 50_000_000), min_size=2, max_size=30), st.integers(0, 2**32 - 1))
def test_a_wrapping_counter_loses_nothing(steps: list[int], start: int) -> None:
    true = start + np.cumsum(steps)
    shown = (true % 2**32).astype(float)
    total = sum(rate(a, b, 60.0, RANGE_32) * 60 for a, b in pairwise(shown))
    assert total == pytest.approx(float(true[-1] - true[0]), rel=1e-9, abs=1e-3)
