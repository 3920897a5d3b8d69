"""Leadership's brief over HTTP: as JSON, as a table, and as a paged report."""

import asyncio
from datetime import date, timedelta
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Response

from contract.figures.definitions import FigureName
from contract.figures.plan import PLAN
from contract.figures.spans import SpanKind
from contract.figures.sums import GroupKind
from contract.texts import Language
from ops_dashboard.api.answers import Refusal, as_file, json_answer
from ops_dashboard.charts.marks import PAPER
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import seen
from ops_dashboard.report.pdf import report_pdf
from ops_dashboard.services import Services
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.maker import INNER, Brand, BriefAsked
from ops_dashboard.view.leadership.tables import TableForm, brief_table
from ops_dashboard.view.leadership.worded import Wording
from ops_dashboard.view.leadership.wording import worded

FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2100, 1, 1)
Day = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)]
Scope = Annotated[str, Query(alias="in", max_length=20)]
Key = Annotated[str, Query(max_length=20)]
MOST_DAYS: Final = 800
"""Rows of figures are kept for so long."""
CSV_TYPE: Final = "text/csv; charset=utf-8"


class BriefWanted(NamedTuple):
    """Which brief a query asks for."""

    span: SpanKind = SpanKind.DAY
    by: GroupKind = GroupKind.CLUSTER
    within: str = ""
    """Code of a cluster; empty for the city."""
    day: date | None = None
    """None for today."""
    figure: FigureName = FigureName.LOST_EACH
    benchmark: str = PLAN


def wanted(
    span: SpanKind = SpanKind.DAY,
    by: GroupKind = GroupKind.CLUSTER,
    within: Scope = "",
    day: Day = None,
    figure: FigureName = FigureName.LOST_EACH,
    benchmark: Key = PLAN,
) -> BriefWanted:
    """Return what the query of an address asks for."""
    return BriefWanted(span, by, within, day, figure, benchmark)


Wanted = Annotated[BriefWanted, Depends(wanted)]


def add_leadership(router: APIRouter, services: Services) -> None:
    @router.get("/api/leadership")
    async def leadership(asked: Wanted, at: At = "") -> Response:
        """Return the figures of a day, or of its week or term so far, with coverage and the span before."""
        return json_answer(await leadership_brief(await seen(services, at), asked))

    @router.get("/api/leadership.csv")
    async def leadership_table(
        asked: Wanted,
        form: TableForm = TableForm.PLAIN,
        lang: Language = Language.VI,
        at: At = "",
    ) -> Response:
        """Return the same figures as a table."""
        brief = await leadership_brief(await seen(services, at), asked)
        text = brief_table(brief, services.texts, lang, form)
        return Response(text.encode(), headers=_named(brief, "csv"), media_type=CSV_TYPE)

    @router.get("/api/leadership.pdf")
    async def leadership_report(asked: Wanted, lang: Language = Language.VI, at: At = "") -> Response:
        """Return the same figures as a paged report."""
        brief = await leadership_brief(await seen(services, at), asked)
        words = worded(brief, wording_of(services, lang), PAPER)
        document = await asyncio.to_thread(report_pdf, words, services.texts, lang)
        return Response(document, headers=_named(brief, "pdf"), media_type="application/pdf")


async def leadership_brief(services: Services, wanted: BriefWanted) -> Brief:
    """Return the brief that a query asks for; without a day it is today's.

    A day to come, or older than rows are kept, is the nearest one that is not.

    Raises:
        Refusal: there is no such cluster or benchmark.
    """
    _, by, within, day, figure, benchmark = wanted
    if (within and within not in services.fleet.cluster_by_code) or not services.plan.knows(benchmark):
        raise Refusal(404, "not_found")
    if within and by not in INNER:
        by = GroupKind.WARD
    if by is GroupKind.CITY:
        by = GroupKind.CLUSTER
    now_us = services.now_us()
    today = services.calendar.local_day(now_us)
    day = min(today, max(day or today, today - timedelta(MOST_DAYS)))
    asked = BriefAsked(wanted.span, day, by, within, figure, benchmark, now_us)
    brand = Brand(services.fleet, services.calendar, services.plan, services.config.coverage_min)
    return await services.archive.brief(asked, brand)


def parse_day(text: str) -> date | None:
    """Return the day that an address names; None for none, and for what is no day."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def wording_of(services: Services, language: Language) -> Wording:
    """Return in which words a brief is told."""
    rules = {rule.name: rule for rule in services.rules}
    return Wording(services.texts, language, services.calendar.timezone, services.fleet, rules)


def _named(brief: Brief, end: str) -> dict[str, str]:
    return as_file(f"eduops-{brief.span}-{brief.day.isoformat()}.{end}")
