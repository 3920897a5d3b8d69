"""The charts of a school: what they show is read, and what is usual there; a page takes them anew as HTML."""

import asyncio
from datetime import time

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from contract.fleet import School
from contract.texts import Language
from ops_dashboard.api.answers import Refusal
from ops_dashboard.charts.columns import of_series
from ops_dashboard.charts.marks import PAGE
from ops_dashboard.charts.plots import HOLE_BUCKET_US, HOLE_RAW_US, Chart, Plot, Window, plot
from ops_dashboard.charts.school_charts import (
    PLANS,
    RANGES,
    SchoolCharts,
    ToldSeries,
    chosen_range,
    fill_plan,
    series_by_metric,
)
from ops_dashboard.charts.usual import DAY_US, usual_of
from ops_dashboard.language import choose_language
from ops_dashboard.pages.plots.school import school_charts
from ops_dashboard.pages.prerender import prerender
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import seen
from ops_dashboard.services import Services
from storage.wall import SeriesHistory


async def read_school_charts(
    services: Services, school: School, chosen: str, language: Language
) -> SchoolCharts:
    """Return the charts of one of `RANGES` up to now."""
    to_us = services.now_us()
    from_us = to_us - RANGES[chosen] * 1_000_000
    devices = services.fleet.devices_ever(school.id)
    numbers = series_by_metric(school, devices, services.catalogue)
    bucket, history = await services.archive.series(list(numbers.values()), from_us, to_us)
    today_us = services.calendar.moment_us(services.calendar.local_day(to_us), time.min)
    before = None
    if RANGES[chosen] * 1_000_000 <= DAY_US:
        before = await services.archive.weeks(list(numbers.values()), today_us)
    window = Window(from_us, to_us, HOLE_RAW_US if bucket == "raw" else HOLE_BUCKET_US)
    drawn = await asyncio.to_thread(
        _draw, services, school, language, numbers, window, bucket, history, before
    )
    alerts = [
        a
        for a in await services.archive.school_alerts(school.id)
        if a.opened_at_us < to_us and (a.resolved_at_us or to_us) >= from_us
    ]
    return SchoolCharts(window, drawn, sorted(alerts, key=lambda a: (a.opened_at_us, a.alert_id)))


def _draw(
    services: Services,
    school: School,
    language: Language,
    numbers: dict[str, int],
    window: Window,
    bucket: str,
    history: SeriesHistory,
    before: SeriesHistory | None,
) -> list[tuple[Chart, Plot]]:
    parts = {}
    for name, number in numbers.items():
        usual = None
        if before is not None:
            metric, own = services.catalogue.named(name), of_series(before, number)
            usual = usual_of(school, metric, own, services.calendar, window)
        parts[name] = ToldSeries(of_series(history, number), usual)
    charts = [
        fill_plan(plan, school, services.catalogue, parts, bucket, services.texts, language) for plan in PLANS
    ]
    return [(chart, plot(chart, window, language, PAGE)) for chart in charts]


def add_school_charts(router: APIRouter, services: Services) -> None:
    @router.get("/api/charts/school/{code}", response_class=HTMLResponse)
    async def charts(request: Request, code: str, range: str = "", at: At = "") -> HTMLResponse:
        """Return the charts of a school as a piece of its page; `range` is 1h, 6h, 24h or 7d."""
        mine = await seen(services, at)
        school = mine.fleet.school_ever(code)
        if school is None:
            raise Refusal(404, "unknown_school")
        language = choose_language(request.query_params, request.cookies)
        read = await read_school_charts(mine, school, chosen_range(range), language)
        zone = mine.calendar.timezone
        return HTMLResponse(prerender(school_charts(mine.texts, language, code, read, mine.rules, zone)))
