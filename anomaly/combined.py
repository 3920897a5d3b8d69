"""The combined detector: four kinds of strangeness, whose tail probabilities are put together.

Method. A fault may be one reading far out, a level a little off for an hour, or a line that has become
restless. Each kind has a statistic of its own, and each says in nats, as -ln of a tail probability, how
strange it is now:

1. the reading: sqrt(2) z, for under Laplace noise P(|Z| > z) = exp(-sqrt(2) z), and at most 20 deviations
   count. Where a profile of the day explains the series there are two accounts of it, by its slot and by
   the mean of all. z is the mean of the first and of what both agree on: the lesser, or 0 if it lies above
   the one and below the other. A slot's noise is not known by itself, so that noon among quiet hours is
   half as strange as its slot alone says;
2. and 3. the level: |mean| of about 3 and of about 12 readings in deviations from the cell's mean, if it is
   off to the side on which the reading is: a high hour is no proof that a reading is low;
4. roughness: the mean of about 12 steps from reading to reading, against the usual step.

The last three are told by their own records. With tails that fall exponentially the highest of n values lies
ln n scales from 0, and of means of k readings n / k are independent: a statistic of r times its record is

    ln(n / k) r^4 for r <= 1,  ln(n / k) (1 + 2 (r - 1)) beyond, r at most 2

nats, so what is well within its range adds next to nothing; levels above and below have records of their own.
The kinds are not independent, for all four see the same reading; as if half of them were, half of their sum
S is of a gamma distribution of shape 2 when nothing is strange (Brown), and

    -ln P(S) = S / 2 - ln(1 + S / 2)

nats over sqrt(2) are the deviations that are answered, with the meaning that all detectors share. Until there
are records, after 50 readings, the reading is the only kind that speaks, and its own nats are the answer.

Short means learn a reading winsorised, as does the step from it, and a record at most doubles at once: one
outlier hides little. Records forget within three years.

Source:
    R. A. Fisher, "Statistical Methods for Research Workers", 4th edition, section 21.1, 1932 (tail
    probabilities combined by the sum of their logarithms); M. B. Brown, Biometrics 31(4), 987-992, 1975 (of
    those that are not independent); A. B. Owen, "Karl Pearson's meta-analysis revisited", Annals of
    Statistics 37(6B), 3867-3892, 2009 (sides apart); V. Vovk, R. Wang, "Combining p-values via averaging",
    Biometrika 107(4), 791-808, 2020 (a mean of nats, whatever the dependence). K. N. Chandler,
    Journal of the Royal Statistical Society B 14(2), 220-228, 1952 (records). S. W. Roberts, Technometrics
    1(3), 1959 (means). J. von Neumann and others, "The mean square successive difference", Annals of
    Mathematical Statistics 12(2), 1941 (steps). The power of 4 and the
    spans: chosen on series of even number, docs/decisions/0075; the reading and the sides: 0080.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.judgement import Judgement, Outlook
from anomaly.moments import Moments
from anomaly.seasonal import Seasonal

Floats = NDArray[np.float64]

SPANS: Final = np.array([3.0, 12.0, 12.0])
"""Readings that each statistic's mean holds: level, level, roughness."""
ROUGHNESS: Final = 2
"""The statistic that has no side."""
LEAST_RECORD: Final = np.array([0.45, 0.21, 1.0])
"""A record counts for at least so much: the deviation of such means of independent noise; the usual step."""
MOST_Z: Final = 20.0
"""Beyond it the reading itself is no stranger."""
MOST_SEEN: Final = 8.0
"""A reading's deviations, and a step's usual steps, enter a mean that is judged cut at this,"""
MOST_LEARNT: Final = 2.0
"""and a mean that is kept at this: one outlier is no level."""
MOST_REACHED: Final = 2.0
"""Times its record: beyond it a statistic is no stranger, for the reading itself says the rest."""
MOST_GROWN: Final = 2.0
"""A record is at most so many times what it was before."""
WITHIN: Final = 4
"""Power of the share of its record that a statistic reaches."""
STEP_READINGS: Final = 500
"""The usual step forgets as if it held so many,"""
YOUNG_STEPS: Final = 20
"""and takes the first of them as they are."""
LEAST_STEP_RATIO: Final = 1e-3
"""A usual step is at least this share of the level: last digits are no roughness."""


class _Seen(NamedTuple):
    """What a reading is before it is learnt."""

    plain: Judgement
    """By the value's own baseline."""
    part: Floats
    """Deviations, the same, and the step in usual steps; 0 where unknown, shape (3, n)."""
    statistic: Floats
    """Means that hold this reading too, signed, shape (3, n)."""


@dataclass(frozen=True, slots=True)
class Combined:
    """Fisher's and Brown's combination of a reading's z with records of level and roughness."""

    name: str = "combined"
    seasonal: Seasonal = field(default_factory=Seasonal)
    """Judges the reading by its slot and by its mean, and gives what is expected."""
    least_readings: int = 50
    """Readings before records say something."""
    tau_s: float = 3 * 365 * 86400.0
    """Seconds after which a record is 1/e of what it was."""

    def empty(self, cells: int) -> dict[str, NDArray[Any]]:
        """Return the memory of cells that have seen nothing: 285 bytes a cell."""
        return self.seasonal.empty(cells) | {
            "recent": np.zeros((len(SPANS), cells), np.float32),
            "above": np.zeros((len(SPANS), cells), np.float32),
            "below": np.zeros((len(SPANS), cells), np.float32),
            "step": np.zeros(cells, np.float32),
            "last": np.zeros(cells),
        }

    def judge(self, columns: Mapping[str, NDArray[Any]], at: Moments, value: Floats) -> Judgement:
        """Return the combined surprise of each reading as deviations, signed; NaN while immature."""
        told = self.seasonal.judge(columns, at, value)
        seen = self._seen(columns, at, value, np.ones(len(value)))
        side = np.sign(told.plain)
        by_slot = np.abs(told.z)
        # A product, not a choice: what is unknown stays so.
        by_both = np.minimum(by_slot, np.abs(seen.plain.z)) * (np.sign(seen.plain.plain) == side)
        own = np.sqrt(2.0) * np.minimum((by_slot + by_both) / 2.0, MOST_Z)
        total = own + self._of_records(columns, at.cell, seen, side).sum(axis=0)
        speak = columns["readings"][at.cell] >= self.least_readings
        surprise = np.where(speak, total / 2.0 - np.log1p(total / 2.0), own)
        return Judgement(surprise * side / np.sqrt(2.0), told.plain, told.expected, told.deviation)

    def learn(self, columns: dict[str, NDArray[Any]], at: Moments, value: Floats, share: Floats) -> None:
        """Take each value into the seasonal baselines, the short means and their records."""
        cell = at.cell
        first = columns["readings"][cell] == 0
        dt_s = np.where(first, 0.0, (at.time_us - columns["learnt_us"][cell]) * 1e-6)
        seen = self._seen(columns, at, value, share)
        is_young = columns["readings"][cell] < self.least_readings
        for name, sign in (("above", 1.0), ("below", -1.0)):
            record = columns[name][:, cell] * np.exp(-dt_s / self.tau_s)
            most = np.where(is_young, np.inf, MOST_GROWN * np.maximum(record, LEAST_RECORD[:, None]))
            columns[name][:, cell] = np.maximum(record, np.minimum(sign * seen.statistic, most))
        tame = np.clip(seen.part, -MOST_LEARNT, MOST_LEARNT)
        columns["recent"][:, cell] += share * (tame - columns["recent"][:, cell]) / SPANS[:, None]
        self._learn_step(columns, cell, value, seen.plain, share)
        self.seasonal.learn(columns, at, value, share)

    def forget(self, columns: dict[str, NDArray[Any]], cell: NDArray[np.intp]) -> None:
        """Let the seasonal baselines forget; records stay, for they are in deviations and steps."""
        self.seasonal.forget(columns, cell)

    def outlook(self, columns: Mapping[str, NDArray[Any]]) -> Outlook:
        """Return what the value's own baseline expects at any time of the day."""
        return self.seasonal.outlook(columns)

    def _of_records(
        self, columns: Mapping[str, NDArray[Any]], cell: NDArray[np.intp], seen: _Seen, side: Floats
    ) -> Floats:
        """Return the nats of level, level and roughness, 0 for a level on the other side, shape (3, n)."""
        readings = columns["readings"][cell].astype(np.float64)
        nats: Floats = np.log(np.maximum(readings / SPANS[:, None], 1.0))
        above, below = columns["above"][:, cell], columns["below"][:, cell]
        record = np.maximum(np.where(seen.statistic < 0, below, above), LEAST_RECORD[:, None])
        reached = np.minimum(np.abs(seen.statistic) / record, MOST_REACHED)
        nats *= np.where(reached <= 1.0, reached**WITHIN, 2.0 * reached - 1.0)
        nats[:ROUGHNESS] *= np.sign(seen.statistic[:ROUGHNESS]) == side
        return nats

    def _seen(self, columns: Mapping[str, NDArray[Any]], at: Moments, value: Floats, share: Floats) -> _Seen:
        cell = at.cell
        plain = self.seasonal.ew.judge(columns, at, value)
        least = np.maximum(LEAST_STEP_RATIO * np.abs(columns["mean"][cell]), 1e-30)
        step = np.abs(value - columns["last"][cell]) / np.maximum(columns["step"][cell], least)
        step[columns["readings"][cell] < 2] = 0.0
        part = np.nan_to_num(np.stack([plain.plain, plain.plain, step]))
        part = np.clip(part, -MOST_SEEN, MOST_SEEN)
        recent = columns["recent"][:, cell].astype(np.float64)
        return _Seen(plain, part, recent + share * (part - recent) / SPANS[:, None])

    def _learn_step(
        self,
        columns: dict[str, NDArray[Any]],
        cell: NDArray[np.intp],
        value: Floats,
        plain: Judgement,
        share: Floats,
    ) -> None:
        """Take the step to each value into the usual one, and the value, pulled to its range, as the last."""
        readings, usual = columns["readings"][cell].astype(np.float64), columns["step"][cell]
        reach = self.seasonal.ew.winsor_z * plain.deviation
        tame = np.where(
            np.isnan(reach), value, np.clip(value, plain.expected - reach, plain.expected + reach)
        )
        last = np.where(readings == 0, tame, columns["last"][cell])
        step = np.abs(tame - last)
        step = np.where(readings < YOUNG_STEPS, step, np.minimum(step, MOST_SEEN * usual))
        columns["step"][cell] = usual + share * (step - usual) / np.clip(readings, 1.0, STEP_READINGS)
        columns["last"][cell] = last + share * (tame - last)
