"""Days for the calendar over HTTP: what history proposes, and what somebody decides."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from anomaly.special_days import LEAST_DAYS
from contract.fleet import Cluster, Fleet, Ward
from contract.special_days.special_day import (
    DayPlace,
    DayProposal,
    DayVerdict,
    PlaceKind,
    SpecialDay,
    said_kind,
)
from ops_dashboard.access.own import who_acts
from ops_dashboard.access.record import on_record
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.borrowing import borrowed
from ops_dashboard.services import Services
from ops_dashboard.special_days.desk import (
    CalendarDesk,
    Deciding,
    UndecidableError,
    last_if_accepted,
    settle,
)
from ops_dashboard.special_days.reading import READ_S
from storage.special_days.days import decide

DayId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]


class WantedVerdict(BaseModel):
    """What somebody decides."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    ids: Annotated[list[DayId], Field(min_length=1, max_length=500)]
    verdict: DayVerdict
    name: Annotated[str, StringConstraints(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    """Why; may be left out."""
    last: date | None = None
    """Until when it goes on, if longer than was seen; of a single one."""
    actor: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = None
    """For whom a program acts."""


def add_special_days(router: APIRouter, services: Services) -> None:
    async def read() -> CalendarDesk:
        by = services
        return await by.days.read(by.fleet, by.catalogue, by.calendar, by.now_us())

    @router.get("/api/calendar")
    async def desk() -> Response:
        """Return what history proposes for the calendar, with what was seen, and what was decided."""
        return json_answer(told_desk(await read(), services.fleet))

    @router.post("/api/calendar", status_code=202)
    async def answer(wanted: Annotated[WantedVerdict, Body()]) -> Response:
        """Accept or reject proposals, or withdraw what was decided: all of the named ones or none."""
        if wanted.last is not None and (len(wanted.ids) > 1 or wanted.verdict is not DayVerdict.ACCEPTED):
            raise Refusal(422, "bad_request", detail="last")
        deciding = Deciding(
            wanted.verdict, wanted.name, wanted.last, who_acts(wanted.actor), services.now_us()
        )
        try:
            days = settle(await read(), wanted.ids, deciding)
        except UndecidableError as error:
            raise Refusal(409, "day_undecidable", day=error) from None
        on_record(
            subject=" ".join(day.day_id for day in days),
            detail=" ".join([wanted.verdict.value, *(said_of(day) for day in days)]),
        )
        async with borrowed(services.archive.pool, READ_S) as conn:
            await decide(conn, days)
        return json_answer({"ids": [day.day_id for day in days]}, 202)


def said_of(day: SpecialDay) -> str:
    """Return a decided day in the words of the record."""
    place = f"{day.place.kind}:{day.place.code}" if day.place.code else day.place.kind.value
    return f"{said_kind(day)}/{place}/{day.first}..{day.last}"


def told_desk(desk: CalendarDesk, fleet: Fleet) -> dict[str, Any]:
    """Return the desk as JSON tells it."""
    return {
        "newest": desk.newest.isoformat(),
        "known_days": desk.known_days,
        "least_days": LEAST_DAYS,
        "proposals": [_proposal(one, fleet) for one in desk.proposals],
        "decided": [
            _day(one.day_id, one, fleet)
            | {
                "name": one.name,
                "verdict": one.verdict.value,
                "decided_us": one.decided_us,
                "decided_by": one.decided_by,
            }
            for one in reversed(desk.decided)
            if one.verdict is not DayVerdict.WITHDRAWN
        ],
    }


def _proposal(one: DayProposal, fleet: Fleet) -> dict[str, Any]:
    return _day(one.proposal_id, one, fleet) | {"days": one.days, "until": last_if_accepted(one).isoformat()}


def _day(day_id: str, one: DayProposal | SpecialDay, fleet: Fleet) -> dict[str, Any]:
    bells = one.evidence.bells
    return {
        "id": day_id,
        "kind": said_kind(one),
        "place": {"kind": one.place.kind.value, "code": one.place.code, "name": place_name(one.place, fleet)},
        "first": one.first.isoformat(),
        "last": one.last.isoformat(),
        "evidence": one.evidence._asdict() | {"bells": bells and bells._asdict()},
    }


def place_name(place: DayPlace, fleet: Fleet) -> str:
    """Return the name of a cluster, ward or school; its code where the fleet has none, as of a level."""
    if place.kind is PlaceKind.SCHOOL:
        school = fleet.school_ever(place.code)
        return place.code if school is None else school.name
    areas: Mapping[PlaceKind, Sequence[Cluster | Ward]] = {
        PlaceKind.CLUSTER: fleet.clusters,
        PlaceKind.WARD: fleet.wards,
    }
    names = areas.get(place.kind, ())
    return next((one.name for one in names if one.code == place.code), place.code)
