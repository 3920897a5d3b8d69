"""Peers that look at one series at a time, in the fold: scored beforehand, then played back.

A peer depends on nothing but the readings that it has learnt, in their order. So a first pass through
the fold collects what each cell learns (`Collector`), the peer scores every cell's readings as it
scores any recording, and further passes, with whatever rules, are told those scores (`Replayed`). That
is the same as asking the peer reading by reading, and fast enough for a city.

Two things are added, for a rule of the fold has a direction and a bound in deviations:

- the sign, by which side of a moving mean of the past the value lies on;
- a strictly increasing scale, which changes no order and so no comparison at one alert budget: a score
  that is a share of 1 becomes -6 log2(1 - s), the inverse of `anomaly.score`; others are six times
  their unit. So 6 deviations are 0.5, or one unit.

They stand after some two school days of readings every quarter of an hour, for with their defaults
they are blind for most of a scenario, and what is trained again and again remembers the two weeks that
ours remembers. The half-space trees know their last two windows and no more, whatever one does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.detector import Columns
from anomaly.judgement import Judgement, Outlook
from anomaly.moments import Moments
from anomaly.score import Z_LIMIT
from evaluation.detectors.peer_forests import half_space_trees, isolation_forest
from evaluation.detectors.peer_kmeans import netdata_kmeans
from evaluation.detectors.peers import MEMORY_S, Score, difference, record_range, windowed_gaussian

Floats = NDArray[np.float64]

UNIT_Z: Final = 6.0
"""Deviations that a score of 0.5, or of one unit, is worth: the bound of most rules."""
SIDE_WEIGHT: Final = 0.01
"""Weight of a reading in the mean that gives the sign, as in `peers.ew_z`."""
STANDS_AFTER: Final = 60
"""Readings after which peers with windows stand: chosen, two school days at a quarter of an hour."""
MEMORY_US: Final = round(MEMORY_S * 1e6)


def of_share(score: Floats) -> Floats:
    """Return a score in [0, 1] as deviations, infinite at 1."""
    with np.errstate(divide="ignore"):
        z: Floats = -UNIT_Z * np.log2(1.0 - np.clip(score, 0.0, 1.0))
    return z


def of_units(score: Floats) -> Floats:
    """Return a score in units of its own as deviations, at least 0."""
    return UNIT_Z * np.maximum(score, 0.0)


class ReplayPeer(NamedTuple):
    """A peer and how its score becomes deviations."""

    score: Score
    scale: Callable[[Floats], Floats]


REPLAY_PEERS: Final[Mapping[str, ReplayPeer]] = {
    "peer-record-range": ReplayPeer(record_range, of_units),
    "peer-difference": ReplayPeer(difference, of_units),
    "peer-windowed-gaussian": ReplayPeer(windowed_gaussian, of_share),
    "peer-netdata-kmeans": ReplayPeer(
        partial(netdata_kmeans, every=STANDS_AFTER, memory_us=MEMORY_US), of_units
    ),
    "peer-half-space-trees": ReplayPeer(partial(half_space_trees, window=STANDS_AFTER), of_share),
    "peer-isolation-forest": ReplayPeer(
        partial(isolation_forest, first=STANDS_AFTER, memory_us=MEMORY_US), of_share
    ),
}
"""Peers by name; their sources are in `peers.PEERS`."""


class Collector:
    """A detector that judges nothing and keeps everything that each cell learns, for one run."""

    name = "collector"

    def __init__(self) -> None:
        self._cell: list[NDArray[np.intp]] = []
        self._time_us: list[NDArray[np.int64]] = []
        self._value: list[Floats] = []
        self._cells = 0

    def empty(self, cells: int) -> Columns:
        """Return no memory: what is learnt is kept here."""
        self._cells = cells
        return {}

    def judge(self, columns: Mapping[str, NDArray[Any]], at: Moments, value: Floats) -> Judgement:
        """Return that nothing is known."""
        unknown = np.full(len(value), np.nan)
        return Judgement(unknown, unknown, unknown, unknown)

    def learn(self, columns: Columns, at: Moments, value: Floats, share: Floats) -> None:
        """Keep the readings."""
        self._cell.append(at.cell)
        self._time_us.append(at.time_us)
        self._value.append(value)

    def forget(self, columns: Columns, cell: NDArray[np.intp]) -> None:
        """Keep all: what was learnt is played back whole."""

    def outlook(self, columns: Mapping[str, NDArray[Any]]) -> Outlook:
        """Return that nothing is expected."""
        return _no_outlook(self._cells)

    def replayed(self, name: str) -> "Replayed":
        """Return the scores of a peer for all that was learnt, each cell a series of its own."""
        peer = REPLAY_PEERS[name]
        cell = np.concatenate([*self._cell, np.zeros(0, np.intp)])
        order = np.argsort(cell, kind="stable")
        time_us = np.concatenate([*self._time_us, np.zeros(0, np.int64)])[order]
        value = np.concatenate([*self._value, np.zeros(0)])[order]
        count = np.bincount(cell, minlength=self._cells)
        first = np.concatenate(([0], np.cumsum(count)))
        z, mean, size = np.full(len(value), np.nan), np.full(len(value), np.nan), 0
        for c in np.flatnonzero(count).tolist():
            own = slice(int(first[c]), int(first[c + 1]))
            score, state_bytes = peer.score(time_us[own], value[own])
            mean[own] = _means_before(value[own])
            z[own] = np.minimum(peer.scale(score), Z_LIMIT) * np.where(value[own] < mean[own], -1.0, 1.0)
            size += state_bytes
        return Replayed(name, first, z, mean, size)


@dataclass(frozen=True)
class Replayed:
    """A peer's scores, told again in the order in which each cell learns."""

    name: str
    first: NDArray[np.intp]
    """Where each cell's readings begin, and at last the number of all, shape (cells + 1,)."""
    z: Floats
    """Signed deviations, NaN where unknown, cell after cell, shape (readings,)."""
    mean: Floats
    """Moving mean of what the cell had learnt before, shape (readings,)."""
    peer_bytes: int
    """Memory that the peer itself needs for all cells."""

    def empty(self, cells: int) -> Columns:
        """Return the memory of cells that have seen nothing."""
        return {"seen": np.zeros(cells, np.int64)}

    def judge(self, columns: Mapping[str, NDArray[Any]], at: Moments, value: Floats) -> Judgement:
        """Return what the peer said of the next reading that each cell learns; NaN after the last."""
        place = self.first[at.cell] + columns["seen"][at.cell]
        known = np.flatnonzero(place < self.first[at.cell + 1])
        z, expected = np.full(len(value), np.nan), np.full(len(value), np.nan)
        z[known], expected[known] = self.z[place[known]], self.mean[place[known]]
        expected[np.isnan(z)] = np.nan
        deviation = np.abs(value - expected) / np.maximum(np.abs(z), 1e-9)
        return Judgement(z, z, expected, deviation)

    def learn(self, columns: Columns, at: Moments, value: Floats, share: Floats) -> None:
        """Go on to each cell's next reading."""
        columns["seen"][at.cell] += 1

    def forget(self, columns: Columns, cell: NDArray[np.intp]) -> None:
        """Change nothing: the published methods know no such step."""

    def outlook(self, columns: Mapping[str, NDArray[Any]]) -> Outlook:
        """Return that nothing is expected: peers know no schools but their own."""
        return _no_outlook(len(columns["seen"]))


def _no_outlook(cells: int) -> Outlook:
    unknown = np.full(cells, np.nan)
    return Outlook(unknown, unknown)


def _means_before(value: Floats) -> Floats:
    """Return the moving mean of what came before each value, the value itself for the first, shape (n,)."""
    mean, found = float(value[0]), []
    for seen, x in enumerate(value.tolist()):
        found.append(mean)
        mean += max(SIDE_WEIGHT, 1.0 / (seen + 1)) * (x - mean)
    return np.array(found)
