"""How the command line and the notifier come by reports: the dashboard's own functions, handed over."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from config.files import Configuration, shipped_texts
from contract.figures.sums import GroupKind
from contract.fleet import Fleet
from contract.routing.report import MadeReport, ReportFormat, ScheduledReport
from contract.texts import Language

if TYPE_CHECKING:
    from notifier.letters import MakeReport
    from ops_dashboard.view.leadership.maker import BriefAsked

MakeBrief = Callable[
    [AsyncConnection[Any], "BriefAsked", Language, Sequence[ReportFormat]], Awaitable[MadeReport]
]


def brief_maker(fleet: Fleet, own: Configuration, coverage_min: float) -> MakeBrief:
    """Return what makes the report that is asked for, from the tables as a connection sees them.

    Args:
        fleet: whose schools they are of.
        own: the operator's files.
        coverage_min: share of what was expected below which a figure is unknown.
    """
    texts, rules = shipped_texts(), {rule.name: rule for rule in own.rules}

    async def make(
        conn: AsyncConnection[Any], asked: "BriefAsked", language: Language, formats: Sequence[ReportFormat]
    ) -> MadeReport:
        # With the first report: typst and the words of the brief, which no notice needs.
        from ops_dashboard.report.making import make_report
        from ops_dashboard.view.leadership.maker import Brand
        from ops_dashboard.view.leadership.worded import Wording

        wording = Wording(texts, language, own.calendar.timezone, fleet, rules)
        return await make_report(
            conn, asked, Brand(fleet, own.calendar, own.plan, coverage_min), wording, formats
        )

    return make


def report_maker(fleet: Fleet, own: Configuration, coverage_min: float) -> "MakeReport":
    """Return what makes the reports of a schedule: those of `eduops report`, of the city by cluster."""
    make_brief = brief_maker(fleet, own, coverage_min)

    async def make(conn: AsyncConnection[Any], report: ScheduledReport, language: Language) -> MadeReport:
        from ops_dashboard.view.leadership.maker import BriefAsked  # as above

        asked = BriefAsked(report.span, report.last, GroupKind.CLUSTER)
        return await make_brief(conn, asked, language, report.formats)

    return make
