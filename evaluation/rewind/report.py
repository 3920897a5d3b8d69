"""What rules would have told, and at what price, side by side (pure): counts, lines, floods, new and gone.

A *line* is what an operator sees: alerts of one cause together (`alerting.incidents.fold`). One that several
rules share counts for each of them, and once in all. Lines of one school are scaled by a sample's
factor, lines of several schools are not: an outage is one line in a sample as in the city.

Source:
    Alarms an operator can manage, and floods (more than 10 in 10 minutes): ANSI/ISA-18.2-2016, 16.5;
    EEMUA 191, 3rd edition, 2013.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from contract.alert import Transition
from contract.calendar import MINUTE_US
from evaluation.rewind.fold import Opening, Surroundings, is_in_session, openings_of, school_hours
from evaluation.scenarios.incidents import IncidentLog
from evaluation.scenarios.matching import IncidentRecord

FLOOD_LINES: Final = 10
"""Lines an operator in `FLOOD_MINUTES`; more are a flood (ISA-18.2)."""
FLOOD_MINUTES: Final = 10
TOP_SCHOOLS: Final = 5
"""Schools told of a rule: chosen, as many as a person looks into."""
HOUR_US: Final = 60 * MINUTE_US


@dataclass(frozen=True, slots=True)
class RewindTerms:
    """What was asked."""

    from_us: int
    to_us: int
    operators: int = 1


class BegunLine(NamedTuple):
    """A line that began within the stretch."""

    begun_us: int
    weight: float
    """How many lines it stands for."""
    in_school_hours: bool


@dataclass(frozen=True, slots=True)
class AlertLoad:
    """What a rule, or all of them, would have told; of a sample, estimates for all schools."""

    openings: float
    in_school_hours: float
    schools: float
    lines: float
    lines_an_operator_hour: float
    lines_an_operator_school_hour: float | None
    """In school hours only; None where the stretch has none."""
    median_open_min: float | None
    """Those still open at the end count until then; None without any opening."""
    flood_minutes: int
    top_schools: tuple[tuple[str, int], ...]
    """Codes and openings of the schools with most, never scaled."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One rule under both sets of rules; a side that lacks the rule has None."""

    rule: str
    now: AlertLoad | None
    changed: AlertLoad | None
    new: tuple[Opening, ...]
    """Openings of the changed rules that overlap none of the same series now."""
    gone: tuple[Opening, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Both sides."""

    terms: RewindTerms
    schools: int
    """Schools that were folded."""
    factor: float
    """Above 1: a sample, and the figures are estimates."""
    school_hours: float
    total_now: AlertLoad
    total_changed: AlertLoad
    rules: tuple[Compared, ...]


class Heard(NamedTuple):
    """One side as it came out of the fold."""

    rules: Sequence[str]
    transitions: Sequence[Transition]


def compare(now: Heard, changed: Heard, world: Surroundings, terms: RewindTerms) -> Report:
    """Return what two sets of rules would have told of the same history."""
    hours = school_hours(world, terms.from_us, terms.to_us)
    opened = [openings_of(side.transitions, world, terms.from_us, terms.to_us) for side in (now, changed)]
    incidents = [incidents_of(side.transitions, world) for side in (now, changed)]

    def told(side: int, rule: str | None) -> AlertLoad:
        own = [o for o in opened[side] if rule is None or o.rule == rule]
        lines = lines_of(incidents[side], world, terms, rule)
        return _figures(own, lines, world, terms, hours)

    rules = [
        Compared(
            rule,
            told(0, rule) if rule in now.rules else None,
            told(1, rule) if rule in changed.rules else None,
            _without_match(opened[1], opened[0], rule, terms.to_us),
            _without_match(opened[0], opened[1], rule, terms.to_us),
        )
        for rule in dict.fromkeys([*now.rules, *changed.rules])
    ]
    return Report(
        terms, len(world.fleet.schools), world.factor, hours, told(0, None), told(1, None), tuple(rules)
    )


def incidents_of(transitions: Sequence[Transition], world: Surroundings) -> list[IncidentRecord]:
    """Return the incidents of all of history, learning included."""
    heard = IncidentLog(world.fleet)
    heard.hear(transitions)
    return heard.finish()


def lines_of(
    incidents: Sequence[IncidentRecord], world: Surroundings, terms: RewindTerms, rule: str | None = None
) -> list[BegunLine]:
    """Return the lines that began within the stretch, or that a rule first spoke on within it."""
    lines = []
    for incident in incidents:
        first = next((m for m in incident.members if rule in (None, m.rule)), None)
        if first is None or not terms.from_us <= first.detected_us < terms.to_us:
            continue
        is_shared = len({member.school_id for member in incident.members}) > 1
        is_inside = is_in_session(world, first.school_id, first.detected_us)
        lines.append(BegunLine(first.detected_us, 1.0 if is_shared else world.factor, is_inside))
    return lines


def flood_minutes(lines: Sequence[BegunLine], operators: int) -> int:
    """Return how many minutes end ten in which more lines began than the operators can take."""
    if not lines:
        return 0
    minute = np.array([line.begun_us // MINUTE_US for line in lines], np.int64)
    first = int(minute.min())
    begun = np.bincount(minute - first, [line.weight for line in lines], int(np.ptp(minute)) + FLOOD_MINUTES)
    recent = np.convolve(begun, np.ones(FLOOD_MINUTES))[: len(begun)]
    return int((recent > FLOOD_LINES * operators + 1e-9).sum())


def rate_in_school_hours(lines: Sequence[BegunLine], operators: int, hours: float) -> float | None:
    """Return lines an operator and hour in school hours; None where there are no such hours."""
    return sum(li.weight for li in lines if li.in_school_hours) / (operators * hours) if hours else None


def _figures(
    opened: Sequence[Opening],
    lines: Sequence[BegunLine],
    world: Surroundings,
    terms: RewindTerms,
    hours: float,
) -> AlertLoad:
    of_school = Counter(o.school_id for o in opened)
    code = {school.id: school.code for school in world.fleet.schools}
    top = sorted(((code[i], n) for i, n in of_school.items()), key=lambda one: (-one[1], one[0]))
    open_min = [((o.resolved_us or terms.to_us) - o.opened_us) / MINUTE_US for o in opened]
    total = sum(line.weight for line in lines)
    return AlertLoad(
        openings=len(opened) * world.factor,
        in_school_hours=sum(o.in_school_hours for o in opened) * world.factor,
        schools=len(of_school) * world.factor,
        lines=total,
        lines_an_operator_hour=total / (terms.operators * (terms.to_us - terms.from_us) / HOUR_US),
        lines_an_operator_school_hour=rate_in_school_hours(lines, terms.operators, hours),
        median_open_min=float(np.median(open_min)) if open_min else None,
        flood_minutes=flood_minutes(lines, terms.operators),
        top_schools=tuple(top[:TOP_SCHOOLS]),
    )


def _without_match(
    opened: Sequence[Opening], others: Sequence[Opening], rule: str, end_us: int
) -> tuple[Opening, ...]:
    """Return the openings of a rule that overlap no opening of the same rule and series among others."""
    by_series: defaultdict[int, list[Opening]] = defaultdict(list)
    for other in others:
        if other.rule == rule:
            by_series[other.series].append(other)
    return tuple(
        o
        for o in opened
        if o.rule == rule
        and not any(
            other.opened_us <= (o.resolved_us or end_us) and o.opened_us <= (other.resolved_us or end_us)
            for other in by_series[o.series]
        )
    )
