"""A school: the frame of its sheet, and its charts, which stand in the document before any script (pure)."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from dash import html

from contract.fleet import School
from contract.rule import Rule
from contract.texts import Language, Texts
from ops_dashboard.charts.school_charts import SchoolCharts
from ops_dashboard.pages.plots.school import school_charts
from ops_dashboard.pages.sheet import sheet_page


def school_page(
    texts: Texts,
    language: Language,
    school: School,
    charts: SchoolCharts,
    rules: Sequence[Rule],
    zone: ZoneInfo,
) -> html.Div:
    """Return the page of a school; its script fills the sheet."""
    beside = school_charts(texts, language, school.code, charts, rules, zone)
    return sheet_page(
        texts, language, "school", f"/api/sheets/school/{school.code}", title=school.name, beside=beside
    )
