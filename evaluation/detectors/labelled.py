"""A recorded series with the stretches that people called anomalous."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

WEEK_US: Final = 7 * 86_400_000_000


class Labelled(NamedTuple):
    """One series of n readings in the order of its file, with w labelled windows."""

    name: str
    time_us: NDArray[np.int64]
    """Moments of the readings in µs, shape (n,); recorded clocks may step back."""
    value: NDArray[np.float64]
    """Shape (n,); NaN = missing."""
    windows: NDArray[np.intp]
    """First and last reading of each window, ascending and apart from each other, shape (w, 2)."""

    @property
    def weeks(self) -> float:
        """Return how long the series lasts, in weeks."""
        if len(self.time_us) < 2:
            return 0.0
        return float(self.time_us.max() - self.time_us.min()) / WEEK_US

    @property
    def interval_us(self) -> float:
        """Return the usual distance of two readings, the median, in µs."""
        return float(np.median(np.diff(self.time_us))) if len(self.time_us) > 1 else 0.0


def windows_between(time_us: NDArray[np.int64], spans_us: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the first and last reading of each span that holds a reading, shape (w, 2).

    Spans that overlap are one window.

    Args:
        time_us: moments of the readings, ascending, shape (n,).
        spans_us: first and last moment of each span, both inclusive, shape (s, 2).
    """
    first = np.searchsorted(time_us, spans_us[:, 0], side="left")
    last = np.searchsorted(time_us, spans_us[:, 1], side="right") - 1
    found = np.stack((first, last), axis=1).astype(np.intp)[np.argsort(first, kind="stable")]
    found = found[found[:, 0] <= found[:, 1]]
    if not len(found):
        return found
    reach = np.maximum.accumulate(found[:, 1])
    begins = np.concatenate(([True], found[1:, 0] > reach[:-1]))
    ends = np.concatenate((begins[1:], [True]))
    return np.stack((found[begins, 0], reach[ends]), axis=1)
