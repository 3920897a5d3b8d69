"""The seasonal detector: exponentially weighted z of what the slot of the day does not explain.

Method. Each cell keeps the profile of a day (`anomaly.profile`) and two exponentially weighted
baselines: of the value, and of the value less its slot's usual one. The second judges where the slot
is known and the second deviation is smaller than 0.6 of the first: a profile that explains less than
that is noise of its own and only costs power. Elsewhere the first judges, so a series without
seasons, an exam day or a young cell is judged as by `anomaly.ew`.

The fold learns neither on days without school nor at the edges of sessions, and hardly during open
alerts; a day type is a baseline (in or out of session) times a slot.

Source:
    C. C. Holt, "Forecasting seasonals and trends by exponentially weighted moving averages", ONR
    Memorandum 52, 1957 (reprinted Int. J. Forecasting 20(1), 2004); P. R. Winters, Management Science
    6(3), 1960. The ratio 0.6: chosen, an explained variance of 64 %.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anomaly.baseline import Baseline
from anomaly.judgement import Judgement, Outlook
from anomaly.moments import Moments
from anomaly.profile import empty_profile, forget_profile, learn_profile, usual_of
from anomaly.score import deviations

Floats = NDArray[np.float64]

EXPLAINS: Final = 0.6
"""The residual's deviation over the value's, below which the profile judges."""
RESIDUAL: Final = "residual."
"""Prefix of the columns of the residual's baseline."""


@dataclass(frozen=True, slots=True)
class Seasonal:
    """EW z against a profile of the day where that explains the series, plain EW z elsewhere."""

    name: str = "seasonal"
    ew: Baseline = field(default_factory=Baseline)

    def empty(self, cells: int) -> dict[str, NDArray[Any]]:
        """Return the memory of cells that have seen nothing: 237 bytes a cell."""
        plain = self.ew.empty(cells)
        residual = {f"{RESIDUAL}{name}": column for name, column in self.ew.empty(cells).items()}
        return plain | residual | empty_profile(cells)

    def judge(self, columns: Mapping[str, NDArray[Any]], at: Moments, value: Floats) -> Judgement:
        """Return how each value compares with its slot, or with its cell's mean; NaN while immature."""
        plain = self.ew.judge(columns, at, value)
        usual = usual_of(columns, at)
        # The profile's own last digit is no news: the least deviation is that of the value itself.
        least = self.ew.least_ratio * np.abs(plain.expected)
        residual = self.ew.judge(_residual(columns), at, value - usual)
        deviation = np.maximum(residual.deviation, least)
        better = ~np.isnan(usual) & (deviation < EXPLAINS * plain.deviation)
        safe = np.where(deviation > 0, deviation, 1.0)
        expected = np.where(better, residual.expected + usual, plain.expected)
        reach = np.where(better, deviation, plain.deviation)
        return Judgement(
            np.where(better, residual.z * residual.deviation / safe, plain.z),
            deviations(value - expected, reach),
            expected,
            reach,
        )

    def learn(self, columns: dict[str, NDArray[Any]], at: Moments, value: Floats, share: Floats) -> None:
        """Take each value into its cell's two baselines and its profile."""
        cell = at.cell
        first = columns["readings"][cell] == 0
        dt_s = np.where(first, 0.0, (at.time_us - columns["learnt_us"][cell]) * 1e-6)
        usual = usual_of(columns, at)
        known = ~np.isnan(usual)
        residual = value - usual
        seen = self.ew.judge(_residual(columns), at, residual)
        reach = self.ew.winsor_z * seen.deviation
        self.ew.learn(_residual(columns), at.where(known), residual[known], share[known])
        # An outlier may not bend a slot that is known; the first visits of a slot are taken as they are.
        tame = usual + np.clip(residual, seen.expected - reach, seen.expected + reach)
        tame = np.where(np.isnan(tame), value, tame)
        learn_profile(columns, at, tame, share, dt_s)
        self.ew.learn(columns, at, value, share)

    def forget(self, columns: dict[str, NDArray[Any]], cell: NDArray[np.intp]) -> None:
        """Let both baselines forget, and the profile wholly: the value's own baseline judges meanwhile."""
        self.ew.forget(columns, cell)
        self.ew.forget(_residual(columns), cell)
        forget_profile(columns, cell)

    def outlook(self, columns: Mapping[str, NDArray[Any]]) -> Outlook:
        """Return what the value's own baseline expects at any time of the day."""
        return self.ew.outlook(columns)


def _residual(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the columns of the residual's baseline under the names that `ew` knows."""
    return {name.removeprefix(RESIDUAL): c for name, c in columns.items() if name.startswith(RESIDUAL)}
