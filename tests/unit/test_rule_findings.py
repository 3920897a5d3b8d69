"""Rules of one's own that hardly ever speak are named; the packaged ones do."""

import pytest

from contract.rule import parse_rules
from eduops.verbs.reporting.rule_findings import rule_findings
from tests.fold_world import CATALOGUE, packaged

PACKAGED = "z = 6.0\nleast_deviation = 0.1\nless_shared = true"


@pytest.mark.parametrize(
    ("changed", "told"),
    [(PACKAGED, []), (PACKAGED.replace("6.0", "12.0"), ["83%"]), ("z = 12.0\nleast_deviation = 0.1", [])],
    ids=["packaged", "of other deviations", "by its own deviations"],
)
def test_a_bound_that_only_empty_schools_reach_is_named(changed: str, told: list[str]) -> None:
    text = packaged("rules.toml")
    assert text.count(PACKAGED) == 1
    found = list(rule_findings(parse_rules(text.replace(PACKAGED, changed), CATALOGUE), CATALOGUE))
    assert len(found) == len(told)
    assert all(f"from {share} on" in one for share, one in zip(told, found, strict=True))
