"""The accepted days as the calendar asks for them: by level, or by school."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from contract.fleet import LEVELS, Fleet
from contract.special_days.special_day import DayKind, DayVerdict, PlaceKind, SpecialDay, schools_by_place

_WIDE: Final = (PlaceKind.CITY, PlaceKind.LEVEL)


@dataclass(frozen=True, slots=True)
class KnownDays:
    """Decided days, looked through when asked: there are some dozens a year."""

    decided: tuple[SpecialDay, ...]
    codes: tuple[frozenset[str], ...]
    """Of each, the schools that have it by themselves; none of city and levels."""

    def has(self, kind: DayKind, level_index: int, day: date) -> bool:
        """Return whether all schools of a level have a day of a kind."""
        of_level = self._of_level(level_index, day)
        return any(one.kind is kind and one.evidence.bells is None for one in of_level)

    def later_min(self, level_index: int, day: date, part: int, since: date) -> int:
        """Return by how many minutes a level's session begins later than its file says.

        Args:
            level_index: of the level.
            day: local day.
            part: 0 morning, 1 afternoon.
            since: first day on which the file has the session so: bells that moved before are in it.
        """
        of_level = self._of_level(level_index, day)
        moved = [one.evidence.bells for one in of_level if one.first > since and one.evidence.bells]
        return sum(bells.later_min[part] for bells in moved)

    def _of_level(self, level_index: int, day: date) -> Iterator[SpecialDay]:
        """Yield the accepted days that all schools of a level have."""
        return (
            one
            for one in self.decided
            if one.verdict is DayVerdict.ACCEPTED
            and one.place.kind in _WIDE
            and one.place.code in ("", LEVELS[level_index].value)
            and one.holds(day)
        )

    def schools(self, kind: DayKind, day: date) -> frozenset[str]:
        """Return the codes of the schools that have a day of a kind by themselves."""
        found = [
            codes
            for one, codes in zip(self.decided, self.codes, strict=True)
            if one.kind is kind and one.verdict is DayVerdict.ACCEPTED and one.holds(day)
        ]
        return frozenset().union(*found)

    def decided_us(self, day: date) -> int:
        """Return when it was last decided what was due on a day; 0 if it never was."""
        found = (
            one
            for one in self.decided
            if one.holds(day) and (one.kind is not DayKind.EVENT or one.evidence.bells is not None)
        )
        return max((one.decided_us for one in found), default=0)


NO_DAYS: Final = KnownDays((), ())


def known_days(days: Iterable[SpecialDay], fleet: Fleet) -> KnownDays:
    """Return decided days; areas are those of `fleet`."""
    decided = tuple(days)
    if not decided:
        return NO_DAYS
    by_place = schools_by_place(fleet)
    nobody = frozenset[str]()
    return KnownDays(
        decided,
        tuple(nobody if one.place.kind in _WIDE else by_place.get(one.place, nobody) for one in decided),
    )
