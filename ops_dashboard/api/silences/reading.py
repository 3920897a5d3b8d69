"""Silences over HTTP: what nobody is told of now, and what was and will be muted."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from alerting.silences.calendar_file import write_calendar
from alerting.silences.matching import muted
from alerting.silences.preview import WEEK_US
from config.spreadsheet import write_table
from contract.routing.silence import SilenceKind
from ops_dashboard.api.answers import NOT_KEPT, as_file, json_answer
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services
from ops_dashboard.view.silences import TABLE_COLUMNS, table_row, told_silence

BOM: Final = "\ufeff"
"""Before a table, so that spreadsheet programs read it as UTF-8."""


def add_silences(router: APIRouter, services: Services) -> None:
    def now_us() -> int:
        return services.now_us()

    async def told() -> dict[str, Any]:
        at_us, fleet, calendar = now_us(), services.fleet, services.calendar
        known, alerts = await services.archive.silences(at_us - WEEK_US), await services.archive.open_alerts()

        def look() -> dict[str, Any]:
            return {
                "silences": [told_silence(one, alerts, fleet, calendar, at_us) for one in known],
                "muted": len(muted(known, alerts, fleet, calendar, at_us)),
            }

        # Patterns that meet all schools for the first time take a second: the walls go on meanwhile.
        return await asyncio.to_thread(look)

    @router.get("/api/silences")
    async def silences() -> Response:
        """Return the silences in force, to come, and over since a week; and how many alerts are muted."""
        return json_answer(await told())

    @router.get("/api/silences.csv")
    async def table() -> Response:
        """Return the same silences as a table for spreadsheet programs."""
        found = (await told())["silences"]
        text = BOM + write_table(TABLE_COLUMNS, [table_row(one, services.calendar) for one in found])
        return Response(text, headers=as_file("eduops-silences.csv"), media_type="text/csv")

    @router.get("/api/maintenance.ics")
    async def maintenance(request: Request) -> Response:
        """Return the same silences as a calendar to subscribe to, each with its reason and owner."""
        known = await services.archive.silences(now_us() - WEEK_US)
        language = choose_language(request.query_params, request.cookies)
        titles = {kind: services.texts.say(f"silence.{kind.value}", language) for kind in SilenceKind}
        body = await asyncio.to_thread(write_calendar, known, services.calendar, titles)
        return Response(body, headers=NOT_KEPT, media_type="text/calendar")
