"""Days of New York's schools that are known from elsewhere: what a proposal for the calendar is held against.

Source: attendance of three storms, the data set's README; afternoons of parents' conferences in 2014-15,
schools.nyc.gov "2014-2015 School Year Calendars", in March 2013, Metro New York of 2012-09-06. High schools
hold state examinations, and most pupils of theirs stay at home, in the last week of January and in June.
"""

from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.calendar import RECESS_DAYS
from contract.special_days.special_day import DayKind, DayPlace, DayProposal, PlaceKind

LAST_DAYS: Final = 5
"""School days of June that are its last; chosen, a week."""
CITY: Final = DayPlace(PlaceKind.CITY)


class KnownDay(NamedTuple):
    """A day, or days, on which something is known to have been."""

    kind: DayKind
    place: DayPlace
    first: date
    last: date

    def is_told_by(self, one: DayProposal) -> bool:
        """Return whether a proposal speaks of it: of its kind, on one of its days, and of its place."""
        return (
            one.kind is self.kind
            and one.first <= self.last
            and one.last >= self.first
            and (one.place == self.place or one.place.kind is PlaceKind.CITY)
        )


def _on(kind: DayKind, level: str, first: str, last: str = "") -> KnownDay:
    place = DayPlace(PlaceKind.LEVEL, level) if level else CITY
    return KnownDay(kind, place, date.fromisoformat(first), date.fromisoformat(last or first))


KNOWN: Final = (
    *(_on(DayKind.EVENT, "", day) for day in ("2014-01-07", "2014-01-22", "2014-02-05")),
    *(_on(DayKind.EVENT, "primary", day) for day in ("2013-03-13", "2014-11-13", "2015-03-19")),
    *(_on(DayKind.EVENT, "middle", day) for day in ("2014-11-20", "2015-03-12")),
    *(_on(DayKind.EVENT, "high", day) for day in ("2013-03-15", "2014-11-07", "2015-03-27")),
    _on(DayKind.CLOSURE, "high", "2013-06-11", "2013-06-21"),
    _on(DayKind.CLOSURE, "high", "2014-01-27", "2014-02-03"),
    _on(DayKind.CLOSURE, "high", "2014-06-17", "2014-06-25"),
    _on(DayKind.CLOSURE, "high", "2015-01-26", "2015-02-02"),
    _on(DayKind.CLOSURE, "high", "2015-06-16", "2015-06-25"),
)


def recess_days(days: NDArray[np.datetime64]) -> frozenset[date]:
    """Return the eves and returns of every recess, and the last days of June, of school days, rising."""
    gaps = np.flatnonzero(np.diff(days).astype(int) > RECESS_DAYS)
    found = {*days[gaps].tolist(), *days[gaps + 1].tolist()}
    for year in {day.year for day in days.tolist()}:
        june = days[(days >= np.datetime64(f"{year}-06-01")) & (days <= np.datetime64(f"{year}-06-30"))]
        found.update(june[-LAST_DAYS:].tolist())
    return frozenset(found)
