"""Detectors at one alert budget, as JSON and as tables, and which of ours beat every peer."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from evaluation.scenarios.budget import AtBudget
from evaluation.scenarios.report import cell, false_a_week, is_value_kind, pooled, precision, value_recall

_HEADS = (
    "factor",
    "value recall",
    "recall",
    "false, cal.",
    "false, eval.",
    "precision",
    "per outage",
    "delay",
    "readings/s",
    "bytes/series",
)


def beaten_by(found: Sequence[AtBudget]) -> dict[str, list[str]]:
    """Return for each detector of ours the peers that it does not beat.

    A peer is beaten if it cannot keep the budget, or if it finds a smaller share of what values can
    show. A detector that cannot keep the budget itself beats nobody.
    """
    peers = [one for one in found if not one.is_ours]
    return {
        one.detector: [
            peer.detector
            for peer in peers
            if not one.calibrated.meets_budget
            or (peer.calibrated.meets_budget and _share(peer) >= _share(one))
        ]
        for one in found
        if one.is_ours
    }


def _share(one: AtBudget) -> float:
    return value_recall(one.runs) or 0.0


def render(found: Sequence[AtBudget], budget: float, calibration: Sequence[int], *, as_json: bool) -> str:
    """Return the comparison as JSON or as tables.

    Args:
        found: detectors, each with its runs.
        budget: false incidents in 1,000 school-days.
        calibration: seeds that the factors were found on.
        as_json: JSON rather than tables.
    """
    if as_json:
        return msgspec.json.encode(_document(found, budget, calibration)).decode()
    runs = found[0].runs
    terms, whole = runs[0].told.terms, pooled(runs)[0]
    return "\n".join(
        [
            f"At most {budget:g} false incidents in 1,000 school-days, factors of z from seeds "
            f"{', '.join(map(str, calibration))}; figures from seeds "
            f"{', '.join(str(run.told.terms.seed) for run in runs)}:",
            f"{terms.schools} schools, {terms.days} days, every {terms.interval_us / 6e7:g} min, "
            f"{whole.school_days:,.0f} school-days, {whole.events} events",
            "",
            f"{'detector':<24}" + "".join(f"{head:>13}" for head in _HEADS),
            *[_row(one) for one in found],
            "",
            "Recall by kind (of kinds that values can show first)",
            *_by_kind(found),
            "",
            *_findings(found),
        ]
    )


def _row(one: AtBudget) -> str:
    whole, calibrated = pooled(one.runs)[0], one.calibrated
    cells = (
        f"{calibrated.factor:.3g}" + ("" if calibrated.meets_budget else "!"),
        cell(value_recall(one.runs), 3),
        cell(whole.event_recall, 3),
        cell(calibrated.false_rate, 2),
        cell(whole.false_incidents_per_1000_school_days, 2),
        cell(precision(one.runs), 2),
        cell(whole.incidents_per_outage, 2),
        cell(whole.median_delay_intervals, 1),
        f"{one.readings_per_s:,.0f}",
        f"{one.bytes_a_series:,.0f}",
    )
    return f"{one.detector:<24}" + "".join(f"{text:>13}" for text in cells)


def _by_kind(found: Sequence[AtBudget]) -> list[str]:
    """Return one line a kind that must be found, one column a detector."""
    kinds = {one.detector: pooled(one.runs)[1] for one in found}
    first = kinds[found[0].detector]
    due = [name for name, figures in first.items() if figures.event_recall is not None]
    due.sort(key=lambda name: (not is_value_kind(name), name))
    width = max(len(one.detector) for one in found) + 2
    lines = [f"{'kind (events)':<32}" + "".join(f"{one.detector:>{width}}" for one in found)]
    for name in due:
        recalls = "".join(f"{cell(kinds[one.detector][name].event_recall, 2):>{width}}" for one in found)
        lines.append(f"{f'{name} ({first[name].events})':<32}{recalls}")
    return lines


def _findings(found: Sequence[AtBudget]) -> list[str]:
    lines = [
        f"{one.detector} cannot keep the budget: {one.calibrated.false_rate:.1f} false incidents in 1,000 "
        f"school-days at the highest factor, which its figures are of (!)"
        for one in found
        if not one.calibrated.meets_budget
    ]
    peers = sum(not one.is_ours for one in found)
    for name, unbeaten in beaten_by(found).items() if peers else ():
        rest = f"not {', '.join(unbeaten)}" if unbeaten else "all of them"
        lines.append(f"{name} beats {peers - len(unbeaten)} of {peers} peers by value recall: {rest}")
    return lines


def _document(found: Sequence[AtBudget], budget: float, calibration: Sequence[int]) -> dict[str, Any]:
    runs = found[0].runs
    return {
        "budget": budget,
        "calibration_seeds": list(calibration),
        "seeds": [run.told.terms.seed for run in runs],
        "terms": {
            name: value
            for name, value in asdict(runs[0].told.terms).items()
            if name not in ("seed", "detector", "z_times")
        },
        "detectors": [_of_detector(one) for one in found],
        "not_beaten": beaten_by(found),
    }


def _of_detector(one: AtBudget) -> dict[str, Any]:
    whole, kinds = pooled(one.runs)
    return (
        {
            "detector": one.detector,
            "source": one.source,
            "is_ours": one.is_ours,
            "z_times": one.calibrated.factor,
            "meets_budget": one.calibrated.meets_budget,
            "calibration_false_incidents_per_1000_school_days": one.calibrated.false_rate,
            "value_recall": value_recall(one.runs),
            "precision": precision(one.runs),
            "false_incidents_per_week": false_a_week(one.runs),
        }
        | asdict(whole)
        | {
            "by_kind": {name: asdict(figures) for name, figures in kinds.items()},
            "readings_per_s": one.readings_per_s,
            "bytes_a_series": one.bytes_a_series,
        }
    )
