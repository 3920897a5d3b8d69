"""How much each contact gets: messages an hour and in ten minutes, and the share of time in flood (pure).

Source: ISA-18.2: a flood begins with more than ten alarms within ten minutes and ends with fewer than five.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from alerting.notify.state import WINDOW_US

FLOOD_OVER: Final = 10
"""More than so many messages within `WINDOW_US` begin a flood."""
FLOOD_ENDS_BELOW: Final = 5
"""Fewer than so many end it."""
HOUR_US: Final = 3_600_000_000


class ContactLoad(msgspec.Struct, frozen=True):
    """What one contact got within a stretch of time."""

    to: str
    messages: int
    last_10_min: int
    last_hour: int
    most_10_min: int
    """The most within any ten minutes."""
    flood_s: float
    """Time in flood, s."""


def contact_load(to: str, moments_us: Sequence[int], from_us: int, until_us: int) -> ContactLoad:
    """Return what a contact got.

    Args:
        to: its name.
        moments_us: when it was told, µs since 1970, in order.
        from_us: where the stretch begins.
        until_us: where it ends: now.
    """
    recent: deque[int] = deque()
    most, flood_us, flood_from_us = 0, 0, -1
    ends = [(at_us + WINDOW_US, 0) for at_us in moments_us]
    for at_us, is_new in sorted([*((at_us, 1) for at_us in moments_us), *ends]):
        if at_us > until_us:
            break
        if is_new:
            recent.append(at_us)
        else:
            recent.popleft()
        most = max(most, len(recent))
        if flood_from_us < 0 and len(recent) > FLOOD_OVER:
            flood_from_us = at_us
        elif flood_from_us >= 0 and len(recent) < FLOOD_ENDS_BELOW:
            flood_us += at_us - max(flood_from_us, from_us)
            flood_from_us = -1
    if flood_from_us >= 0:
        flood_us += until_us - max(flood_from_us, from_us)
    return ContactLoad(
        to,
        len(moments_us),
        sum(at_us > until_us - WINDOW_US for at_us in moments_us),
        sum(at_us > until_us - HOUR_US for at_us in moments_us),
        most,
        flood_us / 1e6,
    )
