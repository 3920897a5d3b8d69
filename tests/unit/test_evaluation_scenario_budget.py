"""The factor of z that keeps an alert budget."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ConfigurationError
from evaluation.scenarios.budget import FACTORS, lowest_within
from evaluation.scenarios.report import given as given_rules


def stairs(limit: float, most: float = 9.0) -> Callable[[float], float]:
    """Return a cost that is 0 down to a factor and `most` below it."""
    return lambda factor: 0.0 if factor >= limit else most


def test_the_factors_fall_in_equal_steps() -> None:
    assert [FACTORS[0], FACTORS[-1]] == pytest.approx([50.0, 0.05])
    steps = {round(b / a, 9) for a, b in itertools.pairwise(FACTORS)}
    assert len(steps) == 1


@given(st.sampled_from(FACTORS))
def test_the_lowest_factor_within_the_budget_is_found(limit: float) -> None:
    found = lowest_within(stairs(limit), 1.0)
    assert (found.factor, found.false_rate, found.meets_budget) == (limit, 0.0, True)


def test_a_detector_that_never_keeps_it_is_told_at_its_quietest() -> None:
    found = lowest_within(lambda _: 9.0, 1.0)
    assert (found.factor, found.false_rate, found.meets_budget) == (FACTORS[0], 9.0, False)


def test_a_factor_so_low_that_all_is_one_incident_is_not_taken_for_quiet() -> None:
    found = lowest_within(lambda f: 9.0 if 0.2 < f < 3.0 else 0.0, 1.0)
    assert found.factor >= 3.0


def test_rules_that_cannot_be_read_are_told_with_their_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("rule = 1", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"mine\.toml: rules\.toml, line 1: Expected `array`"):
        given_rules(mine)
    mine.write_bytes("# trước\n".encode("utf-16"))
    with pytest.raises(ConfigurationError, match=r"mine\.toml is not UTF-8"):
        given_rules(mine)
