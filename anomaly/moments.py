"""Where and when readings belong: the cell that judges them, the time, and the slot of the day."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

PHASES: Final = 24
"""Slots of a day's profile in a cell."""
NO_PHASE: Final = -1
"""The day follows no usual profile, or nothing is known of it."""
HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US


class Moments(NamedTuple):
    """Columns of n readings; no cell occurs twice."""

    cell: NDArray[np.intp]
    """Baseline that judges and learns, shape (n,)."""
    time_us: NDArray[np.int64]
    """Not falling within a cell, µs since 1970, shape (n,)."""
    phase: NDArray[np.int16]
    """Slot of the day in the cell's profile, 0 to PHASES - 1, or `NO_PHASE`, shape (n,)."""

    def where(self, chosen: NDArray[np.bool_]) -> "Moments":
        """Return the readings that a mask chooses."""
        return Moments(self.cell[chosen], self.time_us[chosen], self.phase[chosen])


def phase_of_hour(time_us: NDArray[np.int64]) -> NDArray[np.int16]:
    """Return the hour of the day as the phase of series that have no calendar, shape (n,)."""
    return (time_us % DAY_US // HOUR_US).astype(np.int16)
