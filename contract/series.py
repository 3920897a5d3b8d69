"""A series is one metric of one device, named by a single int32.

`series = device_id << 8 | metric_id`, so a series needs no registry of its own: the identity
is arithmetic on two stable numbers, in Python, numpy and SQL alike.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

METRIC_BITS: Final = 8
"""Bits of a series number that name the metric: 256 metrics in one catalogue."""

MAX_METRIC_ID: Final = (1 << METRIC_BITS) - 1
MAX_DEVICE_ID: Final = (1 << (31 - METRIC_BITS)) - 1
"""8,388,607 devices fit a positive int32 series; the nation's 43,000 schools need some 215,000."""


def series_of(device_id: int, metric_id: int) -> int:
    """Return the series number of a metric of a device."""
    return device_id << METRIC_BITS | metric_id


def device_ids(series: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the device id of each series, shape (n,)."""
    return series >> np.int32(METRIC_BITS)


def metric_ids(series: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the metric id of each series, shape (n,)."""
    return series & np.int32(MAX_METRIC_ID)
