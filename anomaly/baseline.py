"""The level of a cell: an exponentially weighted mean and mean absolute deviation, which forget by time.

Method. Each cell keeps a weight W, a mean m and a mean absolute deviation d. A reading x at time
t, `dt` after the one before, has the weight w = min(dt, 15 min): the stretch of time that it
speaks for. All older weight is worth `exp(-dt / tau)` of what it was:

    W <- W * exp(-dt / tau) + w;   a = w / W;   m <- m + a (x - m);   d <- d + a (|x - m| - d)

Because forgetting follows time and not the number of readings, readings every ten seconds, every
quarter of an hour and once a day may follow each other in one cell, and a night's silence does
not make the next morning's first reading the whole truth. Nor does a summer's: of what makes a cell mature
a silence forgets no more than one of `tau`, however long it lasts.

The deviation is sqrt(pi/2) * d, the standard deviation if the noise is normal, and never less
than 1 % of |m|: figures that hardly ever move are not judged by their last digit. Before it is
learnt, a mature cell's value is pulled to within three deviations (winsorised), so that one
outlier cannot widen the range by more than the outliers that follow it would; a lasting shift
widens it step by step and is learnt in the end. What a constant changes to is learnt as it is.

So the deviation is that of the noise without its outliers, and what is usual further out is learnt beside
it: what lies beyond two deviations is told by the cell's own tail, `anomaly.tail`.

A cell is mature after 12 readings that speak for at least two hours; until then it answers NaN,
"unknown", never 0.

Example:
    >>> from anomaly.moments import phase_of_hour
    >>> baseline = Baseline()
    >>> memory, cell = baseline.empty(1), np.array([0])
    >>> for hour in range(48):
    ...     time_us = np.array([hour * 3_600_000_000])
    ...     at = Moments(cell, time_us, phase_of_hour(time_us))
    ...     baseline.learn(memory, at, np.array([100.0 + hour % 3]), np.ones(1))
    >>> judgement = baseline.judge(memory, at, np.array([50.0]))
    >>> bool(judgement.z[0] < -20)
    True

Source:
    S. W. Roberts, "Control chart tests based on geometric moving averages", Technometrics 1(3),
    239-250, 1959. J. S. Hunter, "The exponentially weighted moving average", Journal of Quality
    Technology 18(4), 203-210, 1986. Winsorising: P. J. Huber, "Robust estimation of a location
    parameter", Annals of Mathematical Statistics 35(1), 73-101, 1964 (psi function, k = 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.judgement import Judgement, Outlook
from anomaly.moments import Moments
from anomaly.score import deviations
from anomaly.tail import by_tail, empty_tail, learn_tail

NORMAL_RATIO: Final = float(np.sqrt(np.pi / 2))
"""Standard deviation over mean absolute deviation of the normal distribution."""
READINGS_LIMIT: Final = 65535
"""The count of readings stays here: beyond maturity it decides nothing."""
OBSERVED_LIMIT_S: Final = 1e6
"""The observed time stays here, well within what float32 adds exactly enough."""
LEAST_KEPT: Final = float(np.exp(-1.0))
"""Of the weight that makes a cell mature so much stays after any silence: as after one of `tau_s`."""


class Lesson(NamedTuple):
    """How n readings were taken into their cells."""

    since_s: NDArray[np.float64]
    """Seconds after the reading before, of a first one what it speaks for, shape (n,)."""
    own_s: NDArray[np.float64]
    """Seconds that it speaks for, by its share, shape (n,)."""
    part: NDArray[np.float64]
    """Its weight in its cell's, in [0, 1], shape (n,)."""
    first: NDArray[np.bool_]
    """Whether it is the first of its cell, shape (n,)."""
    mature: NDArray[np.bool_]
    """Whether its cell was mature before, shape (n,)."""
    mean: NDArray[np.float64]
    """The cell's mean before, shape (n,)."""
    deviation: NDArray[np.float64]
    """The cell's deviation before, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """EWMA of value and of absolute deviation per cell, with irregular times."""

    name: str = "baseline"
    tau_s: float = 14 * 86400.0
    """Seconds after which a reading weighs 1/e; two weeks hold two of each weekday."""
    longest_weight_s: float = 900.0
    """A reading speaks for at most this long; the step of seeded history."""
    mature_readings: int = 12
    mature_s: float = 7200.0
    """Observed seconds before a cell is judged."""
    least_ratio: float = 0.01
    """A deviation is at least this share of |mean|."""
    winsor_z: float = 3.0

    def empty(self, cells: int) -> dict[str, NDArray[Any]]:
        """Return the memory of cells that have seen nothing: 54 bytes a cell."""
        own: dict[str, NDArray[Any]] = {
            "mean": np.zeros(cells),
            "spread": np.zeros(cells, np.float32),
            "weight_s": np.zeros(cells, np.float32),
            "observed_s": np.zeros(cells, np.float32),
            "learnt_us": np.zeros(cells, np.int64),
            "readings": np.zeros(cells, np.uint16),
        }
        return own | empty_tail(cells)

    def judge(
        self, columns: Mapping[str, NDArray[Any]], at: Moments, value: NDArray[np.float64]
    ) -> Judgement:
        """Return how each value compares with its cell's mean, in deviations; NaN while immature."""
        cell = at.cell
        mean = columns["mean"][cell]
        deviation = self._deviation(mean, columns["spread"][cell])
        mature = self._mature(columns["readings"][cell], columns["observed_s"][cell])
        deviation[~mature] = mean[~mature] = np.nan
        plain = deviations(value - mean, deviation)
        return Judgement(by_tail(columns, cell, plain), plain, mean, deviation)

    def learn(
        self,
        columns: dict[str, NDArray[Any]],
        at: Moments,
        value: NDArray[np.float64],
        share: NDArray[np.float64],
    ) -> None:
        """Take each value into its cell with `share` of its weight; times may not go back in a cell."""
        self.take(columns, at, value, share)

    def take(
        self,
        columns: dict[str, NDArray[Any]],
        at: Moments,
        value: NDArray[np.float64],
        share: NDArray[np.float64],
    ) -> Lesson:
        """Do as `learn` does, and tell what else is to be learnt of the readings by."""
        cell, time_us = at.cell, at.time_us
        readings, observed_s = columns["readings"][cell], columns["observed_s"][cell]
        first = readings == 0
        dt_s = np.where(first, self.longest_weight_s, (time_us - columns["learnt_us"][cell]) * 1e-6)
        own = np.minimum(dt_s, self.longest_weight_s) * share
        past, kept = columns["weight_s"][cell].astype(np.float64), np.exp(-dt_s / self.tau_s)
        weight = np.maximum(past * kept, np.minimum(past, self.mature_s) * LEAST_KEPT) + own
        part = np.zeros(len(cell))
        np.divide(own, weight, out=part, where=weight > 0)
        mean, spread = columns["mean"][cell], columns["spread"][cell].astype(np.float64)
        mean = np.where(first, value, mean)
        mature, deviation = self._mature(readings, observed_s), self._deviation(mean, spread)
        z = np.where(mature, deviations(value - mean, deviation), np.nan)
        learn_tail(columns, cell, z, own, part)
        reach = np.where(mature & (deviation > 0), self.winsor_z * deviation, np.inf)
        difference = np.clip(value - mean, -reach, reach)
        columns["mean"][cell] = mean + part * difference
        columns["spread"][cell] = spread + part * (np.abs(difference) - spread)
        columns["weight_s"][cell] = weight
        columns["observed_s"][cell] = np.minimum(observed_s + own, OBSERVED_LIMIT_S)
        columns["learnt_us"][cell] = time_us
        columns["readings"][cell] = np.minimum(readings, READINGS_LIMIT - 1) + 1
        return Lesson(dt_s, own, part, first, mature, mean, deviation)

    def forget(self, columns: dict[str, NDArray[Any]], cell: NDArray[np.intp]) -> None:
        """Let the past of some cells weigh no more than `mature_s` seconds of readings.

        Mean and deviation stay as they are; from then on they follow the readings within about as long.
        """
        columns["weight_s"][cell] = np.minimum(columns["weight_s"][cell], self.mature_s)

    def outlook(self, columns: Mapping[str, NDArray[Any]]) -> Outlook:
        """Return mean and deviation of every mature cell."""
        unknown = ~self._mature(columns["readings"], columns["observed_s"])
        deviation = self._deviation(columns["mean"], columns["spread"])
        return Outlook(np.where(unknown, np.nan, columns["mean"]), np.where(unknown, np.nan, deviation))

    def _mature(self, readings: NDArray[Any], observed_s: NDArray[Any]) -> NDArray[np.bool_]:
        enough: NDArray[np.bool_] = readings >= self.mature_readings
        return enough & (observed_s >= self.mature_s)

    def _deviation(self, mean: NDArray[np.float64], spread: NDArray[Any]) -> NDArray[np.float64]:
        return np.maximum(
            NORMAL_RATIO * spread.astype(np.float64, copy=False), self.least_ratio * np.abs(mean)
        )
