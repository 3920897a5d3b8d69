"""What was proposed for the calendar, as people and programs read it."""

import json
from collections.abc import Iterator
from typing import Any

from contract.special_days.special_day import DayPlace, DayProposal, PlaceKind
from evaluation.attendance.known_days import KnownDay
from evaluation.attendance.proposals import ProposalFigures

HEAD = (
    "| half | school days | known, found | planted closures | planted events | explained, of all proposed |"
)


def render(halves: tuple[ProposalFigures, ProposalFigures], *, as_json: bool) -> str:
    """Return a table of both halves, and what nothing explains or was missed."""
    if as_json:
        told = {name: _told(one) for name, one in zip(("first", "second"), halves, strict=True)}
        return json.dumps(told, indent=2)
    return "\n".join(_lines(halves))


def _lines(halves: tuple[ProposalFigures, ProposalFigures]) -> Iterator[str]:
    yield HEAD
    yield "|---|---|---|---|---|---|"
    for name, one in zip(("first", "second"), halves, strict=True):
        shares = (one.known, one.closures, one.events, one.explained)
        yield f"| {name} | {one.days} | {' | '.join(f'{found} of {of}' for found, of in shares)} |"
    for name, one in zip(("first", "second"), halves, strict=True):
        yield f"{name} half, nothing known explains: {_listed(map(_day, one.unexplained))}"
        yield f"{name} half, known and not proposed: {_listed(map(_day, one.missed))}"


def _listed(days: Iterator[str]) -> str:
    return "; ".join(days) or "none"


def _told(one: ProposalFigures) -> dict[str, Any]:
    told = one._asdict()
    return told | {name: [_day(day) for day in told[name]] for name in ("unexplained", "missed")}


def _day(one: DayProposal | KnownDay) -> str:
    return f"{one.kind} {_place(one.place)} {one.first}" + (f" to {one.last}" if one.last > one.first else "")


def _place(place: DayPlace) -> str:
    return "city" if place.kind is PlaceKind.CITY else f"{place.kind} {place.code}"
