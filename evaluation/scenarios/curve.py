"""Recall against the alert budget: the same cities, judged by stricter and by laxer rules.

One figure of recall says nothing without the false alarms that it is paid with, and easy cases can carry
it. So each city is folded once a factor of z in the rules that judge by unlikeness, and what is found is
told by the size of its change and by kind. Limits, silence and clocks have no z: they are the floor that
no factor moves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from evaluation.scenarios.intervals import wilson
from evaluation.scenarios.matching import MatchQuality
from evaluation.scenarios.report import Given, Judged, by_size, cell, document, judge, pooled, rates, span
from evaluation.scenarios.run import ScenarioTerms, fold_stage, set_stage

FACTORS: Final = (4.0, 2.8, 2.0, 1.4, 1.0, 0.7, 0.5)
"""Factors of z, from the quietest: half an octave apart, about the rules as they are."""


@dataclass(frozen=True, slots=True)
class Point:
    """What came of all cities at one factor."""

    z_times: float
    runs: list[Judged] = field(default_factory=list)
    """One a seed."""


def curve(
    terms: Sequence[ScenarioTerms],
    shared: Given,
    tell: Callable[[str], None],
    factors: Sequence[float] = FACTORS,
) -> list[Point]:
    """Fold the entries of each city with each factor of z.

    Args:
        terms: one a seed; their own factor multiplies.
        shared: what all runs share.
        tell: takes a line for each city that is done.
        factors: of z, in the order of the answer.
    """
    points = [Point(factor) for factor in factors]
    for each in terms:
        stage = set_stage(each, *shared).kept()
        for point in points:
            detectors = stage.detectors(each.detector)
            point.runs.append(judge(fold_stage(stage, detectors, each.z_times * point.z_times)))
        tell(f"seed {each.seed}: {len(points)} factors")
    return points


def render(points: Sequence[Point], *, as_json: bool) -> str:
    """Return the curve as JSON, a document a factor, or as two tables: by size of the change, and by kind."""
    if as_json:
        return msgspec.json.encode([document(point.runs) for point in points]).decode()
    figures = [pooled(point.runs) for point in points]
    sizes = [by_size(point.runs) for point in points]
    heads = ("false/1000d", "95 %", "recall", "recall 95 %", *sizes[0])
    rows = [f"{'z times':<9}" + "".join(f"{head:>14}" for head in heads)]
    for point, (whole, _), of_size in zip(points, figures, sizes, strict=True):
        cells = (
            cell(whole.false_incidents_per_1000_school_days, 2),
            span(rates(point.runs)["false_incidents"], 2),
            cell(whole.event_recall, 3),
            span(wilson(whole.found, whole.events), 2),
            *[_share(of) for of in of_size.values()],
        )
        rows.append(f"{point.z_times:<9g}" + "".join(f"{told:>14}" for told in cells))
    rows += ["", f"{'found at z times':<26}" + "".join(f"{point.z_times:>10g}" for point in points)]
    for kind in figures[0][1]:
        of_kind = [kinds[kind] for _, kinds in figures]
        if of_kind[0].event_recall is not None:  # what must be found
            rows.append(f"{kind:<26}" + "".join(f"{_share(of):>10}" for of in of_kind))
    return "\n".join(rows)


def _share(of: MatchQuality) -> str:
    return f"{of.found}/{of.events}"
