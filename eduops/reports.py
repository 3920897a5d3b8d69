"""How the notifier comes by reports: the dashboard's own functions, handed over by whoever starts it."""

from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from config.files import Configuration, shipped_texts
from contract.figures.sums import GroupKind
from contract.fleet import Fleet
from contract.routing.report import MadeReport, ScheduledReport
from contract.texts import Language

if TYPE_CHECKING:
    from notifier.letters import MakeReport


def report_maker(fleet: Fleet, own: Configuration, coverage_min: float) -> "MakeReport":
    """Return what makes the reports of a schedule: those of `eduops report`, to the digit.

    Args:
        fleet: whose schools they are of.
        own: the operator's files.
        coverage_min: share of what was expected below which a figure is unknown.
    """
    texts, rules = shipped_texts(), {rule.name: rule for rule in own.rules}

    async def make(conn: AsyncConnection[Any], report: ScheduledReport, language: Language) -> MadeReport:
        # With the first report: typst and the words of the brief, which no notice needs.
        from ops_dashboard.report.making import make_report
        from ops_dashboard.view.leadership.maker import Brand, BriefAsked
        from ops_dashboard.view.leadership.worded import Wording

        asked = BriefAsked(report.span, report.last, GroupKind.CLUSTER)
        wording = Wording(texts, language, own.calendar.timezone, fleet, rules)
        brand = Brand(fleet, own.calendar, own.plan, coverage_min)
        return await make_report(conn, asked, brand, wording, report.formats)

    return make
