"""The score of the Numenta Anomaly Benchmark, as published and as its own program computes it.

Each labelled window is an anomaly. The first 15 % of a series (at most 750 readings) are probation
and count for nothing. Of the alarms in a window only the best counts, which is the earliest: it
earns a sigmoid of its place, from 1 at the window's left edge to about 0 at its right. A missed
window costs `fn`. Each alarm outside costs up to `fp`, less if it follows a window closely. The
sum over all series is scaled so that a detector that never fires has 0 and one that fires at every
window's left edge and nowhere else has 100.

The threshold, and nothing else, is optimised for each profile over the whole corpus. That is the
published rule, and it is in-sample; `cross_validated` chooses the threshold (and the alert logic)
on the other folds and scores the held-out one.

Source:
    A. Lavin, S. Ahmad, "Evaluating real-time anomaly detection algorithms - the Numenta Anomaly
    Benchmark", ICMLA 2015, arXiv:1510.03336. N. Singh, C. Olinsky, "Demystifying Numenta Anomaly
    Benchmark", IJCNN 2017. Where the papers are silent (the divisors of a place, ties, the end of
    probation) the behaviour of NAB 1.1 is followed; its published figures for the windowed
    Gaussian come out exactly, see `evaluation.detectors.peers`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.detectors.firing import Logic, alarms
from evaluation.detectors.labelled import Labelled

PROBATION_RATIO: Final = 0.15
PROBATION_MOST: Final = 750
"""15 % of 5,000 readings, NAB 1.1."""
STEEPNESS: Final = 5.0
"""Of the scoring sigmoid: equation 1 of Lavin & Ahmad."""
FAR: Final = 3.0
"""Window widths after which an alarm counts as unrelated to the window before, NAB 1.1."""


class Profile(NamedTuple):
    """What a user of the detector values."""

    name: str
    tp: float
    fp: float
    fn: float


PROFILES: Final = (
    Profile("standard", 1.0, 0.11, 1.0),
    Profile("reward_low_FP_rate", 1.0, 0.22, 1.0),
    Profile("reward_low_FN_rate", 1.0, 0.11, 2.0),
)
"""The application profiles of Lavin & Ahmad, table 1, as NAB 1.1 ships them; for a folder that has none."""


class Places(NamedTuple):
    """What an alarm at each of the n readings of a series is worth, before weighing; shape (n,)."""

    counts: NDArray[np.bool_]
    """False during probation."""
    window: NDArray[np.intp]
    """Number of the window that the reading lies in, or -1."""
    worth: NDArray[np.float64]
    """In a window: its reward, in (0, 1]; outside: its penalty, in [-1, 0]."""
    windows: int
    """How many windows can be found after probation."""


class AlarmTally(NamedTuple):
    """What the alarms of one series amount to, before a profile weighs it."""

    reward: float
    found: int
    missed: int
    penalty: float

    def raw(self, profile: Profile) -> float:
        """Return the score before normalisation."""
        return profile.tp * self.reward - profile.fn * self.missed + profile.fp * self.penalty


def _sigmoid(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return NAB's scaled sigmoid: 1 far before 0, 0 at 0, -1 far behind."""
    curve = 2.0 / (1.0 + np.exp(STEEPNESS * np.minimum(place, FAR))) - 1.0
    return np.where(place >= FAR, -1.0, curve)


def probation(readings: int) -> int:
    """Return how many readings at the start of a series do not count."""
    return min(int(PROBATION_RATIO * readings), PROBATION_MOST)


def places_of(series: Labelled) -> Places:
    """Return what an alarm at each reading is worth."""
    n = len(series.time_us)
    at = np.arange(n)
    window = np.full(n, -1, np.intp)
    worth = np.full(n, -1.0)
    best = float(_sigmoid(np.array([-1.0]))[0])
    for number, (left, right) in enumerate(series.windows):
        width = right - left + 1
        behind = at > right
        # NAB divides by zero where a window holds one reading; right after it is far away already.
        worth[behind] = _sigmoid((at[behind] - right) / max(width - 1, 1 / n))
        inside = (at >= left) & (at <= right)
        window[inside] = number
        worth[inside] = _sigmoid(-(right - at[inside] + 1) / width) / best
    counts = at >= probation(n)
    found = np.unique(window[counts])
    return Places(counts, window, worth, int((found >= 0).sum()))


def tally(places: Places, alarm: NDArray[np.intp]) -> AlarmTally:
    """Return what alarms at the readings `alarm` amount to."""
    alarm = alarm[places.counts[alarm]]
    window, worth = places.window[alarm], places.worth[alarm]
    inside = window >= 0
    best = np.zeros(int(places.window.max(initial=-1)) + 1)
    np.maximum.at(best, window[inside], worth[inside])
    found = int((best > 0).sum())
    return AlarmTally(float(best.sum()), found, places.windows - found, float(worth[~inside].sum()))


def raw_scores(
    places: Places, score: NDArray[np.floating], thresholds: NDArray[np.float64], profiles: Sequence[Profile]
) -> NDArray[np.float64]:
    """Return the score of one series at each threshold if every reading at or above it is an alarm.

    Args:
        places: of the series.
        score: shape (n,), NaN = unknown.
        thresholds: descending, shape (c,).
        profiles: p of them.

    Returns:
        Scores before normalisation, shape (c, p).
    """
    usable = np.flatnonzero(places.counts & ~np.isnan(score))
    order = usable[np.argsort(-score[usable], kind="stable")]
    window, worth = places.window[order], places.worth[order]
    reward, found = np.zeros(len(order)), np.zeros(len(order))
    for number in np.unique(window[window >= 0]):
        mine = np.flatnonzero(window == number)
        reward[mine] = np.diff(np.maximum.accumulate(worth[mine]), prepend=0.0)
        found[mine[0]] = 1
    columns = np.stack((reward, found, np.where(window < 0, worth, 0.0)))
    sums = np.concatenate((np.zeros((3, 1)), np.cumsum(columns, axis=1)), axis=1)
    reached = np.searchsorted(-score[order], -thresholds, side="right")
    reward, found, penalty = sums[:, reached]
    missed = places.windows - found
    return np.stack([p.tp * reward - p.fn * missed + p.fp * penalty for p in profiles], axis=1)


def score_table(
    corpus: Sequence[Labelled],
    scores: Sequence[NDArray[np.floating]],
    thresholds: NDArray[np.float64],
    logics: Sequence[Logic],
    profiles: Sequence[Profile] = PROFILES,
) -> NDArray[np.float64]:
    """Return what each series earns under each choice, before normalisation.

    Returns:
        Shape (logics, thresholds, series, profiles).
    """
    table = np.empty((len(logics), len(thresholds), len(corpus), len(profiles)))
    for s, (series, score) in enumerate(zip(corpus, scores, strict=True)):
        places = places_of(series)
        for g, logic in enumerate(logics):
            if not logic.only_onset and not logic.refractory_us:
                table[g, :, s] = raw_scores(places, score, thresholds, profiles)
                continue
            for c, threshold in enumerate(thresholds):
                found = tally(places, alarms(score, series.time_us, threshold, logic))
                table[g, c, s] = [found.raw(profile) for profile in profiles]
    return table


def _best(total: NDArray[np.float64]) -> tuple[int, int]:
    """Return the best logic and threshold of totals of shape (logics, thresholds).

    Where neighbouring thresholds are equally good the middle one is taken: the one at the edge fits
    these series to the last digit and misses the next.
    """
    best = total.max()
    g, first = np.unravel_index(int(total.argmax()), total.shape)
    worse = np.flatnonzero(total[g, first:] < best - 1e-9)
    run = int(worse[0]) if len(worse) else total.shape[1] - int(first)
    return int(g), int(first) + (run - 1) // 2


class Choice(NamedTuple):
    """The best choice for a profile and what it scores."""

    profile: str
    score: float
    """0 = never fires, 100 = perfect; may be negative."""
    error: float
    """Standard error of the score, a ratio over series, were they drawn from many of their kind."""
    logic: int
    threshold: int


def normalised(raw: float, windows: int, profile: Profile) -> float:
    """Return a sum of raw scores as 0 (null detector) to 100 (perfect detector)."""
    null = -profile.fn * windows
    return 100.0 * (raw - null) / (profile.tp * windows - null) if windows else float("nan")


def optimised(
    table: NDArray[np.float64], windows: NDArray[np.intp], profiles: Sequence[Profile] = PROFILES
) -> list[Choice]:
    """Return the best choice of logic and threshold for each profile over the whole corpus.

    Args:
        table: of `score_table`.
        windows: labelled in each series, shape (series,).
        profiles: in the table's order.
    """
    total = table.sum(axis=2)
    found = []
    for p, profile in enumerate(profiles):
        g, c = _best(total[:, :, p])
        raw = table[g, c, :, p]
        score = normalised(float(raw.sum()), int(windows.sum()), profile)
        found.append(Choice(profile.name, score, _error(raw, windows, profile), g, c))
    return found


def _error(raw: NDArray[np.float64], windows: NDArray[np.intp], profile: Profile) -> float:
    """Return the standard error of the ratio of earned to possible (W. G. Cochran, 1977, section 2.11)."""
    earned, possible = raw + profile.fn * windows, (profile.tp + profile.fn) * windows
    if len(raw) < 2 or not possible.sum():
        return float("nan")
    residual = earned - possible * earned.sum() / possible.sum()
    return 100.0 * float(np.sqrt(len(raw) * residual.var()) / possible.sum())


def fold_of(series: int, folds: int) -> NDArray[np.intp]:
    """Return the fold of each series: dealt in turn, so that the kinds of a sorted corpus spread evenly."""
    return np.arange(series, dtype=np.intp) % folds


def cross_validated(
    table: NDArray[np.float64],
    windows: NDArray[np.intp],
    folds: int,
    profiles: Sequence[Profile] = PROFILES,
) -> list[float]:
    """Return the score of each profile if every series is scored by choices made on other folds.

    Args:
        table: of `score_table`; its choices may include variants of a detector along the first axis.
        windows: labelled in each series, shape (series,).
        folds: how many, at least 2.
        profiles: in the table's order.
    """
    fold = fold_of(table.shape[2], folds)
    raw = np.zeros(len(profiles))
    for held_out in range(folds):
        training = table[:, :, fold != held_out].sum(axis=2)
        test = table[:, :, fold == held_out].sum(axis=2)
        for p in range(len(profiles)):
            raw[p] += test[_best(training[:, :, p])][p]
    return [normalised(float(raw[p]), int(windows.sum()), profile) for p, profile in enumerate(profiles)]
