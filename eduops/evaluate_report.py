"""What `eduops evaluate nab` and `eduops evaluate series` found of each detector, as JSON and as a table."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from anomaly.evaluation.firing import Logic, alarms, candidate_thresholds, threshold_for_budget
from anomaly.evaluation.labelled import Labelled
from anomaly.evaluation.measures import Measures, measure
from anomaly.evaluation.nab import Profile, cross_validated, optimised, probation, score_table
from eduops.evaluate_detectors import Run

FINE_GRID = 20_000
"""Thresholds tried if every reading is an alarm: all of the upper ones, so that the optimum is exact."""
ONSET_GRID = 400


@dataclass(frozen=True, slots=True)
class ProfileScore:
    """NAB score under one profile."""

    score: float
    """Threshold and refractory period optimised on the same series: the published rule."""
    cross_validated: float | None
    """Chosen on the other folds; None for a corpus of fewer series than folds."""
    threshold: float
    refractory_h: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one detector reached."""

    detector: str
    source: str
    nab: dict[str, ProfileScore]
    """By profile."""
    budget: float
    """Alarms a series and week that were allowed."""
    threshold_at_budget: float
    at_budget: Measures
    readings_per_s: float
    bytes_a_series: float


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms all detectors are compared."""

    logics: Sequence[Logic]
    """To choose from; the first one serves at the alert budget."""
    profiles: Sequence[Profile]
    folds: int
    budget: float


def verdict_of(run: Run, corpus: Sequence[Labelled], terms: Terms) -> Verdict:
    """Return what a detector's scores over the corpus are worth."""
    threshold = budget_threshold(run, corpus, terms)
    fired = [
        alarms(s, c.time_us, threshold, terms.logics[0]) for s, c in zip(_settled(run), corpus, strict=True)
    ]
    return Verdict(
        detector=run.name,
        source=run.source,
        nab=_nab(run, corpus, terms),
        budget=terms.budget,
        threshold_at_budget=threshold,
        at_budget=measure(corpus, fired),
        readings_per_s=run.readings_per_s,
        bytes_a_series=run.bytes_a_series,
    )


def budget_threshold(run: Run, corpus: Sequence[Labelled], terms: Terms) -> float:
    """Return the lowest threshold that stays within the alert budget; labels have no part in it."""
    scores = _settled(run)
    weeks = sum(series.weeks for series in corpus)
    times = [series.time_us for series in corpus]
    return threshold_for_budget(
        scores, times, candidate_thresholds(scores, ONSET_GRID), terms.budget * weeks, terms.logics[0]
    )


def _settled(run: Run) -> list[NDArray[np.float64]]:
    """Return the scores after the probation that NAB grants, unknown before: a cold start is not judged."""
    found = []
    for score in run.scores:
        late = score.copy()
        late[: probation(len(late))] = np.nan
        found.append(late)
    return found


def _nab(run: Run, corpus: Sequence[Labelled], terms: Terms) -> dict[str, ProfileScore]:
    windows = sum(len(series.windows) for series in corpus)
    grid = ONSET_GRID if any(logic.only_onset for logic in terms.logics) else FINE_GRID
    thresholds = candidate_thresholds(run.scores, grid)
    table = score_table(corpus, run.scores, thresholds, terms.logics, terms.profiles)
    held_out: Sequence[float | None] = [None] * len(terms.profiles)
    if len(corpus) >= terms.folds:
        held_out = cross_validated(table, windows, terms.folds, terms.profiles)
    return {
        choice.profile: ProfileScore(
            score=choice.score,
            cross_validated=crossed,
            threshold=float(thresholds[choice.threshold]),
            refractory_h=terms.logics[choice.logic].refractory_us / 3.6e9,
        )
        for choice, crossed in zip(optimised(table, windows, terms.profiles), held_out, strict=True)
    }


def render(verdicts: Sequence[Verdict], corpus: Sequence[Labelled], *, as_json: bool) -> str:
    """Return the verdicts as JSON or as a table; a figure that does not exist is null or a dash."""
    readings = sum(len(series.value) for series in corpus)
    events = sum(len(series.windows) for series in corpus)
    if as_json:
        whole = {"series": len(corpus), "readings": readings, "events": events}
        return msgspec.json.encode(whole | {"detectors": [_finite(asdict(v)) for v in verdicts]}).decode()
    lines = [f"{len(corpus)} series, {readings:,} readings, {events} labelled windows"]
    lines += _nab_table(verdicts) if events else []
    return "\n".join(lines + _budget_table(verdicts))


def _nab_table(verdicts: Sequence[Verdict]) -> list[str]:
    profiles = list(verdicts[0].nab) if verdicts else []
    heads = "".join(f"{name.replace('reward_', ''):>22}" for name in profiles)
    lines = ["", "NAB score: thresholds of the same series (cross-validated)", f"{'detector':<24}{heads}"]
    for v in verdicts:
        cells = "".join(f"{v.nab[p].score:>13.1f} ({_cell(v.nab[p].cross_validated)})" for p in profiles)
        lines.append(f"{v.detector:<24}{cells}")
    return lines


def _budget_table(verdicts: Sequence[Verdict]) -> list[str]:
    heads = ("recall", "precision", "delay", "false/week", "readings/s", "bytes/series")
    budget = verdicts[0].budget if verdicts else 0.0
    lines = [
        "",
        f"At most {budget:g} alarms a series and week; delay in intervals from a window's start, median",
        f"{'detector':<24}" + "".join(f"{head:>13}" for head in heads),
    ]
    for v in verdicts:
        m = v.at_budget
        cells = (
            f"{_cell(m.event_recall, 2)}",
            f"{_cell(m.precision, 2)}",
            f"{_cell(m.median_delay_intervals, 0)}",
            f"{_cell(m.false_alarms_a_week, 2)}",
            f"{v.readings_per_s:,.0f}",
            f"{v.bytes_a_series:,.0f}",
        )
        lines.append(f"{v.detector:<24}" + "".join(f"{cell:>13}" for cell in cells))
    return lines


def _cell(figure: float | None, digits: int = 1) -> str:
    if figure is None or math.isnan(figure):
        return "–".rjust(5)
    return f"{figure:5.{digits}f}"


def _finite(found: Any) -> Any:
    """Return the structure with None for what JSON cannot say."""
    if isinstance(found, dict):
        return {name: _finite(body) for name, body in found.items()}
    return None if isinstance(found, float) and not math.isfinite(found) else found
