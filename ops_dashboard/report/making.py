"""A report as it is handed over: the brief of a span in words, and as the files that are wanted."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from psycopg import AsyncConnection

from contract.routing.report import MadeReport, ReportFile, ReportFormat
from contract.texts import Language, Texts
from ops_dashboard.charts.marks import PAPER
from ops_dashboard.report.pdf import report_pdf
from ops_dashboard.report.reading import read_brief
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.maker import Brand, BriefAsked
from ops_dashboard.view.leadership.tables import TableForm, brief_table
from ops_dashboard.view.leadership.worded import WordedBrief, Wording
from ops_dashboard.view.leadership.wording import worded

ENDS: Final = {ReportFormat.PDF: ".pdf", ReportFormat.CSV: ".csv", ReportFormat.EXCEL: "-excel.csv"}
"""How the name of a file ends: a report may have both tables."""


async def make_report(
    conn: AsyncConnection[Any],
    asked: BriefAsked,
    brand: Brand,
    wording: Wording,
    formats: Sequence[ReportFormat],
) -> MadeReport:
    """Return a report with its files in the order of `formats`.

    Args:
        conn: a connection.
        asked: which brief.
        brand: what it is measured by.
        wording: in which words.
        formats: how it is written.
    """
    brief = await read_brief(conn, asked, brand)
    words, files = worded(brief, wording, PAPER), []
    for form in formats:
        content = await asyncio.to_thread(_written, form, brief, words, wording.texts, wording.language)
        files.append(ReportFile(f"eduops-{brief.span}-{brief.day.isoformat()}{ENDS[form]}", content))
    return MadeReport(asked.kind, brief.day, words.title, words.sentence, tuple(files))


def _written(form: ReportFormat, brief: Brief, words: WordedBrief, texts: Texts, language: Language) -> bytes:
    if form is ReportFormat.PDF:
        return report_pdf(words, texts, language)
    table = TableForm.EXCEL if form is ReportFormat.EXCEL else TableForm.PLAIN
    return brief_table(brief, texts, language, table).encode()
