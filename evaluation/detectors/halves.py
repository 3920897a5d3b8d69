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
from evaluation.detectors.prompt import WITHIN, f1_of_readings, reading_counts

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
    soon: NDArray[np.int64]
    """Windows with an alarm at their first reading or the few after it."""


class HeldOut(NamedTuple):
    """What a detector reached on the half that its threshold was not chosen on."""

    recording: str
    detector: str
    windows: int
    """Of the judged half."""
    recall: float
    precision: float
    f1: float
    """Harmonic mean of both: what is compared, for budgets are never met exactly on another half."""
    ahead: tuple[float, float]
    """95 % of F1 of the first detector less this one's, series drawn again and again, the same for both."""
    soon: float
    """Share of windows with an alarm at their first reading or one of the few after it, at that threshold."""
    readings_f1: float
    """F1 of `prompt`: windows found whole if soon, every reading counted, threshold by labels."""
    readings_ahead: tuple[float, float]
    """As `ahead`."""


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


def judge_halves(
    recordings: Sequence[RecordedCorpus], names: Sequence[str], within: int = WITHIN
) -> list[HeldOut]:
    """Return what each named detector reaches; the first is the one that the others are compared with.

    Series of all recordings are scored side by side: no detector sees of one what it does with another.

    Args:
        recordings: corpora, each with a budget of its own.
        names: detectors and peers.
        within: readings after a window's first in which an alarm comes soon.
    """
    corpus = [series for one in recordings for series in one.corpus]
    scores = [scores_of(name, corpus) for name in names]
    found, first = [], 0
    for one in recordings:
        own = slice(first, first + len(one.corpus))
        found += _judge(one, names, [score[own] for score in scores], within)
        first = own.stop
    return found


def _judge(
    recording: RecordedCorpus,
    names: Sequence[str],
    scores: Sequence[Sequence[NDArray[np.float64]]],
    within: int,
) -> list[HeldOut]:
    counts = [_counts(recording, score, within) for score in scores]
    readings = [reading_counts(recording.corpus, score, within) for score in scores]
    series = len(counts[0].windows)
    drawn = np.random.default_rng(1).integers(0, series, (DRAWS, series))
    whole, ours = np.arange(series)[None], _f1(counts[0], drawn)
    our_readings = f1_of_readings(readings[0], drawn)
    found = []
    for name, count, reading in zip(names, counts, readings, strict=True):
        windows = int(count.windows.sum())
        one = HeldOut(
            recording.name,
            name,
            windows,
            recall=float(count.found.sum() / max(1, windows)),
            precision=float(count.right.sum() / max(1, count.alarms.sum())),
            f1=float(_f1(count, whole)[0]),
            ahead=_interval(ours - _f1(count, drawn)),
            soon=float(count.soon.sum() / max(1, windows)),
            readings_f1=float(f1_of_readings(reading, whole)[0]),
            readings_ahead=_interval(our_readings - f1_of_readings(reading, drawn)),
        )
        found.append(one)
    return found


def _interval(drawn: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _counts(recording: RecordedCorpus, scores: Sequence[NDArray[np.float64]], within: int) -> AlarmCounts:
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
        within_window = [fired[(fired >= left) & (fired <= right)] - left for left, right in due]
        found = [own[0] for own in within_window if len(own)]
        soon = sum(first <= within for first in found)
        rows.append((len(due), len(found), len(fired), sum(map(len, within_window)), soon))
    return AlarmCounts(*np.array(rows, np.int64).T)


def _f1(counts: AlarmCounts, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the F1 of each draw of series, shape (draws,)."""
    windows, found, fired, right = (column[drawn].sum(axis=1) for column in counts[:4])
    recall, precision = found / np.maximum(1, windows), right / np.maximum(1, fired)
    f1: NDArray[np.float64] = 2.0 * recall * precision / np.maximum(1e-12, recall + precision)
    return f1


def render_halves(rows: Sequence[HeldOut], *, as_json: bool) -> str:
    """Return the rows as a table, or as JSON."""
    if as_json:
        return msgspec.json.format(msgspec.json.encode([row._asdict() for row in rows]), indent=2).decode()
    wide = max(12, *(len(row.recording) + 2 for row in rows))
    heads = f"{'recording':<{wide}}{'detector':<24}{'windows':>8}{'recall':>8}{'precision':>11}{'F1':>6}"
    lines = [f"{heads}   first less this, 95 %  {'soon':>6}{'F1 of readings':>16}   first less this, 95 %"]
    for row in rows:
        figures = f"{row.windows:>8}{row.recall:>8.2f}{row.precision:>11.2f}{row.f1:>6.2f}"
        soon = f"{row.soon:>6.2f}{row.readings_f1:>16.2f}"
        ahead = [f"{low:+.2f} to {high:+.2f}".ljust(23) for low, high in (row.ahead, row.readings_ahead)]
        head = f"{row.recording:<{wide}}{row.detector:<24}"
        lines.append(f"{head}{figures}   {ahead[0]}{soon}   {ahead[1]}".rstrip())
    return "\n".join(lines)
