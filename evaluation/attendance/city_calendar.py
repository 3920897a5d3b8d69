"""What New York could write into `calendar.toml` beforehand, as an operator writes it: days only, no storm.

- *Events*: the eve and the return of every recess and the last five school days of June. The city publishes
  recesses a year ahead (schools.nyc.gov, "School Year Calendars"); here they are read from the days without a
  register, which says the same. Afternoons of parents' conferences as far as their dates were found
  (`known_days`): the file knows no event of one level, so each is of all schools. Half days of June, on which
  teachers write reports: that there are such is published ("June Clerical Memo"), on which days they were was
  read from these very registers (`HALF_DAYS`), with lines in view.
- *Exams*: the weeks of state examinations.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.special_days.special_day import DayKind, PlaceKind
from evaluation.attendance.known_days import KNOWN, recess_days

HALF_DAYS: Final = tuple(
    map(date.fromisoformat, ("2013-06-10", "2014-06-03", "2014-06-09", "2015-06-09", "2015-06-15"))
)


def city_calendar(days: NDArray[np.datetime64]) -> str:
    """Return the entries in the words of calendar.toml, for school days, rising."""
    return "".join(_entries(days))


def _entries(days: NDArray[np.datetime64]) -> Iterator[str]:
    for on in sorted(recess_days(days)):
        yield _span("event", on, on, "recess or end of the year")
    for on in HALF_DAYS:
        yield _span("event", on, on, "half day")
    for one in KNOWN:
        if one.place.kind is PlaceKind.LEVEL:
            kind = "exam" if one.kind is DayKind.CLOSURE else "event"
            yield _span(kind, one.first, one.last, f"{one.place.code} schools")


def _span(kind: str, first: date, last: date, name: str) -> str:
    return f'[[{kind}]]\nfirst = {first}\nlast = {last}\nname = "{name}"\n'
