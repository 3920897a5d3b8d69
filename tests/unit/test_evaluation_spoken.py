"""Which rules speak of which fault, and how sure a figure is."""

from itertools import pairwise

import pytest

from contract.rule import Rule
from device_simulator.world.everyday import CHRONIC
from device_simulator.world.fault_specs import MILD_SPECS, NEW_SPECS, SPECS
from device_simulator.world.faults import VARIANTS, FaultKind, FaultLabel
from device_simulator.world.mess import ChronicKind
from device_simulator.world.scenarios import APART, duty_name
from evaluation.scenarios.intervals import of_rate, wilson
from evaluation.scenarios.run import bare_rules
from evaluation.scenarios.spoken import SPEAKS_OF, rules_that_speak


def must_be_found(kind: str) -> bool:
    return duty_name(FaultLabel(kind, "", (), 0, 1, 1.0)) == "find"


def test_a_packaged_rule_speaks_of_every_fault_that_must_be_found(rules: tuple[Rule, ...]) -> None:
    for spec in SPECS + MILD_SPECS + NEW_SPECS:
        if must_be_found(spec.kind):
            assert rules_that_speak(spec.kind, spec.label or spec.variant, rules), spec


def test_every_name_of_the_table_is_a_fault(rules: tuple[Rule, ...]) -> None:
    variants = {f"{kind}/{variant}" for kind, names in VARIANTS.items() for variant in names}
    variants |= {f"{spec.kind}/{spec.label or spec.variant}" for spec in SPECS + MILD_SPECS + NEW_SPECS}
    variants |= {f"{CHRONIC}/{kind.name.lower()}" for kind in ChronicKind if kind}
    assert set(SPEAKS_OF) <= {*FaultKind, *variants, *APART}


def test_a_flapping_line_finds_no_copied_register_and_a_broken_reader_moves_no_traffic(
    rules: tuple[Rule, ...],
) -> None:
    copied = rules_that_speak("attendance-drop", "copied", rules)
    reader = rules_that_speak("attendance-drop", "reader", rules)
    assert copied is not None
    assert reader is not None
    assert "wan_down" not in copied
    assert "school_disagrees" in copied
    assert copied - reader == {"traffic_unusual"}


def test_rules_of_a_file_of_ones_own_speak_by_channel_and_metric() -> None:
    spoken = rules_that_speak("lms-outage", "mild", bare_rules())
    assert spoken is not None
    assert set(spoken) == {"success_ratio_unusual", "active_users_unusual"}


def test_all_rules_speak_of_a_day_of_the_calendar(rules: tuple[Rule, ...]) -> None:
    assert rules_that_speak("half-day", "", rules) is None


def test_a_share_of_all_events_is_not_sure_and_more_events_are_surer() -> None:
    assert wilson(0, 0) is None
    low, high = wilson(20, 20) or (0.0, 0.0)
    assert high == pytest.approx(1.0)
    assert low == pytest.approx(0.8389, abs=1e-4)
    lows = [(wilson(n, n) or (0.0, 0.0))[0] for n in (5, 20, 1760)]
    assert all(a < b for a, b in pairwise(lows))


def test_a_rate_is_as_sure_as_its_seeds_agree() -> None:
    assert of_rate([1, 2], [1000.0, 1000.0]) is None
    assert of_rate([2, 2, 2], [1000.0] * 3) == (2.0, 2.0)
    low, high = of_rate([0, 0, 6], [1000.0] * 3) or (0.0, 0.0)
    assert low == 0.0
    assert 2.0 < high <= 6.0
