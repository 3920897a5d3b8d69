"""Recall against the alert budget: the same cities, judged by stricter and by laxer rules.

One figure of recall says nothing without the false alarms that it is paid with, and easy cases can carry
it. So each city is folded once a factor of z in the rules that judge by unlikeness, and what is found is
told by kind and by the size of its change. Limits, silence and clocks have no z: they are the floor that
no factor moves.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import msgspec

from evaluation.scenarios.intervals import wilson
from evaluation.scenarios.matching import Duty, Finding, MatchQuality, figures
from evaluation.scenarios.report import Given, Judged, by_size, cell, document, judge, pooled, rates, span
from evaluation.scenarios.run import ScenarioTerms, fold_stage, set_stage
from evaluation.scenarios.sizes import STEPS, step_of

FACTORS: Final = (4.0, 2.8, 2.0, 1.4, 1.0, 0.7, 0.5)
"""Factors of z, from the quietest: half an octave apart, about the rules as they are."""


@dataclass(frozen=True, slots=True)
class Point:
    """What came of all cities at one factor."""

    z_times: float
    runs: list[Judged] = field(default_factory=list)
    """One a seed."""

    @property
    def findings(self) -> list[Finding]:
        """What became of the labels of all cities."""
        return [finding for run in self.runs for finding in run.matched.findings]


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


def by_kind_and_step(findings: Iterable[Finding]) -> dict[tuple[str, str], MatchQuality]:
    """Return the figures of what must be found, by `kind/variant` and by the size of its change.

    The size is a class of `STEPS`, empty where a fault has none.
    """
    groups: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for truth, finding in ((f.truth, f) for f in findings):
        if truth.duty is Duty.FIND:
            name = f"{truth.kind}/{truth.variant}" if truth.variant else truth.kind
            groups[name, "" if truth.size_sd is None else step_of(truth.size_sd)].append(finding)
    order = ["", *(name for name, _, _ in STEPS)]
    ordered = sorted(groups, key=lambda group: (group[0], order.index(group[1])))
    return {group: figures(groups[group], 0, 0.0) for group in ordered}


def render(points: Sequence[Point], *, as_json: bool) -> str:
    """Return the curve as JSON, a document a factor, or as two tables: over all kinds, and by kind."""
    if as_json:
        return msgspec.json.encode([_document(point) for point in points]).decode()
    heads = ("false/1000d", "95 %", "recall", "recall 95 %", *(name for name, _, _ in STEPS))
    rows = [f"{'z times':<9}" + "".join(f"{head:>14}" for head in heads)]
    costs = []
    for point in points:
        whole = pooled(point.runs)[0]
        costs.append(cell(whole.false_incidents_per_1000_school_days, 2))
        cells = (
            costs[-1],
            span(rates(point.runs)["false_incidents"], 2),
            cell(whole.event_recall, 3),
            span(wilson(whole.found, whole.events), 2),
            *map(_share, by_size(point.runs, STEPS).values()),
        )
        rows.append(f"{point.z_times:<9g}" + "".join(f"{told:>14}" for told in cells))
    heads = ("kind", "size, sd", *(f"{point.z_times:g}" for point in points))
    rows += ["", _line(heads), _line(("false/1000d", "", *costs))]
    kinds = [by_kind_and_step(point.findings) for point in points]
    rows += [_line((*group, *(_share(of[group]) for of in kinds))) for group in kinds[0]]
    return "\n".join(rows)


def _document(point: Point) -> dict[str, Any]:
    steps: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for (kind, step), of in by_kind_and_step(point.findings).items():
        steps[kind][step] = asdict(of)
    return document(point.runs) | {"by_kind_and_size": steps}


def _line(cells: Sequence[str]) -> str:
    kind, size, *shares = cells
    return f"{kind:<26}{size:<11}" + "".join(f"{share:>8}" for share in shares)


def _share(of: MatchQuality) -> str:
    return f"{of.found}/{of.events}"
