"""Silences over HTTP: what nobody is told of now, and what was and will be muted."""

import asyncio
import time
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from alerting.silences.calendar_file import write_calendar
from alerting.silences.matching import matches, muted
from alerting.silences.preview import WEEK_US
from alerting.silences.recurrence import active_until_us, next_edge_us, state_of
from contract.alert import Alert
from contract.routing.silence import Silence, SilenceKind
from ops_dashboard.api.answers import NOT_KEPT, json_answer
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services


def add_silences(router: APIRouter, services: Services) -> None:
    def now_us() -> int:
        return services.config.clock.log_us(time.time_ns() // 1000)

    def told(silence: Silence, alerts: list[Alert], at_us: int) -> dict[str, Any]:
        calendar, fleet = services.calendar, services.fleet
        active_us = active_until_us(silence, calendar, at_us)
        shown: dict[str, Any] = msgspec.to_builtins(silence)
        return shown | {
            "state": state_of(silence, calendar, at_us).value,
            "active_until_us": active_us,
            "next_edge_us": next_edge_us([silence], calendar, at_us),
            "mutes_now": 0 if active_us is None else sum(matches(silence, a, fleet) for a in alerts),
        }

    @router.get("/api/silences")
    async def silences() -> Response:
        """Return the silences in force, to come, and over since a week; and how many alerts are muted."""
        at_us = now_us()
        known, alerts = await services.archive.silences(at_us - WEEK_US), await services.archive.open_alerts()

        def look() -> dict[str, Any]:
            count = len(muted(known, alerts, services.fleet, services.calendar, at_us))
            return {"silences": [told(silence, alerts, at_us) for silence in known], "muted": count}

        # Patterns that meet all schools for the first time take a second: the walls go on meanwhile.
        return json_answer(await asyncio.to_thread(look))

    @router.get("/api/maintenance.ics")
    async def maintenance(request: Request) -> Response:
        """Return the same silences as a calendar to subscribe to, each with its reason and owner."""
        known = await services.archive.silences(now_us() - WEEK_US)
        language = choose_language(request.query_params, request.cookies)
        titles = {kind: services.texts.say(f"silence.{kind.value}", language) for kind in SilenceKind}
        body = await asyncio.to_thread(write_calendar, known, services.calendar, titles)
        return Response(body, headers=NOT_KEPT, media_type="text/calendar")
