"""Incidents over HTTP: what people work on, with its timeline and its alerts."""

import time
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response

from contract.incident import Incident, lost_pupil_minutes
from contract.privacy import shown_alert
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services
from ops_dashboard.view.timeline import sentence

IncidentId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def add_incidents(router: APIRouter, services: Services) -> None:
    def shown(incident: Incident) -> dict[str, Any]:
        """Return an incident with the time lost up to now."""
        now_us = services.config.clock.log_us(time.time_ns() // 1000)
        told: dict[str, Any] = msgspec.to_builtins(incident)
        return told | {"lost_pupil_minutes": lost_pupil_minutes(incident, now_us)}

    @router.get("/api/incidents")
    async def incidents() -> Response:
        """Return the open incidents and the last resolved ones."""
        return json_answer({"incidents": [shown(i) for i in await services.archive.known_incidents()]})

    @router.get("/api/incidents/{incident_id}")
    async def incident(incident_id: IncidentId, request: Request) -> Response:
        """Return an incident, its timeline and its alerts; for one that was merged, the survivor."""
        found = await services.archive.incident(incident_id)
        if found is None:
            raise Refusal(404, "unknown_incident")
        members = [
            msgspec.structs.replace(m, alert=shown_alert(m.alert, services.catalogue)) for m in found.members
        ]
        language = choose_language(request.query_params, request.cookies)
        events = [
            msgspec.to_builtins(e) | {"sentence": sentence(e, services.texts, language)} for e in found.events
        ]
        return json_answer(
            {
                "incident": shown(found.incident),
                "events": events,
                "members": members,
                "aliases": found.aliases,
            }
        )
