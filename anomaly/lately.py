"""What a cell was like lately: mean and variance of about two hours, for readings that go on being far out.

Method. Exponentially weighted by time as the baseline is, squared and not winsorised: two hours after a level
moved for good it is the usual one. Where nothing is learnt for longer, what was lately is forgotten but for
its last mean and variance.

Source:
    T. Finch, "Incremental calculation of weighted mean and variance", University of Cambridge, 2009,
    equations 124 and 143.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anomaly.score import Z_LIMIT

Floats = NDArray[np.float64]

LATELY_S: Final = 7200.0
"""Seconds after which a reading weighs 1/e. Chosen among one, two and four hours and a day, on halves of
recorded series that thresholds are from."""


def empty_lately(cells: int) -> dict[str, NDArray[Any]]:
    """Return what was lately of cells that have seen nothing: 16 bytes a cell."""
    return {
        "lately_mean": np.zeros(cells),
        "lately_variance": np.zeros(cells, np.float32),
        "lately_s": np.zeros(cells, np.float32),
    }


def unlike_lately(columns: Mapping[str, NDArray[Any]], cell: NDArray[np.intp], value: Floats) -> Floats:
    """Return how many deviations each value is from its cell's mean of lately, at least 0, shape (n,).

    The limit of deviations where nothing is known or nothing varied.

    Args:
        columns: of `empty_lately`.
        cell: of each value, shape (n,).
        value: in the metric's unit, shape (n,).
    """
    difference = np.abs(value - columns["lately_mean"][cell])
    variance = columns["lately_variance"][cell].astype(np.float64)
    found = np.full(len(value), Z_LIMIT)
    known = (variance > 0) & (columns["lately_s"][cell] > 0)
    np.divide(difference, np.sqrt(variance), out=found, where=known)
    limited: Floats = np.minimum(found, Z_LIMIT)
    return limited


def learn_lately(
    columns: dict[str, NDArray[Any]], cell: NDArray[np.intp], value: Floats, since_s: Floats, own_s: Floats
) -> None:
    """Take each value into what its cell is like lately.

    Args:
        columns: of `empty_lately`, written to.
        cell: of each value, none twice, shape (n,).
        value: in the metric's unit, shape (n,).
        since_s: seconds after the reading before, shape (n,).
        own_s: seconds that each speaks for, above 0, shape (n,).
    """
    weight_s = columns["lately_s"][cell] * np.exp(-since_s / LATELY_S) + own_s
    part = own_s / weight_s
    mean = columns["lately_mean"][cell]
    difference = np.where(columns["lately_s"][cell] > 0, value - mean, 0.0)
    columns["lately_mean"][cell] = value - (1.0 - part) * difference
    columns["lately_variance"][cell] = (1.0 - part) * (
        columns["lately_variance"][cell] + part * difference**2
    )
    columns["lately_s"][cell] = weight_s
