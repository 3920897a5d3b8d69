"""What the ticks tell of the broker: each trouble long enough that no lost tick hides it."""

from collections.abc import Mapping
from typing import Final

from contract.entry import Trouble

TELL_S: Final = 10.0
"""Ticks tell of a trouble for this long after it was noticed: one that the log does not take is no loss."""


class Troubles:
    """Notices that a total rose; totals count from the start of the process."""

    def __init__(self) -> None:
        self._totals: dict[Trouble, int] = {}
        self._until_s: dict[Trouble, float] = {}

    def told(self, totals: Mapping[Trouble, int], at_s: float) -> tuple[Trouble, ...]:
        """Return what a tick at `at_s`, seconds of any steady clock, tells."""
        for trouble, total in totals.items():
            if total > self._totals.get(trouble, 0):
                self._until_s[trouble] = at_s + TELL_S
            self._totals[trouble] = total
        return tuple(trouble for trouble, until_s in self._until_s.items() if at_s < until_s)
