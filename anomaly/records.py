"""The record detector: is this the highest or the lowest ever, in one of four views of the series?

Method. Each cell is looked at as it is, as means of about 12 and 36 readings, and as the difference
between a mean of 3 readings and what the hour of the day usually brings. Of each view the highest
and the lowest so far are kept. A reading that goes beyond one of them by the share e of the
distance from the view's centre to it is a surprise of

    s = (1 + 2 e) ln(n / k) nats,

for if tails fall exponentially, the chance of a record after n independent readings is 1/n, the
extreme lies ln n scales from the centre, and means of k readings are n / k independent ones. As
P(|Z| > z) = exp(-sqrt(2) z) for Laplace noise, that is z = s / sqrt(2) deviations, the meaning that
all detectors share. What is no record has its exponentially weighted z, cut at 2.

Thus a series decides by its own past how far is far, whatever the shape of its noise: bursts that
come every day are no news. Records are learnt winsorised, at most one further distance at once, so
that one outlier hides little; they forget towards the centre within a year, so a lasting change of
level becomes usual and its former level news.

Source:
    K. N. Chandler, "The distribution and frequency of record values", Journal of the Royal
    Statistical Society B 14(2), 220-228, 1952. B. Arnold, N. Balakrishnan, H. Nagaraja, "Records",
    Wiley, 1998 (exponential tails). Means of readings: S. W. Roberts, Technometrics 1(3), 1959.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.baseline import READINGS_LIMIT, Baseline
from anomaly.judgement import Judgement, Outlook
from anomaly.moments import Moments
from anomaly.profile import empty_profile, forget_profile, learn_profile, usual_of
from anomaly.score import Z_LIMIT

Floats = NDArray[np.float64]

SPANS: Final = np.array([1.0, 12.0, 36.0, 3.0])
"""Readings that each view's mean holds; the last view is the seasonal one."""
SEASONAL: Final = 3
LEAST_RATIO: Final = 1e-3
"""A distance from the centre is at least this share of the level: last digits are no records."""
USUAL_Z: Final = 2.0
"""What is no record is no stranger than this."""


class _Seen(NamedTuple):
    """What a reading looks like in the four views, shape (4, n)."""

    value: Floats
    """NaN where a view has no answer."""
    centre: Floats


@dataclass(frozen=True, slots=True)
class Records:
    """Highest and lowest of four views a cell, beside the exponentially weighted baseline."""

    name: str = "records"
    ew: Baseline = field(default_factory=Baseline)
    """Gives the centre, the maturity, and z of what is no record."""
    least_readings: int = 50
    """Readings in a view before its records are news."""
    tau_s: float = 365 * 86400.0
    """Seconds after which the distance of a record from the centre is 1/e of what it was."""

    def empty(self, cells: int) -> dict[str, NDArray[Any]]:
        """Return the memory of cells that have seen nothing: 233 bytes a cell."""
        return (
            self.ew.empty(cells)
            | empty_profile(cells)
            | {
                "level": np.zeros((len(SPANS), cells), np.float32),
                "high": np.zeros((len(SPANS), cells), np.float32),
                "low": np.zeros((len(SPANS), cells), np.float32),
                "seasons": np.zeros(cells, np.uint16),
            }
        )

    def judge(self, columns: Mapping[str, NDArray[Any]], at: Moments, value: Floats) -> Judgement:
        """Return the surprise of each reading as deviations, signed; NaN while immature."""
        plain = self.ew.judge(columns, at, value)
        seen = self._seen(columns, at, value, np.ones(len(value)))
        beyond = self._beyond(columns, at, seen, plain.expected)
        readings = columns["readings"][at.cell].astype(np.float64)
        counts = np.stack([readings, readings, readings, columns["seasons"][at.cell]])
        nats = (1.0 + 2.0 * np.abs(beyond)) * np.log(np.maximum(counts / SPANS[:, None], 1.0))
        known = (counts >= np.maximum(self.least_readings, 2 * SPANS[:, None])) & ~np.isnan(beyond)
        surprise = np.where(known, np.sign(beyond) * nats / np.sqrt(2.0), 0.0)
        strongest = np.abs(surprise).argmax(axis=0)
        record = surprise[strongest, np.arange(len(value))]
        z = np.where(record != 0, record, np.clip(plain.z, -USUAL_Z, USUAL_Z))
        z[np.isnan(plain.z)] = np.nan
        return Judgement(np.clip(z, -Z_LIMIT, Z_LIMIT), plain.plain, plain.expected, plain.deviation)

    def learn(self, columns: dict[str, NDArray[Any]], at: Moments, value: Floats, share: Floats) -> None:
        """Take each value into its cell's baseline, profile and records with `share` of its weight."""
        cell = at.cell
        first = columns["readings"][cell] == 0
        dt_s = np.where(first, 0.0, (at.time_us - columns["learnt_us"][cell]) * 1e-6)
        seen = self._seen(columns, at, value, share)
        # Until it has a mean, a cell is its own centre.
        seen.centre[:SEASONAL, first] = value[first]
        self._learn_records(columns, cell, seen, np.where(first, 1.0, share), np.exp(-dt_s / self.tau_s))
        is_seasonal = ~np.isnan(seen.value[SEASONAL])
        seasons = columns["seasons"][cell]
        columns["seasons"][cell] = np.minimum(seasons, READINGS_LIMIT - 1) + is_seasonal
        tame = self._tamed(columns, cell, value)
        self._learn_levels(columns, cell, tame, np.where(first, 1.0, share))
        learn_profile(columns, at, tame, share, dt_s)
        self.ew.learn(columns, at, value, share)

    def forget(self, columns: dict[str, NDArray[Any]], cell: NDArray[np.intp]) -> None:
        """Let baseline and profile forget; records of the former level stay, and are no news again."""
        self.ew.forget(columns, cell)
        forget_profile(columns, cell)
        columns["seasons"][cell] = 0

    def outlook(self, columns: Mapping[str, NDArray[Any]]) -> Outlook:
        """Return what the baseline expects."""
        return self.ew.outlook(columns)

    def _levels(self, columns: Mapping[str, NDArray[Any]], cell: NDArray[np.intp], value: Floats) -> Floats:
        level = columns["level"][:, cell].astype(np.float64)
        return np.where(columns["readings"][cell] == 0, value, level)

    def _seen(self, columns: Mapping[str, NDArray[Any]], at: Moments, value: Floats, share: Floats) -> _Seen:
        cell = at.cell
        level = self._levels(columns, cell, value)
        view = level + share * (value - level) / SPANS[:, None]
        view[SEASONAL] -= usual_of(columns, at)
        centre = np.broadcast_to(columns["mean"][cell], view.shape).copy()
        centre[SEASONAL] = 0.0
        return _Seen(view, centre)

    def _beyond(self, columns: Mapping[str, NDArray[Any]], at: Moments, seen: _Seen, mean: Floats) -> Floats:
        """Return how far each view lies beyond its records, in distances from its centre; signed."""
        high, low = (
            columns["high"][:, at.cell].astype(np.float64),
            columns["low"][:, at.cell].astype(np.float64),
        )
        least = np.maximum(LEAST_RATIO * np.abs(np.nan_to_num(mean)), 1e-30)
        above = np.maximum(seen.value - high, 0.0) / np.maximum(high - seen.centre, least)
        below = np.maximum(low - seen.value, 0.0) / np.maximum(seen.centre - low, least)
        # The records are float32: what differs less than they can tell is no record.
        same = 1e-6 * np.maximum(np.maximum(np.abs(high), np.abs(low)), np.abs(np.nan_to_num(mean)))
        outside = (seen.value > high + same) | (seen.value < low - same)
        further: Floats = np.where(outside | np.isnan(seen.value), above - below, 0.0)
        return np.clip(further, -Z_LIMIT, Z_LIMIT)

    def _learn_records(
        self,
        columns: dict[str, NDArray[Any]],
        cell: NDArray[np.intp],
        seen: _Seen,
        share: Floats,
        kept: Floats,
    ) -> None:
        """Widen the records by what lies beyond them, after they have forgotten; the centre stays between."""
        readings, seasons = columns["readings"][cell], columns["seasons"][cell]
        is_young = np.stack([readings < self.least_readings] * SEASONAL + [seasons < self.least_readings])
        known = ~np.isnan(seen.value)
        spread = columns["spread"][cell].astype(np.float64)
        for name, sign in (("high", 1.0), ("low", -1.0)):
            record = columns[name][:, cell].astype(np.float64)
            distance = np.maximum(sign * (record - seen.centre), 0.0)
            distance[:SEASONAL, readings == 0] = 0.0
            distance[SEASONAL, seasons == 0] = 0.0
            excess = np.maximum(sign * (seen.value - seen.centre) - distance, 0.0)
            # At the beginning there is no distance to measure by: what comes is the record.
            most = np.where(is_young, np.inf, np.maximum(distance, spread))
            grown = distance * kept + share * np.minimum(excess, most)
            columns[name][:, cell] = np.where(known, seen.centre + sign * grown, record)

    def _tamed(self, columns: Mapping[str, NDArray[Any]], cell: NDArray[np.intp], value: Floats) -> Floats:
        """Return the values, pulled to the records, which have learnt what they may of them."""
        return np.clip(value, columns["low"][0, cell], columns["high"][0, cell]).astype(np.float64)

    def _learn_levels(
        self, columns: dict[str, NDArray[Any]], cell: NDArray[np.intp], value: Floats, share: Floats
    ) -> None:
        level = self._levels(columns, cell, value)
        columns["level"][:, cell] = level + share * (value - level) / SPANS[:, None]
