"""Thresholds by an alert budget (pure): each anomaly rule's lowest `z` at which all of them stay within it.

Every rule gets an equal share of what is left, the most urgent rule first, so what a quiet rule does not
use goes to those after it; what is left in the end is offered once more in the same order. A rule's
lines are counted as if it were alone, which is never less than its part among others; the choice is
then counted as a whole.

Source:
    An operator can manage an alarm in ten minutes, six an hour: EEMUA 191, 3rd edition, 2013, and
    ANSI/ISA-18.2-2016, 16.5. The search from the top is that of
    `evaluation.detectors.firing.threshold_for_budget`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from contract.alert import Transition
from contract.rule import AnomalyRule, MetricRule, Rule
from evaluation.rewind.fold import Surroundings, school_hours
from evaluation.rewind.report import RewindTerms, incidents_of, lines_of, rate_in_school_hours

FACTORS: Final = (4.0, 3.0, 2.5, 2.0, 1.5, 1.25, 1.0, 0.9, 0.75, 0.6, 0.5)
"""Of `z`, descending: steps of a fifth or so about what is in force, wider far from it."""


class Proposal(NamedTuple):
    """What is proposed for one rule."""

    rule: str
    z_now: float
    z_proposed: float
    rate_now: float
    """Lines an operator and hour in school hours, the rule alone."""
    rate_proposed: float
    is_lowest: bool
    """Whether it is the lowest threshold that was tried: a lower one may keep the budget, too."""
    is_within: bool
    """False: even at the highest threshold it needs more than the whole budget."""


class Tuned(NamedTuple):
    """What is proposed for all."""

    choices: tuple[Proposal, ...]
    budget: float
    """Lines of anomaly rules an operator and hour."""
    school_hours: float
    rate_now: float
    """All anomaly rules together."""
    rate_proposed: float


def tuned_rules(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the anomaly rules and those that hold them back: all that is needed to count the former."""
    of_metrics = [rule for rule in rules if isinstance(rule, MetricRule)]
    needed = {rule.name for rule in of_metrics if isinstance(rule, AnomalyRule)}
    while more := {r.suppressed_by for r in of_metrics if r.name in needed and r.suppressed_by} - needed:
        needed |= more
    return tuple(rule for rule in rules if rule.name in needed)


def at_factor(rules: Sequence[Rule], factor: float) -> tuple[Rule, ...]:
    """Return the rules with a multiple of `z` in the anomaly rules."""
    return tuple(
        msgspec.structs.replace(rule, z=rounded(rule.z * factor)) if isinstance(rule, AnomalyRule) else rule
        for rule in rules
    )


def rounded(z: float) -> float:
    """Return a threshold as a person would write it: two decimals."""
    return round(z, 2)


def propose(
    rules: Sequence[Rule],
    told: Mapping[float, Sequence[Transition]],
    world: Surroundings,
    terms: RewindTerms,
    budget: float,
) -> Tuned:
    """Return the lowest thresholds that keep the budget.

    Args:
        rules: as they are; factors are of their `z`.
        told: by factor, descending, what the rules at this factor told of the same history.
        world: the schools.
        terms: the stretch and the operators.
        budget: lines of all anomaly rules an operator and hour in school hours.
    """
    own = [rule for rule in rules if isinstance(rule, AnomalyRule)]
    by_urgency = sorted(own, key=lambda rule: rule.priority_in_session)
    hours = school_hours(world, terms.from_us, terms.to_us)

    def rate(wanted: Mapping[str, float]) -> float:
        mixed = [t for name, factor in wanted.items() for t in told[factor] if t.rule == name]
        lines = lines_of(incidents_of(mixed, world), world, terms)
        return rate_in_school_hours(lines, terms.operators, hours) or 0.0

    alone = _Alone(rate)
    chosen = share_budget([rule.name for rule in by_urgency], list(told), alone, budget)
    _keep_together(by_urgency, list(told), chosen, rate, budget)
    choices = tuple(
        Proposal(
            rule.name,
            rule.z,
            rounded(rule.z * chosen[rule.name]),
            alone(rule.name, 1.0),
            alone(rule.name, chosen[rule.name]),
            chosen[rule.name] == min(told),
            alone(rule.name, chosen[rule.name]) <= budget + 1e-9,
        )
        for rule in own
    )
    return Tuned(choices, budget, hours, rate({rule.name: 1.0 for rule in own}), rate(chosen))


def share_budget(
    names: Sequence[str], factors: Sequence[float], alone: Callable[[str, float], float], budget: float
) -> dict[str, float]:
    """Return each rule's lowest factor within its share of the budget.

    Args:
        names: rules, the most urgent first.
        factors: descending.
        alone: the rate of one rule at a factor.
        budget: of all rules together.

    Returns:
        Factor by name; the highest one for a rule that exceeds its share even there.
    """
    chosen: dict[str, float] = {}
    kept: list[str] = []
    left = budget
    for place, name in enumerate(names):
        share = left / (len(names) - place)
        chosen[name] = lowest_within(factors, partial(alone, name), share)
        used = alone(name, chosen[name])
        left = max(0.0, left - used)
        kept += [name] if used <= share + 1e-9 else []
    for name in kept:
        used = alone(name, chosen[name])
        chosen[name] = lowest_within(factors, partial(alone, name), used + left)
        left = max(0.0, left + used - alone(name, chosen[name]))
    return chosen


def lowest_within(factors: Sequence[float], rate: Callable[[float], float], most: float) -> float:
    """Return the lowest factor up to which no rate exceeds `most`, the highest if even that does."""
    chosen = factors[0]
    for factor in factors:
        if rate(factor) > most + 1e-9:
            break
        chosen = factor
    return chosen


class _Alone:
    """The rate of a rule by itself at a factor, counted once."""

    def __init__(self, rate: Callable[[Mapping[str, float]], float]) -> None:
        self._rate = rate
        self._known: dict[tuple[str, float], float] = {}

    def __call__(self, name: str, factor: float) -> float:
        key = (name, factor)
        if key not in self._known:
            self._known[key] = self._rate({name: factor})
        return self._known[key]


def _keep_together(
    by_urgency: Sequence[AnomalyRule],
    factors: Sequence[float],
    chosen: dict[str, float],
    rate: Callable[[Mapping[str, float]], float],
    budget: float,
) -> None:
    """Raise thresholds, the least urgent rule's first, until the budget is kept; writes `chosen`."""
    for rule in reversed(by_urgency):
        while rate(chosen) > budget + 1e-9 and chosen[rule.name] != factors[0]:
            chosen[rule.name] = factors[factors.index(chosen[rule.name]) - 1]
