"""The exponentially weighted detector: how far from its level, how sudden, and how unlike lately.

Method. Three memories of a cell, each with a module of its own:

1. *the level*, `anomaly.baseline`: mean, deviation and tails of two weeks;
2. *the change* from the reading before, `anomaly.change`, as far as it leads away from the level's mean;
3. *lately*, `anomaly.lately`: mean and deviation of two hours.

A reading is as strange as the larger of its level and nine tenths of its change. Where it goes on, the
reading before having been out of two deviations on the same side, it is no stranger than it is unlike what
was lately: a level that moved is news for hours and not for weeks.

What may belong to a fault is learnt with a share below 1, as whoever calls says; of such readings lately
learns nothing. So an alert stays as long as its fault does, and a line that wears out over hours is judged by
what it was like before; without anybody to say so, what has been told for hours falls silent by itself.

Example:
    >>> from anomaly.moments import phase_of_hour
    >>> detector = ExponentiallyWeighted()
    >>> memory, cell = detector.empty(1), np.array([0])
    >>> z = []
    >>> for hour in range(60):
    ...     time_us, value = np.array([hour * 3_600_000_000]), np.array([100.0 + hour % 3])
    ...     at = Moments(cell, time_us, phase_of_hour(time_us))
    ...     value = value + 60.0 * (hour >= 48)
    ...     z.append(float(detector.judge(memory, at, value).z[0]))
    ...     detector.learn(memory, at, value, np.ones(1))
    >>> z[48] > 20, z[59] < 3
    (True, True)

Source:
    S. W. Roberts, "Control chart tests based on geometric moving averages", Technometrics 1(3), 239-250,
    1959; J. S. Hunter, Journal of Quality Technology 18(4), 203-210, 1986; and those of the three modules.
    Their combination: chosen on halves of recorded and labelled series, docs/decisions/0076.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anomaly.baseline import Baseline
from anomaly.change import changed, empty_change, learn_change
from anomaly.judgement import Judgement
from anomaly.lately import empty_lately, learn_lately, unlike_lately
from anomaly.moments import Moments
from anomaly.tail import RUN

CHANGE: Final = 0.9
"""Of a change's deviations so much counts: changes are many, and levels go on. Chosen."""


@dataclass(frozen=True, slots=True)
class ExponentiallyWeighted(Baseline):
    """Level, change and lately per cell, with irregular times."""

    name: str = "ew"

    def empty(self, cells: int) -> dict[str, NDArray[Any]]:
        """Return the memory of cells that have seen nothing: 106 bytes a cell."""
        return Baseline.empty(self, cells) | empty_change(cells) | empty_lately(cells)

    def judge(
        self, columns: Mapping[str, NDArray[Any]], at: Moments, value: NDArray[np.float64]
    ) -> Judgement:
        """Return how strange each value is, in deviations of its level; NaN while immature."""
        told = Baseline.judge(self, columns, at, value)
        cell, z = at.cell, told.z
        sudden = CHANGE * changed(columns, at, value, told, self.least_ratio)
        z = np.where(np.abs(sudden) > np.abs(z), sudden, z)
        goes_on = np.flatnonzero(columns[RUN][0][cell] * z > 0)
        if len(goes_on):
            far = unlike_lately(columns, cell[goes_on], value[goes_on])
            z[goes_on] = np.copysign(np.minimum(np.abs(z[goes_on]), far), z[goes_on])
        return told._replace(z=z)

    def learn(
        self,
        columns: dict[str, NDArray[Any]],
        at: Moments,
        value: NDArray[np.float64],
        share: NDArray[np.float64],
    ) -> None:
        """Take each value into its cell; times may not go back in a cell."""
        taken = self.take(columns, at, value, share)
        learn_change(columns, at.cell, value, taken, self.least_ratio)
        sure = np.flatnonzero((share >= 1.0) & (taken.own_s > 0))
        learn_lately(columns, at.cell[sure], value[sure], taken.since_s[sure], taken.own_s[sure])
