"""How fast a value moves: the change a second of gauges and of counters that begin again.

Method. A gauge's rate is the signed difference over the time between two readings. A counter only
rises; a value below the one before it means that it began again:

- *wrapped*: a counter of known width went on through its greatest value, if the way from the value
  before through the end to this one is at most a tenth of its range. Both values then lie within a
  tenth of the ends. The way is the increase.
- *reset*: anything else. The device restarted and counted from 0, so the value itself is the least
  that it counted since; what came between the last reading and the restart is not known.

A tenth is chosen: a line of 100 Mbit/s counts 12.5 MB a second, so a 32-bit counter of octets that is
read every 30 s moves by a twelfth of its range at most (RFC 2863, section 3.1.6, asks for 64 bits
on faster lines), and a restart at a random moment is taken for a wrap once in ten times at most, for
one reading.

The first reading has no rate, nor has one after a pause in which the value before it went stale:
unknown, NaN, never 0.

Example:
    >>> before = Reading(np.array([90.0]), np.array([0]))
    >>> now = Reading(np.array([30.0]), np.array([60_000_000]))
    >>> float(rate_of(before, now, np.ones(1, np.bool_), np.zeros(1), np.full(1, 180_000_000))[0])
    0.5

Source:
    Resets as in `rate` of Prometheus (extrapolatedRate: a counter that falls is added as it is),
    https://prometheus.io/docs/prometheus/latest/querying/functions/#rate. Wraps as counters of
    RFC 2578, sections 7.1.6 and 7.1.10.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

WRAP_SHARE: Final = 0.1
"""Share of a counter's range that it may have counted between two readings and still be taken as
wrapped; chosen, see above."""


class Reading(NamedTuple):
    """One reading of each of n series."""

    value: NDArray[np.float64]
    """NaN where there is none, shape (n,)."""
    time_us: NDArray[np.int64]
    """When it was measured, shape (n,)."""


def rate_of(
    before: Reading,
    now: Reading,
    is_counter: NDArray[np.bool_],
    counter_range: NDArray[np.float64],
    stale_us: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the change a second from one reading to the next, in the metric's unit a second, shape (n,).

    Args:
        before: the reading before.
        now: this reading.
        is_counter: where the series is a counter, shape (n,).
        counter_range: number of a counter's different values, 0 where unknown, shape (n,).
        stale_us: age beyond which the value before says nothing of the moment, shape (n,).

    Returns:
        Rates; NaN where there is no value before, where it is stale or where time stands still.
    """
    known = ~np.isnan(before.value) & (now.time_us > before.time_us)
    # The difference of two int64 may overflow where nothing came yet, so those are left out first.
    dt_us = np.where(known, now.time_us - np.where(known, before.time_us, 0), 0)
    known &= dt_us <= stale_us
    change = now.value - before.value
    onward = change + counter_range
    wrapped = (counter_range > 0) & (onward >= 0) & (onward <= WRAP_SHARE * counter_range)
    again = np.where(wrapped, onward, now.value)
    change = np.where(is_counter & (change < 0), again, change)
    rate = np.full(len(change), np.nan)
    np.divide(change, dt_us * 1e-6, out=rate, where=known)
    return rate
