"""What `eduops evaluate nab` and `eduops evaluate series` found of each detector, as JSON and as a table."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from evaluation.detectors.contenders import Run, run
from evaluation.detectors.firing import Logic, alarms, candidate_thresholds, threshold_for_budget
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.measures import Measures, measure
from evaluation.detectors.nab import Profile, cross_validated, optimised, probation, score_table
from evaluation.detectors.series_file import iso_of

FINE_GRID: Final = 20_000
"""Thresholds tried if every reading is an alarm: all of the upper ones, so that the optimum is exact."""
ONSET_GRID: Final = 400


@dataclass(frozen=True, slots=True)
class ProfileScore:
    """NAB score under one profile."""

    score: float
    """Threshold and refractory period optimised on the same series: the published rule."""
    standard_error: float
    """Of both scores: how much the choice of series alone moves them."""
    cross_validated: float | None
    """Chosen on the other folds; None for a corpus of fewer series than folds."""
    threshold: float
    refractory_h: float


@dataclass(frozen=True, slots=True)
class DetectorResult:
    """What one detector reached."""

    detector: str
    source: str
    nab: dict[str, ProfileScore]
    """By profile."""
    budget: float
    """Alarms a series and week that were allowed."""
    threshold_at_budget: float
    at_budget: Measures
    alarms_at_budget: dict[str, list[str]]
    """Moments of the alarms, ISO 8601 in UTC, by series."""
    readings_per_s: float
    bytes_a_series: float


@dataclass(frozen=True, slots=True)
class ComparisonTerms:
    """Under which terms all detectors are compared."""

    logics: Sequence[Logic]
    """To choose from; the first one serves at the alert budget."""
    profiles: Sequence[Profile]
    folds: int
    budget: float


def compare(
    names: Sequence[str], corpus: Sequence[Labelled], terms: ComparisonTerms, plots: Path | None = None
) -> list[DetectorResult]:
    """Return what each named detector reaches over the corpus, with a page a series in the folder `plots`."""
    results = []
    for name in names:
        found = run(name, corpus)
        threshold = budget_threshold(found, corpus, terms)
        scores = _settled(found)
        fired = [
            alarms(s, c.time_us, threshold, terms.logics[0]) for s, c in zip(scores, corpus, strict=True)
        ]
        results.append(_result(found, corpus, terms, threshold, fired))
        if plots is not None:
            from evaluation.detectors.plot import write_page

            for series, score, alarm in zip(corpus, scores, fired, strict=True):
                write_page(plots, name, series, score, alarm, threshold)
    return results


def _result(
    found: Run,
    corpus: Sequence[Labelled],
    terms: ComparisonTerms,
    threshold: float,
    fired: Sequence[NDArray[np.intp]],
) -> DetectorResult:
    moments = {c.name: [iso_of(int(t)) for t in c.time_us[a]] for c, a in zip(corpus, fired, strict=True)}
    return DetectorResult(
        detector=found.name,
        source=found.source,
        nab=_nab(found, corpus, terms),
        budget=terms.budget,
        threshold_at_budget=threshold,
        at_budget=measure(corpus, fired),
        alarms_at_budget=moments,
        readings_per_s=found.readings_per_s,
        bytes_a_series=found.bytes_a_series,
    )


def budget_threshold(found: Run, corpus: Sequence[Labelled], terms: ComparisonTerms) -> float:
    """Return the lowest threshold that stays within the alert budget; labels have no part in it."""
    scores = _settled(found)
    weeks = sum(series.weeks for series in corpus)
    times = [series.time_us for series in corpus]
    return threshold_for_budget(
        scores, times, candidate_thresholds(scores, ONSET_GRID), terms.budget * weeks, terms.logics[0]
    )


def _settled(found: Run) -> list[NDArray[np.float64]]:
    """Return the scores after the probation that NAB grants, unknown before: a cold start is not judged."""
    settled = [score.copy() for score in found.scores]
    for score in settled:
        score[: probation(len(score))] = np.nan
    return settled


def _nab(found: Run, corpus: Sequence[Labelled], terms: ComparisonTerms) -> dict[str, ProfileScore]:
    windows = np.array([len(series.windows) for series in corpus], np.intp)
    grid = ONSET_GRID if any(logic.only_onset for logic in terms.logics) else FINE_GRID
    thresholds = candidate_thresholds(found.scores, grid)
    table = score_table(corpus, found.scores, thresholds, terms.logics, terms.profiles)
    held_out: Sequence[float | None] = [None] * len(terms.profiles)
    if len(corpus) >= terms.folds:
        held_out = cross_validated(table, windows, terms.folds, terms.profiles)
    return {
        choice.profile: ProfileScore(
            score=choice.score,
            standard_error=choice.error,
            cross_validated=crossed,
            threshold=float(thresholds[choice.threshold]),
            refractory_h=terms.logics[choice.logic].refractory_us / 3.6e9,
        )
        for choice, crossed in zip(optimised(table, windows, terms.profiles), held_out, strict=True)
    }


def render(results: Sequence[DetectorResult], corpus: Sequence[Labelled], *, as_json: bool) -> str:
    """Return the results as JSON or as a table; a figure that does not exist is null or a dash."""
    readings = sum(len(series.value) for series in corpus)
    events = sum(len(series.windows) for series in corpus)
    if as_json:
        whole = {"series": len(corpus), "readings": readings, "events": events}
        return msgspec.json.encode(whole | {"detectors": [_finite(asdict(v)) for v in results]}).decode()
    lines = [f"{len(corpus)} series, {readings:,} readings, {events} labelled windows"]
    lines += _nab_table(results) if events else []
    return "\n".join(lines + _budget_table(results))


def _nab_table(results: Sequence[DetectorResult]) -> list[str]:
    profiles = list(results[0].nab) if results else []
    heads = "".join(f"{name.replace('reward_', ''):>22}" for name in profiles)
    lines = [
        "",
        "NAB score: thresholds of the same series ± standard error (cross-validated)",
        f"{'detector':<24}{heads}",
    ]
    for v in results:
        cells = "".join(_scores(v.nab[p]) for p in profiles)
        lines.append(f"{v.detector:<24}{cells}")
    return lines


def _scores(found: ProfileScore) -> str:
    return f"{found.score:.1f} ±{_cell(found.standard_error).strip()} ({_cell(found.cross_validated)})".rjust(
        22
    )


def _budget_table(results: Sequence[DetectorResult]) -> list[str]:
    heads = ("recall", "precision", "per event", "delay", "false/week", "readings/s", "bytes/series")
    budget = results[0].budget if results else 0.0
    lines = [
        "",
        f"At most {budget:g} alarms a series and week; delay in intervals from a window's start, median",
        f"{'detector':<24}" + "".join(f"{head:>13}" for head in heads),
    ]
    for v in results:
        m = v.at_budget
        cells = (
            f"{_cell(m.event_recall, 2)}",
            f"{_cell(m.precision, 2)}",
            f"{_cell(m.alarms_per_found_event, 2)}",
            f"{_cell(m.median_delay_intervals, 0)}",
            f"{_cell(m.false_alarms_a_week, 2)}",
            f"{v.readings_per_s:,.0f}",
            f"{v.bytes_a_series:,.0f}",
        )
        lines.append(f"{v.detector:<24}" + "".join(f"{cell:>13}" for cell in cells))
    return lines


def render_alarms(results: Sequence[DetectorResult], most: int = 20) -> str:
    """Return the first moments of each detector's alarms, for people."""
    lines = []
    for v in results:
        for moments in v.alarms_at_budget.values():
            more = f" and {len(moments) - most} more" if len(moments) > most else ""
            lines.append(f"{v.detector}: {', '.join(moments[:most]) or 'no alarm'}{more}")
    return "\n".join(["", "Alarms", *lines])


def _cell(figure: float | None, digits: int = 1) -> str:
    if figure is None or math.isnan(figure):
        return "–".rjust(5)
    return f"{figure:5.{digits}f}"


def _finite(found: Any) -> Any:
    """Return the structure with None for what JSON cannot say."""
    if isinstance(found, dict):
        return {name: _finite(body) for name, body in found.items()}
    return None if isinstance(found, float) and not math.isfinite(found) else found
