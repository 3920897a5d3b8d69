"""What is usual at a time of day, from the days before (pure)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.figures.school_day import QUARTER_US
from ops_dashboard.charts.plots import Usual

DAY_US: Final = 86_400_000_000
LEAST_DAYS: Final = 5
"""So many days must have been measured at a time of day for something to be usual there."""
TAIL: Final = 0.05
"""Share of the days beyond each edge: nine days in ten lie between."""


def usual_band(
    time_us: NDArray[np.int64],
    value: NDArray[np.float64],
    alike: NDArray[np.bool_],
    zone_us: int,
    window: tuple[int, int],
) -> Usual | None:
    """Return between what nine days in ten were, quarter hour by quarter hour; None where too few are known.

    Args:
        time_us: beginnings of quarter hours before the window, µs since 1970, shape (n,).
        value: what may be told of them, shape (n,).
        alike: which of them are of days like the one that is shown, shape (n,).
        zone_us: what must be added for local time, µs.
        window: beginning and end of what is shown.
    """
    own = alike & np.isfinite(value)
    slot = ((time_us[own] + zone_us) % DAY_US) // QUARTER_US
    told, order = value[own], np.argsort(slot, kind="stable")
    slots, first, counts = np.unique(slot[order], return_index=True, return_counts=True)
    enough = counts >= LEAST_DAYS
    if not enough.any():
        return None
    edges = {
        int(s): np.quantile(told[order][f : f + c], (TAIL, 1 - TAIL))
        for s, f, c in zip(slots[enough], first[enough], counts[enough], strict=True)
    }
    starts = np.arange(window[0] // QUARTER_US * QUARTER_US, window[1] + QUARTER_US, QUARTER_US)
    of = [edges.get(int(s)) for s in ((starts + zone_us) % DAY_US) // QUARTER_US]
    known = np.array([edge is not None for edge in of], bool)
    both = np.array([edge for edge in of if edge is not None])
    return Usual(starts[known] + QUARTER_US // 2, both[:, 0], both[:, 1]) if known.any() else None
