"""What the best detector could find of wrong registers, simulated and recorded."""

import msgspec
import numpy as np
import pytest

from contract.errors import ConfigurationError
from device_simulator.world.severity import Severity
from evaluation.attendance import ceiling as recorded
from evaluation.attendance.recorded import HALF, lower
from evaluation.attendance.run import low_rule
from evaluation.scenarios.ceiling import BUDGETS, best_shares, ceilings, render
from evaluation.scenarios.report import given
from evaluation.scenarios.run import ScenarioTerms


def terms(severity: Severity = Severity.REAL) -> ScenarioTerms:
    """Return a small city of eight days."""
    return ScenarioTerms(3, 60, 8, 600_000_000, "ew", 1, False, True, False, severity)


def test_the_best_share_is_of_what_lies_above_all_but_the_budget_of_the_noise() -> None:
    noise = np.arange(1000.0)
    faults = np.array([997.5, 998.5, 999.5, np.inf, -np.inf])
    # One false alarm in 1,000 is the greatest noise alone; 2 are the two greatest.
    assert best_shares(noise, faults)[:2] == (0.6, 0.8)
    noise[900:] = np.inf
    assert best_shares(noise, faults) == (0.2, 0.2, 0.2)


def test_knowing_the_kind_finds_no_less_than_looking_for_all_or_for_many_absent() -> None:
    found = {one.kind: one for one in ceilings([terms()], given().calendar_text)}
    assert set(found) == {"real", "reader", "mild", "copied", "faint"}
    for one in found.values():
        assert len(one.alone) == len(BUDGETS)
        assert list(one.alone) == sorted(one.alone)
        for other in (one.together, one.by_root or (0.0,) * len(BUDGETS)):
            # The bound is of the true likelihood; draws and its sum over strengths are finite.
            assert (np.array(other) <= np.array(one.alone) + 0.01).all()
    assert found["copied"].by_root is None
    assert (
        found["reader"].alone[0] > found["real"].alone[0] > found["mild"].alone[0] > found["faint"].alone[0]
    )
    table = render(list(found.values()), as_json=False)
    assert all(kind in table for kind in found)
    assert len(msgspec.json.decode(render(list(found.values()), as_json=True))) == 5


def test_a_calm_city_has_no_ceiling() -> None:
    with pytest.raises(ConfigurationError, match="severity real or storm"):
        ceilings([terms(Severity.CALM)], given().calendar_text)


def test_hindsight_finds_what_stands_out_and_more_with_a_bound_a_school() -> None:
    rng = np.random.default_rng(4)
    days = HALF + np.arange(-60, 60)
    ratio = 0.92 + rng.normal(0, 0.01, (120, 10))
    ratio[[10, 25, 80, 95], 0] = 0.3  # one school has days far below its usual
    ratio[30] -= 0.05  # a day that all share
    registers = lower(days, np.arange(10) // 5, ratio, 1)
    found = recorded.hindsight(registers, low_rule(given().configuration.rules))
    assert [(one.half, one.budget) for one in found[:: len(recorded.BUDGETS)]] == [
        ("first", 1.0),
        ("second", 1.0),
    ]
    for one in found:
        assert one.one_bound[0] >= one.one_bound[1]
        assert one.bound_a_school[0] >= one.one_bound[0]
    assert found[0].bound_a_school[0] > 0.85 > 0.3 > found[0].one_bound[0]
    usual, shared = recorded.usual_days(ratio)
    assert np.abs(usual - 0.92).max() < 0.05
    assert shared[30] == pytest.approx(-0.05, abs=0.01)
    assert "a bound a school" in recorded.render(found, as_json=False)
    assert len(msgspec.json.decode(recorded.render(found, as_json=True))) == len(found)
