"""Leadership's figures of the day for Prometheus, from the same brief as page, report, table and API."""

import asyncio
from typing import Final

from contract.errors import InfrastructureError
from contract.figures.spans import SpanKind
from contract.service.metrics import Meter
from ops_dashboard.api.leadership import BriefWanted, leadership_brief
from ops_dashboard.services import Services
from ops_dashboard.view.leadership.brief import Brief, BriefFigure

EVERY_S: Final = 60.0
"""Figures are made anew with every quarter hour; a minute is soon enough to notice."""
SOON_S: Final = 5.0
"""… while there is none yet: a center that has just begun, or whose database is away."""
FIGURE: Final = "eduops_dashboard_figure"
COVERAGE: Final = "eduops_dashboard_figure_coverage"


async def tell_figures(services: Services, meter: Meter) -> None:
    """Put the figures of the day on a meter for ever, once a minute; none while the database is away."""
    while True:
        try:
            figures = figures_of(await leadership_brief(services, BriefWanted()))
        except InfrastructureError:
            figures = {}
        put_figures(figures, meter)
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
