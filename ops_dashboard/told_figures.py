"""Figures of the day for Prometheus, from the same reports as the pages: leadership's, and people's load."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from alerting.incidents.response import GroupBy
from contract.errors import InfrastructureError
from contract.figures.spans import SpanKind
from contract.service.metrics import Meter
from contract.texts import Language
from ops_dashboard.api.leadership import BriefWanted, leadership_brief
from ops_dashboard.api.response import response_report
from ops_dashboard.services import Services
from ops_dashboard.view.leadership.brief import Brief, BriefFigure

EVERY_S: Final = 60.0
"""Figures are made anew with every quarter hour; a minute is soon enough to notice."""
SOON_S: Final = 5.0
"""… while there is none yet: a center that has just begun, or whose database is away."""
FIGURE: Final = "eduops_dashboard_figure"
COVERAGE: Final = "eduops_dashboard_figure_coverage"
HOUR: Final = "eduops_dashboard_contact_messages"
FLOOD: Final = "eduops_dashboard_contact_flood"
STANDING: Final = "eduops_dashboard_incidents_standing"
UNTOUCHED: Final = "eduops_dashboard_incidents_without_action"
DAY_S: Final = 86_400


async def tell_figures(services: Services, meter: Meter) -> None:
    """Put the figures of the day on a meter for ever, once a minute; none while the database is away."""
    while True:
        try:
            figures = figures_of(await leadership_brief(services, BriefWanted()))
            response = await response_report(services, GroupBy.ALL, 1, Language.EN)
        except InfrastructureError:
            figures, response = {}, {}
        put_figures(figures, meter)
        put_load(response, meter)
        is_known = any(figure.value is not None for figure in figures.values())
        await asyncio.sleep(EVERY_S if is_known else SOON_S)


def figures_of(brief: Brief) -> dict[str, BriefFigure]:
    """Return all figures of a day's brief by name."""
    lost = next(one.lost for one in brief.headlines if one.span == SpanKind.DAY)
    cards = {name: figure for card in brief.cards for name, figure in card.beside.items()}
    return {"lost": lost, **cards, **{card.name: card.figure for card in brief.cards}}


def put_figures(figures: dict[str, BriefFigure], meter: Meter) -> None:
    """Put figures with their coverage on a meter; what is unknown is not there, rather than old."""
    meter.clear(FIGURE)
    meter.clear(COVERAGE)
    for name, figure in figures.items():
        if figure.value is not None:
            meter.put(FIGURE, figure.value, name)
        if figure.expected:
            meter.put(COVERAGE, figure.known / figure.expected, name)


def put_load(response: Mapping[str, Any], meter: Meter) -> None:
    """Put a day's report of `response_report` on a meter: what each contact gets, and what nobody does."""
    for name in (HOUR, FLOOD, STANDING, UNTOUCHED):
        meter.clear(name)
    for one in response.get("load", ()):
        meter.put(HOUR, one["last_hour"], one["to"])
        meter.put(FLOOD, one["flood_s"] / DAY_S, one["to"])
    if response:
        untouched = response["standing_without_action"]
        meter.put(STANDING, untouched, "none")
        meter.put(STANDING, response["standing"] - untouched, "some")
        meter.put(UNTOUCHED, response["without_action"])
