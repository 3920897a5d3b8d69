"""Detectors on halves of recorded series: thresholds from one half at an alert budget, figures of the other.

What was chosen about our own detectors was chosen on series of even number; figures are of those of odd
number, with the threshold at which those of even number stay within the budget. No label has a part in it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from evaluation.attendance.recorded import read_registers
from evaluation.detectors.contenders import scores_of
from evaluation.detectors.firing import Logic, alarms, candidate_thresholds, threshold_for_budget
from evaluation.detectors.labelled import Labelled
from evaluation.detectors.nab import probation
from evaluation.detectors.nab_corpus import read_corpus
from evaluation.detectors.planted import flows, lines, registers_of

HOUR_US: Final = 3_600_000_000
DRAWS: Final = 2000
"""Of the bootstrap over series."""


class RecordedCorpus(NamedTuple):
    """A corpus, and what alarms it allows."""

    name: str
    corpus: list[Labelled]
    budget: float
    """Alarms a series and week: about as many as there are faults."""
    refractory_us: int


class AlarmCounts(NamedTuple):
    """Alarms against labels of each series of the judged half, shape (s,)."""

    windows: NDArray[np.int64]
    found: NDArray[np.int64]
    alarms: NDArray[np.int64]
    right: NDArray[np.int64]
    """Alarms within a window."""


class HeldOut(NamedTuple):
    """What a detector reached on the half that its threshold was not chosen on."""

    recording: str
    detector: str
    recall: float
    precision: float
    f1: float
    """Harmonic mean of both: what is compared, for budgets are never met exactly on another half."""
    ahead: tuple[float, float]
    """95 % of F1 of the first detector less this one's, series drawn again and again, the same for both."""


def recordings(folder: Path, seed: int) -> list[RecordedCorpus]:
    """Return all recordings of a folder: NAB, and three with faults planted as a seed draws them.

    Raises:
        ConfigurationError: one is not there.
    """
    return [
        RecordedCorpus("nab", read_corpus(folder / "nab"), 0.5, 24 * HOUR_US),
        RecordedCorpus("flows", flows(folder, seed), 3.0, 4 * HOUR_US),
        RecordedCorpus("lines", lines(folder, seed), 1.5, 6 * HOUR_US),
        RecordedCorpus("registers", registers_of(read_registers(folder, seed), 4), 0.05, 0),
    ]


def judge_halves(recordings: Sequence[RecordedCorpus], names: Sequence[str]) -> list[HeldOut]:
    """Return what each named detector reaches; the first is the one that the others are compared with.

    Series of all recordings are scored side by side: no detector sees of one what it does with another.
    """
    corpus = [series for one in recordings for series in one.corpus]
    scores = [scores_of(name, corpus) for name in names]
    found, first = [], 0
    for one in recordings:
        own = slice(first, first + len(one.corpus))
        found += _judge(one, names, [score[own] for score in scores])
        first = own.stop
    return found


def _judge(
    recording: RecordedCorpus, names: Sequence[str], scores: Sequence[Sequence[NDArray[np.float64]]]
) -> list[HeldOut]:
    counts = [_counts(recording, score) for score in scores]
    drawn = np.random.default_rng(1).integers(0, len(counts[0].windows), (DRAWS, len(counts[0].windows)))
    ours = _f1(counts[0], drawn)
    found = []
    for name, count in zip(names, counts, strict=True):
        low, high = np.quantile(ours - _f1(count, drawn), [0.025, 0.975])
        whole = np.arange(len(count.windows))[None]
        recall = count.found.sum() / max(1, count.windows.sum())
        precision = count.right.sum() / max(1, count.alarms.sum())
        f1 = float(_f1(count, whole)[0])
        held = HeldOut(recording.name, name, float(recall), float(precision), f1, (float(low), float(high)))
        found.append(held)
    return found


def _counts(recording: RecordedCorpus, scores: Sequence[NDArray[np.float64]]) -> AlarmCounts:
    """Return the alarms of the series of odd number at the threshold of those of even number."""
    logic = Logic(refractory_us=recording.refractory_us)
    settled = [score.copy() for score in scores]
    for score in settled:
        score[: probation(len(score))] = np.nan
    chosen, times = settled[::2], [series.time_us for series in recording.corpus[::2]]
    weeks = sum(series.weeks for series in recording.corpus[::2])
    threshold = threshold_for_budget(
        chosen, times, candidate_thresholds(chosen), recording.budget * weeks, logic
    )
    rows = []
    for series, score in zip(recording.corpus[1::2], settled[1::2], strict=True):
        fired = alarms(score, series.time_us, threshold, logic)
        due = [(left, right) for left, right in series.windows if right >= probation(len(score))]
        within = [((fired >= left) & (fired <= right)).sum() for left, right in due]
        rows.append((len(due), sum(k > 0 for k in within), len(fired), sum(within)))
    return AlarmCounts(*np.array(rows, np.int64).T)


def _f1(counts: AlarmCounts, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the F1 of each draw of series, shape (draws,)."""
    windows, found, fired, right = (column[drawn].sum(axis=1) for column in counts)
    recall, precision = found / np.maximum(1, windows), right / np.maximum(1, fired)
    f1: NDArray[np.float64] = 2.0 * recall * precision / np.maximum(1e-12, recall + precision)
    return f1


def render_halves(rows: Sequence[HeldOut], *, as_json: bool) -> str:
    """Return the rows as a table, or as JSON."""
    if as_json:
        return msgspec.json.format(msgspec.json.encode([row._asdict() for row in rows]), indent=2).decode()
    heads = f"{'recording':<12}{'detector':<24}{'recall':>8}{'precision':>11}{'F1':>6}"
    lines = [f"{heads}   first less this, 95 %"]
    for row in rows:
        figures = f"{row.recall:>8.2f}{row.precision:>11.2f}{row.f1:>6.2f}"
        low, high = row.ahead
        lines.append(f"{row.recording:<12}{row.detector:<24}{figures}   {low:+.2f} to {high:+.2f}")
    return "\n".join(lines)
