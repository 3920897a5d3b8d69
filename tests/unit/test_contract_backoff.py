"""Waits between attempts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.service.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=0.5, longest_s=5.0)
    assert [backoff.wait_s(n) for n in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_share_is_of_the_full_wait() -> None:
    assert Backoff(first_s=1.0, longest_s=60.0).wait_s(3, share=0.25) == pytest.approx(1.0)


@given(st.integers(1, 10**9), st.floats(0.01, 100.0), st.floats(0.0, 1.0))
def test_no_count_of_failures_leaves_the_bounds(failures: int, first_s: float, share: float) -> None:
    backoff = Backoff(first_s, longest_s=100.0)
    assert first_s <= backoff.wait_s(failures) <= 100.0
    assert 0.0 <= backoff.wait_s(failures, share) <= backoff.wait_s(failures)
