"""Rules of one's own that fit, and hardly ever speak."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from anomaly.absence import attended_at
from contract.catalogue import Catalogue
from contract.rule import AnomalyRule, Rule
from contract.topic import Stream

USUAL_ABSENCE: Final = 0.09
"""Of the schools that the deviations were measured in; docs/decisions/0065-absence.md."""
MOST_ABSENT: Final = 0.5
"""A rule that waits for more absent pupils at such a school misses whole classes that stay away; chosen."""


def rule_findings(rules: Iterable[Rule], catalogue: Catalogue) -> Iterator[str]:
    """Yield a sentence for each rule on a share of pupils that waits until half of them are absent."""
    for rule in rules:
        if not isinstance(rule, AnomalyRule) or not rule.less_shared:
            continue
        metric = catalogue.named(rule.metric)
        if metric.stream is not Stream.ATTENDANCE or not metric.ratio_of:
            continue
        absent = 1.0 - float(attended_at(np.array([1.0 - USUAL_ABSENCE]), np.array([rule.z]))[0])
        if absent > MOST_ABSENT:
            usual = f"of a school with {USUAL_ABSENCE:.0%} absent it is told from {absent:.0%} on"
            yield (
                f"rules.toml: {rule.name} asks for z = {rule.z:g}: {usual}; deviations are the same of all "
                "schools, and the packaged rule asks for 6 of them"
            )
