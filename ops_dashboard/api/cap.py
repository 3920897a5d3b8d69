"""Incidents of a ward or more for other authorities: an Atom feed, and a CAP 1.2 message each."""

import time

from fastapi import APIRouter, Request, Response

from alerting.messages.cap import CAP_TYPE, is_told, write_cap, write_feed
from alerting.messages.story import Office
from ops_dashboard.api.answers import NOT_KEPT, Refusal
from ops_dashboard.api.incidents import IncidentId
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services


def add_cap(router: APIRouter, services: Services) -> None:
    clock = services.config.clock

    def now_us() -> int:
        return clock.log_us(time.time_ns() // 1000)

    def office(request: Request) -> Office:
        rules = {rule.name: rule for rule in services.rules}
        zone, url = services.calendar.timezone, str(request.base_url).rstrip("/")
        return Office(services.hub.board.groups, services.catalogue, rules, services.texts, zone, url)

    @router.get("/api/cap.atom")
    async def feed(request: Request) -> Response:
        """Return the feed: what is open, and what has been over for a day at most."""
        known = await services.archive.known_incidents()
        told = [incident for incident in known if is_told(incident, now_us())]
        language = choose_language(request.query_params, request.cookies)
        body = write_feed(told, office(request), language, clock.real_us)
        return Response(body, headers=NOT_KEPT, media_type="application/atom+xml")

    @router.get("/api/cap/{incident_id}")
    async def message(incident_id: IncidentId, request: Request) -> Response:
        """Return the message about an incident as it stands, in Vietnamese and English."""
        found = await services.archive.incident(incident_id)
        if found is None or not is_told(found.incident, now_us()):
            raise Refusal(404, "unknown_incident")
        body = write_cap(found.incident, office(request), clock.real_us)
        return Response(body, headers=NOT_KEPT, media_type=CAP_TYPE)
