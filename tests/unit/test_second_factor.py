"""Codes of the second factor at the edges of their time steps."""

import base64
from typing import Final

import pyotp
import pytest

from ops_dashboard.people.codes import STEP_S, matching_step

SECRET: Final = base64.b32encode(b"12345678901234567890").decode()
"""That of RFC 6238, appendix B, whose six last digits of time 1111111109 are 081804."""
STEP: Final = 1_111_111_109 // STEP_S


@pytest.mark.parametrize(
    ("now_s", "step"),
    [
        ((STEP - 1) * STEP_S - 0.001, None),
        ((STEP - 1) * STEP_S, STEP),  # the phone is ahead
        (STEP * STEP_S, STEP),
        ((STEP + 1) * STEP_S - 0.001, STEP),
        ((STEP + 1) * STEP_S, STEP),  # read at the end of its step, used in the next
        ((STEP + 2) * STEP_S - 0.001, STEP),
        ((STEP + 2) * STEP_S, None),
    ],
)
def test_a_code_is_good_one_step_before_and_after_its_own(now_s: float, step: int | None) -> None:
    assert matching_step(SECRET, "081804", now_s) == step


def test_what_an_app_shows_is_what_is_asked_for() -> None:
    assert pyotp.TOTP(SECRET).at(1_111_111_109) == "081804"
    assert matching_step(SECRET, "081805", 1_111_111_109) is None
