"""The profile of a day: what each slot of the day usually brings, one mean a slot.

A slot takes in a whole visit when it is over, so half-hourly history and live ten seconds count
alike, and a fault of one day is one visit of many. A slot forgets as if it held 16 visits; it says
something from the second on.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anomaly.moments import NO_PHASE, PHASES, Moments

Floats = NDArray[np.float64]

VISITS_LIMIT: Final = 16
"""Three weeks of school days."""
LEAST_VISITS: Final = 2
VISIT_S: Final = 7200.0
"""A pause longer than this ends a visit: slots are at most an hour long."""


def empty_profile(cells: int) -> dict[str, NDArray[Any]]:
    """Return the columns of cells that have seen no day: 129 bytes a cell."""
    return {
        "visit_phase": np.full(cells, NO_PHASE, np.int8),
        "visit_mean": np.zeros(cells, np.float32),
        "visit_weight": np.zeros(cells, np.float32),
        "profile": np.zeros((PHASES, cells), np.float32),
        "visits": np.zeros((PHASES, cells), np.uint8),
    }


def forget_profile(columns: dict[str, NDArray[Any]], cell: NDArray[np.intp]) -> None:
    """Let some cells know of no visit to any slot; the visit that goes on stays."""
    columns["visits"][:, cell] = 0


def usual_of(columns: Mapping[str, NDArray[Any]], at: Moments) -> Floats:
    """Return the mean of each reading's slot, NaN without a phase or before two visits, shape (n,)."""
    phase = np.maximum(at.phase, 0)
    known = (at.phase >= 0) & (columns["visits"][phase, at.cell] >= LEAST_VISITS)
    return np.where(known, columns["profile"][phase, at.cell], np.nan).astype(np.float64)


def learn_profile(
    columns: dict[str, NDArray[Any]], at: Moments, value: Floats, share: Floats, dt_s: Floats
) -> None:
    """Add each value to the visit of its slot; a visit that is over becomes part of the profile.

    Args:
        columns: memory, written to.
        at: cells, times and slots of n readings.
        value: shape (n,).
        share: weight of each in its visit, in [0, 1], shape (n,).
        dt_s: seconds since the reading before in the same cell, shape (n,).
    """
    cell = at.cell
    phase, weight = columns["visit_phase"][cell], columns["visit_weight"][cell].astype(np.float64)
    over = (at.phase != phase) | (dt_s > VISIT_S)
    done = np.flatnonzero(over & (phase >= 0) & (weight > 0))
    if len(done):
        slot, where = phase[done], cell[done]
        visits = np.minimum(columns["visits"][slot, where] + 1, VISITS_LIMIT).astype(np.uint8)
        usual = columns["profile"][slot, where]
        usual += (columns["visit_mean"][where] - usual) * np.minimum(weight[done], 1.0) / visits
        columns["profile"][slot, where], columns["visits"][slot, where] = usual, visits
    weight = np.where(over, 0.0, weight) + share
    part = np.divide(share, weight, out=np.zeros(len(cell)), where=weight > 0)
    mean = np.where(over, value, columns["visit_mean"][cell])
    columns["visit_mean"][cell] = mean + part * (value - mean)
    columns["visit_weight"][cell] = weight
    columns["visit_phase"][cell] = at.phase
