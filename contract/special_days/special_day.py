"""Closures, half days and events beside the calendar file: proposed by history, decided by somebody."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from contract.fleet import Fleet

BELLS: Final = "bells"
"""What an event is called that is nothing but other bells."""
MOST_AHEAD_DAYS: Final = 60
"""So far ahead an accepted day may last; chosen: what is longer belongs into the calendar file."""


class DayKind(StrEnum):
    """How a day differs from what the calendar file says of it."""

    CLOSURE = "closure"
    """No session."""
    HALF_DAY = "half_day"
    """The morning alone."""
    EVENT = "event"
    """All sessions, and nothing in them is as usual: it is neither judged nor learnt by what is usual. With
    `DayEvidence.bells` all is as usual but the hour at which they begin."""


class PlaceKind(StrEnum):
    """Whom a day is of, the broadest first."""

    CITY = "city"
    LEVEL = "level"
    CLUSTER = "cluster"
    WARD = "ward"
    SCHOOL = "school"


class DayPlace(NamedTuple):
    """Whose day it is."""

    kind: PlaceKind
    code: str = ""
    """Of the level, cluster, ward or school; empty for the city."""


class MovedBells(NamedTuple):
    """By how many minutes sessions begin later than the calendar says, of morning and afternoon.

    Below 0 where earlier, 0 where as it says. What shows it is the median of the schools, None where nothing
    is known.
    """

    later_min: tuple[int, int]
    """On a grid of five minutes."""
    register: tuple[float | None, float | None]
    traffic: float | None
    """Of the morning, as e-learning."""
    learners: float | None


class DayEvidence(NamedTuple):
    """What was seen on a day; of several days, on the one on which it was seen at the fewest schools."""

    schools: int
    """Schools at which it was seen."""
    of: int
    """Schools of the place that were due and that anything is known of."""
    register: float | None
    """Mean of their registers, present over enrolled; None where none came, or of too few schools to tell."""
    register_usual: float | None
    """The same on usual days."""
    traffic: float | None
    """Median of their traffic over what is usual in the same part of the day; None where nothing is known."""
    dismissed: int
    """Schools with an alert of one of the days that was dismissed as an event of the school."""
    bells: MovedBells | None = None
    """By how much sessions begin later, of an event that is nothing else; None for any other day."""


class DayProposal(NamedTuple):
    """A day that history speaks of and the calendar does not know."""

    kind: DayKind
    place: DayPlace
    first: date
    last: date
    """Both included; the days between on which the place has sessions are alike."""
    days: int
    """School days among them."""
    evidence: DayEvidence

    @property
    def proposal_id(self) -> str:
        """The name by which it is decided: the same while further days are added at its end."""
        said = "|".join((said_kind(self), self.place.kind, self.place.code, self.first.isoformat()))
        return hashlib.sha256(said.encode()).hexdigest()[:12]


class DayVerdict(StrEnum):
    """What somebody decided."""

    ACCEPTED = "accepted"
    """It is known from then on."""
    REJECTED = "rejected"
    """It is not proposed again."""
    WITHDRAWN = "withdrawn"
    """As if nothing had been decided."""


class SpecialDay(NamedTuple):
    """A proposal that was decided."""

    day_id: str
    """That of the proposal."""
    kind: DayKind
    place: DayPlace
    first: date
    last: date
    name: str
    """Why, in the words of whoever decided; may be empty."""
    verdict: DayVerdict
    decided_us: int
    """Log time, µs since 1970."""
    decided_by: str
    evidence: DayEvidence

    def holds(self, day: date) -> bool:
        """Return whether a day is one of its."""
        return self.first <= day <= self.last

    @property
    def days(self) -> Iterable[date]:
        """All its days, rising."""
        return (self.first + timedelta(n) for n in range((self.last - self.first).days + 1))


def said_kind(one: DayProposal | SpecialDay) -> str:
    """Return what a day is called: its kind, or `BELLS`."""
    return one.kind.value if one.evidence.bells is None else BELLS


def schools_by_place(fleet: Fleet) -> Mapping[DayPlace, frozenset[str]]:
    """Return the codes of the schools of every place of a fleet."""
    clusters = {ward.code: ward.cluster_code for ward in fleet.wards}
    found: dict[DayPlace, set[str]] = {}
    for school in fleet.schools:
        for place in (
            DayPlace(PlaceKind.CITY),
            DayPlace(PlaceKind.LEVEL, school.level.value),
            DayPlace(PlaceKind.CLUSTER, clusters[school.ward_code]),
            DayPlace(PlaceKind.WARD, school.ward_code),
            DayPlace(PlaceKind.SCHOOL, school.code),
        ):
            found.setdefault(place, set()).add(school.code)
    return {place: frozenset(codes) for place, codes in found.items()}
