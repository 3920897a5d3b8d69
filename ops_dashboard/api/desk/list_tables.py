"""The desk's lists as CSV files: what their pages show, chosen by the same words of the address."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from msgspec.structs import replace

from alerting.incidents.response import GroupBy
from contract.privacy import shown_alert, shown_refusal
from contract.rejected import Reason
from ops_dashboard.api.alerts import silenced_alerts
from ops_dashboard.api.answers import Refusal, as_file
from ops_dashboard.api.desk.place_sheets import office_of
from ops_dashboard.api.leadership import CSV_TYPE
from ops_dashboard.api.response import MOST_DAYS, response_report
from ops_dashboard.language import choose_language
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import seen
from ops_dashboard.services import Services
from ops_dashboard.view.desk.lists import (
    ListChoice,
    alert_list,
    incident_list,
    member_list,
    refusal_list,
    response_list,
)
from ops_dashboard.view.desk.sheet import Scribe, SheetTable, sheet_csv
from ops_dashboard.view.leadership.tables import TableForm

MOST_REFUSALS: Final = 5000
"""Refusals in one file, the latest."""
Word = Annotated[str, Query(max_length=100)]


def add_list_tables(router: APIRouter, services: Services) -> None:
    _add_incidents(router, services)
    _add_alerts(router, services)
    _add_reports(router, services)


def _add_incidents(router: APIRouter, services: Services) -> None:
    @router.get("/api/incidents.csv")
    async def incidents(
        request: Request,
        state: Word = "",
        priority: Word = "",
        cluster: Word = "",
        isp: Word = "",
        sort: Word = "",
        form: TableForm = TableForm.PLAIN,
        at: At = "",
    ) -> Response:
        """Return the open incidents and the last resolved ones as a table."""
        mine = await seen(services, at)
        now_us = mine.now_us()
        known = await mine.archive.known_incidents()
        silenced = mine.board.silenced_incidents(mine.board.muted(now_us))
        choice = ListChoice(state, priority, "", cluster, isp, sort=sort)
        table = incident_list(known, silenced, choice, office_of(mine), now_us, _scribe(services, request))
        return _file(table, form)

    @router.get("/api/incidents/{incident_id}/members.csv")
    async def members(
        incident_id: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")],
        request: Request,
        form: TableForm = TableForm.PLAIN,
        at: At = "",
    ) -> Response:
        """Return the alerts of an incident as a table."""
        mine = await seen(services, at)
        found = await mine.archive.incident(incident_id)
        if found is None:
            raise Refusal(404, "unknown_incident")
        shown = [replace(m, alert=shown_alert(m.alert, mine.catalogue)) for m in found.members]
        return _file(member_list(shown, office_of(mine), mine.fleet, _scribe(services, request)), form)


def _add_alerts(router: APIRouter, services: Services) -> None:
    @router.get("/api/alerts.csv")
    async def alerts(
        request: Request,
        state: Word = "",
        priority: Word = "",
        rule: Word = "",
        cluster: Word = "",
        isp: Word = "",
        text: Word = "",
        form: TableForm = TableForm.PLAIN,
        at: At = "",
    ) -> Response:
        """Return the open alerts and the last resolved ones as a table."""
        mine = await seen(services, at)
        known = await mine.archive.known_alerts()
        shown = [shown_alert(one, mine.catalogue) for one in known]
        silenced_us = {name: one["until_us"] for name, one in silenced_alerts(mine, known).items()}
        choice = ListChoice(state, priority, rule, cluster, isp, text)
        scribe = _scribe(services, request)
        return _file(alert_list(shown, silenced_us, choice, office_of(mine), mine.fleet, scribe), form)


def _add_reports(router: APIRouter, services: Services) -> None:
    @router.get("/api/quarantine.csv")
    async def refusals(
        request: Request, reason: Reason | None = None, form: TableForm = TableForm.PLAIN
    ) -> Response:
        """Return the latest refusals as a table, at most 5,000."""
        rows, _ = await services.archive.quarantine(MOST_REFUSALS, None, reason)
        shown = [r._replace(rejected=shown_refusal(r.rejected, services.catalogue)) for r in rows]
        zone = services.calendar.timezone
        return _file(refusal_list(shown, zone, _scribe(services, request)), form)

    @router.get("/api/response.csv")
    async def response(
        request: Request,
        by: GroupBy = GroupBy.ALL,
        days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 30,
        form: TableForm = TableForm.PLAIN,
    ) -> Response:
        """Return how fast incidents are answered as a table, exercises left out."""
        scribe = _scribe(services, request)
        report: dict[str, Any] = await response_report(services, by, days, scribe.language)
        return _file(response_list(report["groups"], scribe), form)


def _scribe(services: Services, request: Request) -> Scribe:
    return Scribe(services.texts, choose_language(request.query_params, request.cookies))


def _file(table: SheetTable, form: TableForm) -> Response:
    headers = as_file(f"eduops-{table.name}.csv")
    return Response(sheet_csv(table, form).encode(), headers=headers, media_type=CSV_TYPE)
