"""The charts of an incident's worst members, drawn by the server as a school's are."""

import asyncio
from datetime import time

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from contract.alert import Alert
from contract.texts import Language
from ops_dashboard.api.answers import Refusal
from ops_dashboard.api.incidents import IncidentId
from ops_dashboard.charts.columns import of_series
from ops_dashboard.charts.marks import PAGE
from ops_dashboard.charts.member_charts import (
    MemberChart,
    MemberCharts,
    member_chart,
    member_span,
    worst_drawn,
)
from ops_dashboard.charts.plots import HOLE_BUCKET_US, HOLE_RAW_US, Window, plot
from ops_dashboard.charts.school_charts import ToldSeries
from ops_dashboard.charts.usual import usual_of
from ops_dashboard.incident_reads import KnownIncident
from ops_dashboard.language import choose_language
from ops_dashboard.pages.plots.members import member_charts
from ops_dashboard.pages.prerender import prerender
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import seen
from ops_dashboard.services import Services
from storage.wall import SeriesHistory


def add_member_charts(router: APIRouter, services: Services) -> None:
    @router.get("/api/charts/incident/{incident_id}", response_class=HTMLResponse)
    async def charts(incident_id: IncidentId, request: Request, at: At = "") -> HTMLResponse:
        """Return the charts of an incident's worst members as a piece of its page, at most eight."""
        mine = await seen(services, at)
        found = await mine.archive.incident(incident_id)
        if found is None:
            raise Refusal(404, "unknown_incident")
        language = choose_language(request.query_params, request.cookies)
        read = await read_member_charts(mine, found, language)
        zone = mine.calendar.timezone
        schools = found.incident.schools or found.incident.most_schools
        made = member_charts(mine.texts, language, read, schools, mine.rules, mine.fleet, zone)
        return HTMLResponse(prerender(made))


async def read_member_charts(services: Services, found: KnownIncident, language: Language) -> MemberCharts:
    """Return the charts of an incident: two reads, whatever its size, shared by all who look at the same."""
    from_us, to_us = member_span(found.incident, services.now_us())
    alerts = worst_drawn(found.members, services.fleet, services.catalogue)
    series = [alert.series for alert in alerts]
    if not series:
        return MemberCharts(Window(from_us, to_us, HOLE_RAW_US), [])
    bucket, history = await services.archive.shared_series(series, from_us, to_us)
    day_us = services.calendar.moment_us(services.calendar.local_day(to_us), time.min)
    before = await services.archive.weeks(series, day_us)
    window = Window(from_us, to_us, HOLE_RAW_US if bucket == "raw" else HOLE_BUCKET_US)
    drawn = await asyncio.to_thread(_draw, services, alerts, window, bucket, history, before, language)
    return MemberCharts(window, drawn)


def _draw(
    services: Services,
    alerts: list[Alert],
    window: Window,
    bucket: str,
    history: SeriesHistory,
    before: SeriesHistory,
    language: Language,
) -> list[MemberChart]:
    rules = {rule.name: rule for rule in services.rules}
    made = []
    for alert in alerts:
        school, metric = services.fleet.school_of(alert.school_id), services.catalogue.of_series(alert.series)
        assert school is not None
        assert metric is not None  # else it is not drawn
        own = of_series(before, alert.series)
        usual = usual_of(school, metric, own, services.calendar, window)
        told = ToldSeries(of_series(history, alert.series), usual)
        rule = rules.get(alert.rule)
        title = alert.rule if rule is None else rule.title_vi if language is Language.VI else rule.title_en
        chart = member_chart(
            metric, school, told, bucket, title, services.catalogue, services.texts, language
        )
        made.append(MemberChart(alert, school, chart, plot(chart, window, language, PAGE)))
    return made
