"""Peers that the fold itself can run: the same alert logic, calendar and rules as our own detectors.

They are the published methods and no more: no winsorising, no leak while an alert is open (`share` is
not looked at). Only the fold's calendar helps them: it does not judge at edges and on closed days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anomaly.detector import Columns, Detector, Registered
from anomaly.judgement import Judgement, Outlook
from anomaly.moments import PHASES, Moments
from anomaly.score import MAD_TO_DEVIATION, deviations
from evaluation.detectors.peers import DAY_S, HOURS_S, MEMORY_S, SPEAKS_FOR_S, WARM


@dataclass(frozen=True, slots=True)
class MovingDeviation:
    """|z| against an exponentially weighted mean and variance, as `evaluation.detectors.peers.ew_z`."""

    name: str = "peer-ew-z"
    memory_s: float = MEMORY_S
    speaks_for_s: float = SPEAKS_FOR_S
    warm: int = WARM

    def empty(self, cells: int) -> Columns:
        """Return the memory of cells that have seen nothing: 36 bytes a cell."""
        return {
            "mean": np.zeros(cells),
            "variance": np.zeros(cells),
            "weight_s": np.zeros(cells),
            "learnt_us": np.zeros(cells, np.int64),
            "seen": np.zeros(cells, np.int32),
        }

    def judge(
        self, columns: Mapping[str, NDArray[Any]], at: Moments, value: NDArray[np.float64]
    ) -> Judgement:
        """Return deviations from the mean; NaN for the first `warm` readings of a cell."""
        known = columns["seen"][at.cell] >= self.warm
        return _judgement(value, columns["mean"][at.cell], np.sqrt(columns["variance"][at.cell]), known)

    def learn(
        self, columns: Columns, at: Moments, value: NDArray[np.float64], share: NDArray[np.float64]
    ) -> None:
        """Take each value in by Finch's equations 124 and 143, weighted by the time that it speaks for."""
        cell, seen = at.cell, columns["seen"][at.cell]
        past_s = np.maximum(0, at.time_us - columns["learnt_us"][cell]) * 1e-6
        dt_s = np.where(seen > 0, past_s, self.speaks_for_s)
        own_s = np.minimum(dt_s, self.speaks_for_s)
        weight_s = columns["weight_s"][cell] * np.exp(-dt_s / self.memory_s) + own_s
        difference = np.where(seen > 0, value - columns["mean"][cell], 0.0)
        part = own_s / weight_s
        columns["mean"][cell] = np.where(seen > 0, columns["mean"][cell] + part * difference, value)
        columns["variance"][cell] = (1.0 - part) * (columns["variance"][cell] + part * difference**2)
        columns["weight_s"][cell] = weight_s
        columns["learnt_us"][cell] = np.maximum(columns["learnt_us"][cell], at.time_us)
        columns["seen"][cell] = seen + 1

    def forget(self, columns: Columns, cell: NDArray[np.intp]) -> None:
        """Change nothing: the published method knows no such step."""

    def outlook(self, columns: Mapping[str, NDArray[Any]]) -> Outlook:
        """Return mean and deviation of the cells that are judged."""
        known = columns["seen"] >= self.warm
        deviation = np.where(known, np.sqrt(columns["variance"]), np.nan)
        return Outlook(np.where(known, columns["mean"], np.nan), deviation)


@dataclass(frozen=True, slots=True)
class SeasonalMedian:
    """|x - median| / MAD among the last readings of the same slot of the day, as `peers.seasonal_mad`."""

    name: str = "peer-seasonal-mad"
    keep: int = 64
    least: int = 12
    least_ratio: float = 0.01
    """A deviation is at least this share of |median|."""

    def empty(self, cells: int) -> Columns:
        """Return the memory of cells that have seen nothing: 6 kB a cell."""
        return {
            "last": np.full((PHASES, self.keep, cells), np.inf, np.float32),
            "seen": np.zeros((PHASES, cells), np.int32),
        }

    def judge(
        self, columns: Mapping[str, NDArray[Any]], at: Moments, value: NDArray[np.float64]
    ) -> Judgement:
        """Return deviations from the slot's median; NaN without a slot or with too few readings in it."""
        seen = np.minimum(columns["seen"][at.phase, at.cell], self.keep)
        known = np.flatnonzero((at.phase >= 0) & (seen >= self.least))
        past = columns["last"][at.phase[known], :, at.cell[known]].astype(np.float64)
        median, deviation = np.full(len(value), np.nan), np.full(len(value), np.nan)
        median[known] = _median(past, seen[known])
        mad = _median(np.abs(past - median[known, None]), seen[known])
        floor = np.maximum(self.least_ratio * np.abs(median[known]), 1e-9)
        deviation[known] = np.maximum(MAD_TO_DEVIATION * mad, floor)
        return _judgement(value, median, deviation, ~np.isnan(median))

    def learn(
        self, columns: Columns, at: Moments, value: NDArray[np.float64], share: NDArray[np.float64]
    ) -> None:
        """Let each value take the place of the oldest of its slot."""
        slotted = at.phase >= 0
        phase, cell = at.phase[slotted], at.cell[slotted]
        seen = columns["seen"][phase, cell]
        columns["last"][phase, seen % self.keep, cell] = value[slotted]
        columns["seen"][phase, cell] = seen + 1

    def forget(self, columns: Columns, cell: NDArray[np.intp]) -> None:
        """Change nothing: the published method knows no such step."""

    def outlook(self, columns: Mapping[str, NDArray[Any]]) -> Outlook:
        """Return unknown for all: a slot of the day is what this method expects by."""
        unknown = np.full(columns["seen"].shape[-1], np.nan)
        return Outlook(unknown, unknown)


def _median(rows: NDArray[np.float64], count: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the median of the first `count` of each sorted row, the rest being infinite, shape (n,)."""
    ordered = np.sort(rows, axis=1)
    row = np.arange(len(rows))
    middle: NDArray[np.float64] = (ordered[row, (count - 1) // 2] + ordered[row, count // 2]) / 2.0
    return middle


def _judgement(
    value: NDArray[np.float64],
    expected: NDArray[np.float64],
    deviation: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> Judgement:
    z = deviations(np.where(known, value - expected, np.nan), deviation)
    return Judgement(
        z,
        z,
        np.where(known, expected, np.nan),
        np.where(known, deviation, np.nan),
    )


FOLD_PEERS: Final[Mapping[str, Registered]] = {
    "peer-ew-z": Registered(MovingDeviation(), "Roberts 1959; Finch 2009"),
    "peer-ew-z-day": Registered(MovingDeviation("peer-ew-z-day", DAY_S), "Roberts 1959; Finch 2009"),
    "peer-ew-z-hours": Registered(MovingDeviation("peer-ew-z-hours", HOURS_S), "Roberts 1959; Finch 2009"),
    "peer-seasonal-mad": Registered(SeasonalMedian(), "Hampel 1974, by slot of the day"),
}
"""Peers by name; a running system never uses one, so they are not in `DETECTORS`."""


def peer_named(name: str) -> Detector | None:
    """Return the peer of that name, None if it is no peer."""
    found = FOLD_PEERS.get(name)
    return None if found is None else found.detector
