"""Flapping: an alert that opens again and again is held open until its series has been steady.

The third opening of a rule at one series with never `steady_s` of calm between is *flapping*: it says so
(`Beginning.FLAPPING`), stays open however often the series turns, and ends at the tick by which the series
has been well for `steady_s` (`Ending.STEADY`). Only what opened lately is remembered, so a series that is
calm costs nothing.

Source: ANSI/ISA-18.2-2016 and EEMUA 191 call an alarm that comes three times or more in a short time
chattering, and name the off-delay as its remedy; RFC 2439 damps routes likewise, by a limit at which one
is held back and a stretch of calm after which it counts again.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel
from stream_processor.fold.rulebook import ChannelRules

FLAPS: Final = 3
"""The opening that is flapping: ISA-18.2's three."""


class Unrest(NamedTuple):
    """What is remembered of an alert's lately openings."""

    openings: int
    """How many, at most `FLAPS`, with never `steady_s` of calm between."""
    since_us: int
    """Log time of the last opening, or since when it has been well."""


Unrests = dict[tuple[int, int], Unrest]
"""By channel and slot."""


def opens_flapping(unrests: Unrests, channel: Channel, slot: int, steady_us: int, at_us: int) -> bool:
    """Note an opening at a log time, and return whether it is flapping; never where `steady_us` is 0."""
    before = unrests.get((int(channel), slot))
    is_again = before is not None and steady_us > 0 and at_us - before.since_us <= steady_us
    openings = min(before.openings + 1, FLAPS) if before is not None and is_again else 1
    unrests[int(channel), slot] = Unrest(openings, at_us)
    return openings == FLAPS


def settles(unrests: Unrests, channel: Channel, slot: int, at_us: int, *, is_fresh: bool) -> bool:
    """Note that an open alert is well, and return whether it resolves now.

    Args:
        unrests: written to.
        channel: of the alert.
        slot: of the alert.
        at_us: log time.
        is_fresh: whether it was not well before.
    """
    before = unrests.get((int(channel), slot), Unrest(1, at_us))
    flaps = before.openings == FLAPS
    if is_fresh or not flaps:
        unrests[int(channel), slot] = before._replace(since_us=at_us)
    return not flaps


def settling(
    unrests: Unrests,
    channel: Channel,
    slot: NDArray[np.intp],
    at_us: NDArray[np.int64],
    well: NDArray[np.bool_],
    is_fresh: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return where `settles`, of those that are `well`, all of shape (n,)."""
    resolves = well.copy()
    for k in np.flatnonzero(well).tolist():
        fresh = bool(is_fresh[k])
        resolves[k] = settles(unrests, channel, int(slot[k]), int(at_us[k]), is_fresh=fresh)
    return resolves


def is_well(rules: ChannelRules, metric_id: int, run: int) -> bool:
    """Return whether the run of an open alert is long enough for its end."""
    window = int(rules.close_window[metric_id])
    return ((run & window).bit_count() if window else run) >= int(rules.close_after[metric_id])
