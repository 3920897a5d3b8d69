"""Readings are three columns; a row exists only on paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

MOST_COUNTED: Final = 1024
"""Numbers that `distinct` counts beside as many as it is given."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Columns of n readings, in the order in which they arrived."""

    time_us: NDArray[np.int64]
    """When each was measured: µs since 1970-01-01T00:00Z, shape (n,)."""
    series: NDArray[np.int32]
    """What was measured: see `contract.series`, shape (n,)."""
    value: NDArray[np.float64]
    """The measured value in the unit of its metric, finite, shape (n,)."""

    def __len__(self) -> int:
        return len(self.time_us)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> "Readings":
        """Return the readings at the given positions or where the mask is true."""
        return Readings(self.time_us[index], self.series[index], self.value[index])

    @classmethod
    def empty(cls) -> Self:
        """Return no readings."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float64))

    @classmethod
    def concat(cls, parts: Sequence["Readings"]) -> Self:
        """Return the parts one after the other."""
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([p.time_us for p in parts]),
            np.concatenate([p.series for p in parts]),
            np.concatenate([p.value for p in parts]),
        )


@dataclass(frozen=True, slots=True)
class Scored:
    """Columns of n readings as they are stored: each with the score that it got on arrival."""

    readings: Readings
    score: NDArray[np.float32]
    """Anomaly score in [0, 1], shape (n,); NaN where unknown (late, immature, or not judged)."""

    def __len__(self) -> int:
        return len(self.readings)

    @classmethod
    def empty(cls) -> Self:
        """Return no scored readings."""
        return cls(Readings.empty(), np.empty(0, np.float32))


@dataclass(frozen=True, slots=True)
class Corrections:
    """Columns of n later words about a (series, time) that has a word already, in log order."""

    words: Scored
    """What is true of each (series, time) from now on; it differs from all that was said of it before."""
    at_us: NDArray[np.int64]
    """Log time of each, µs since 1970, shape (n,)."""

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def empty(cls) -> Self:
        """Return no corrections."""
        return cls(Scored.empty(), np.empty(0, np.int64))


class Held(IntEnum):
    """What the table has of a reading's (series, time)."""

    NOTHING = 0
    ANOTHER = 1
    """Another value, and this one was never said."""
    SAME = 2
    """This value, or it did before a correction: the reading says nothing new."""


def distinct(key: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return the different numbers among some, rising, and which of them each is, shape (n,).

    As `np.unique`, but numbers that lie close together, as times of now do, are counted and not sorted.
    """
    if not len(key) or int(key.max()) - int(key.min()) > MOST_COUNTED + len(key):
        return np.unique(key, return_inverse=True)
    first = key.min()
    count = np.bincount(key - first)
    found = np.flatnonzero(count)
    place = np.cumsum(count > 0) - 1
    return found + first, place[key - first]
