"""What a detector says of readings, and of its cells without any."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Judgement(NamedTuple):
    """How n values compare with their past; every column is NaN where the past is too short."""

    z: NDArray[np.float64]
    """Signed deviations from the expected value, as rules judge by them, shape (n,)."""
    plain: NDArray[np.float64]
    """The same before anything is made of how far out readings of the cell usually lie, shape (n,)."""
    expected: NDArray[np.float64]
    """The expected value in the metric's unit, shape (n,)."""
    deviation: NDArray[np.float64]
    """One deviation in the metric's unit, at least 0, shape (n,)."""


class Outlook(NamedTuple):
    """What n cells expect; every column is NaN where a cell is not mature, or expects nothing by itself."""

    expected: NDArray[np.float64]
    """The expected value in the metric's unit, shape (n,)."""
    deviation: NDArray[np.float64]
    """One deviation in the metric's unit, at least 0, shape (n,)."""
