"""The wall over HTTP: as it is pushed, now or at earlier minutes."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec.structs import replace

from ops_dashboard.access.own import asking_area
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.past.moment import At
from ops_dashboard.past.reading import MOST_MINUTES, MinutesRead
from ops_dashboard.past.seen import PastStage, minutes_of, moment_of, put, stage_of
from ops_dashboard.services import Services
from ops_dashboard.view.areas import WallArea, find_area
from ops_dashboard.view.minutes import unkept_figures
from ops_dashboard.view.snapshot import Snapshot


def add_wall(router: APIRouter, services: Services) -> None:
    @router.get("/api/wall")
    async def wall(
        at: At = "",
        minutes: Annotated[int, Query(ge=1, le=MOST_MINUTES)] = 1,
        area: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        """Return what a wall shows: now, or at each of some minutes from `at` on, as was known then."""
        at_us = await moment_of(services, at)
        feed = services.hub.feed(asking_area())
        fleet = services.hub.board.groups.fleet if feed.narrowing is None else feed.narrowing.fleet
        part = find_area(area, fleet)
        if area and part is None:
            raise Refusal(422, "bad_request", detail="area")
        if at_us is None:
            now = feed.snapshot(services.hub.board, services.real_us(), 0, part)
            return json_answer({"minutes": [now], "heard_by": "live"})
        read = await minutes_of(services, at_us, minutes)
        stage = stage_of(services, asking_area())
        told = await asyncio.to_thread(_told, services, stage, read, part)
        return json_answer({"minutes": told, "heard_by": read.heard_by})


def _told(services: Services, stage: PastStage, read: MinutesRead, part: WallArea | None) -> list[Snapshot]:
    of_city = stage.own.narrowing is None and part is None
    told = []
    for n, minute in enumerate(read.minutes):
        put(stage, minute, services)
        found = stage.own.snapshot(stage.city.board, minute.at_us, n, part)
        told.append(replace(found, unkept=tuple(unkept_figures(minute, of_city=of_city))))
    return told
