"""Detectors side by side at one alert budget: thresholds from calibration seeds, figures from others.

For each detector the factor of every rule's z is sought on cities that take no part in the figures:
the lowest of `FACTORS` up to which false incidents stay within the budget. All detectors are then
folded over the same entries of the same cities, each with its own factor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from anomaly.detector import DETECTORS
from evaluation.detectors.contenders import speed_of
from evaluation.detectors.peers import PEERS
from evaluation.scenarios.report import Given, Judged, judge
from evaluation.scenarios.run import ScenarioTerms, Stage, fold_stage, set_stage

FACTORS: Final = tuple(float(f) for f in np.geomspace(50.0, 0.05, 65))
"""Factors of z that are tried, from the quietest: steps of 11 %. Chosen: 0.3 to 300 deviations under a
bound of 6."""
STRIDE: Final = 8
"""Steps that the search goes down at once before it halves the last stretch."""


class Calibrated(NamedTuple):
    """What the search found."""

    factor: float
    """The lowest within the budget; the highest there is, if none is."""
    false_rate: float
    """False incidents in 1,000 school-days of the calibration seeds at that factor."""
    meets_budget: bool


@dataclass(frozen=True, slots=True)
class AtBudget:
    """A detector at the budget."""

    detector: str
    calibrated: Calibrated
    readings_per_s: float
    """Judged and learnt on one core, without the fold: `evaluate_detectors.speed_of`."""
    runs: list[Judged] = field(default_factory=list)
    """One an evaluated seed."""

    @property
    def is_ours(self) -> bool:
        """Whether a running system may use it."""
        return self.detector in DETECTORS

    @property
    def source(self) -> str:
        """Where it was published."""
        return (DETECTORS if self.is_ours else PEERS)[self.detector].source

    @property
    def bytes_a_series(self) -> float:
        """Memory that the detector needs for a series, without the fold's own."""
        return self.runs[0].told.cost.detector_bytes_a_series


def lowest_within(
    cost: Callable[[float], float], budget: float, factors: Sequence[float] = FACTORS
) -> Calibrated:
    """Return the lowest factor up to which the cost stays within the budget.

    The search goes down from the highest in strides, stops at the first that exceeds the budget and
    halves the stretch before it: a factor so low that all is one endless incident is not quiet.

    Args:
        cost: false incidents in 1,000 school-days at a factor.
        budget: most of them.
        factors: descending, at least one.
    """
    tried = cost(factors[0])
    best, exceeds = 0, len(factors)
    if tried > budget:
        return Calibrated(factors[0], tried, meets_budget=False)
    for i in range(STRIDE, len(factors), STRIDE):
        found = cost(factors[i])
        if found > budget:
            exceeds = i
            break
        best, tried = i, found
    while exceeds - best > 1:
        middle = (best + exceeds) // 2
        found = cost(factors[middle])
        if found > budget:
            exceeds = middle
        else:
            best, tried = middle, found
    return Calibrated(factors[best], tried, meets_budget=True)


def compare(
    names: Sequence[str],
    calibration: Sequence[ScenarioTerms],
    evaluation: Sequence[ScenarioTerms],
    budget: float,
    given: Given,
    tell: Callable[[str], None],
) -> list[AtBudget]:
    """Return what each detector reaches within the budget, in the order of their names.

    Args:
        names: of detectors of the fold and of peers.
        calibration: cities that the factor is found on, at least one.
        evaluation: cities that are measured, none of them among the former.
        budget: false incidents in 1,000 school-days.
        given: rules, metrics and calendar.
        tell: gets a sentence after each step.
    """
    stages = [set_stage(terms, *given).kept() for terms in calibration]
    found = []
    for name in names:
        calibrated = lowest_within(_false_rates(name, stages), budget)
        found.append(AtBudget(name, calibrated, speed_of(name)))
        tell(f"{name}: factor {calibrated.factor:.3g}, {calibrated.false_rate:.2f} in 1,000 school-days")
    del stages
    for terms in evaluation:
        stage = set_stage(terms, *given).kept()
        for one in found:
            told = fold_stage(stage, stage.detectors(one.detector), one.calibrated.factor)
            one.runs.append(judge(told))
        tell(f"seed {terms.seed} is folded")
    return found


def _false_rates(name: str, stages: Sequence[Stage]) -> Callable[[float], float]:
    """Return the function from a factor to false incidents in 1,000 school-days of all stages."""
    ready = [(stage, stage.detectors(name)) for stage in stages]

    def false_rate(factor: float) -> float:
        runs = [judge(fold_stage(stage, detectors, factor)) for stage, detectors in ready]
        return 1000.0 * sum(len(run.matched.false) for run in runs) / max(1.0, sum(run.days for run in runs))

    return false_rate
