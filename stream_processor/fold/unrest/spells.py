"""When a device's line was bad of late, and for how long: what is chronic, and what is usual for it.

A *spell* is a stretch in which any rule that a chronic rule names is open at the device. Few are kept, so a
device costs no more however bad it is, and one that was well for a week costs nothing.
"""

from datetime import date, timedelta
from typing import Final, NamedTuple

WINDOW_DAYS: Final = 7
"""Days, today included, over which spells are counted: a week holds every weekday once."""
KEPT: Final = 8
"""Spells whose length is remembered: as many as tell the second longest from an outlier; chosen."""
WORSE: Final = 3.0
"""A spell is worse than usual from so many times the second longest of the kept on. Chosen: where spells end
at random, one in 170 lasts as long, so a line with five a day is told once in a month by chance."""
LEAST_US: Final = 600_000_000
"""And never before this: chosen, in ten minutes nobody has done anything about a line that is always bad."""


class Spells(NamedTuple):
    """The lately spells of one device."""

    by_day: tuple[tuple[int, int], ...] = ()
    """Local day (its ordinal) and how many began on it, the earliest first, of the last `WINDOW_DAYS`."""
    lasted_us: tuple[int, ...] = ()
    """How long the last ones lasted, the newest last, at most `KEPT`."""
    since_us: int = 0
    """Log time at which the running one began; 0 while the device is well."""
    is_told: bool = False
    """Whether the alerts of the running one are told."""

    def begun(self, at_us: int, today: date, *, is_told: bool) -> "Spells":
        """Return the spells with one that begins now."""
        days = dict(self.on(today).by_day)
        days[today.toordinal()] = days.get(today.toordinal(), 0) + 1
        return self._replace(by_day=tuple(sorted(days.items())), since_us=at_us, is_told=is_told)

    def ended(self, at_us: int) -> "Spells":
        """Return the spells after the end of the running one."""
        lasted_us = (*self.lasted_us, at_us - self.since_us)[-KEPT:]
        return self._replace(lasted_us=lasted_us, since_us=0, is_told=False)

    def on(self, today: date) -> "Spells":
        """Return the spells without what is no longer counted on a local day."""
        first = (today - timedelta(days=WINDOW_DAYS - 1)).toordinal()
        if not self.by_day or self.by_day[0][0] >= first:
            return self
        return self._replace(by_day=tuple(one for one in self.by_day if one[0] >= first))

    @property
    def times(self) -> int:
        """How many are counted."""
        return sum(n for _, n in self.by_day)

    @property
    def worse_us(self) -> int:
        """How long a spell must last to be worse than usual."""
        longest = sorted(self.lasted_us)[-2:]
        return max(LEAST_US, int(WORSE * longest[0])) if longest else LEAST_US
