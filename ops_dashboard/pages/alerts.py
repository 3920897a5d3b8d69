"""The engineers' page: a live table, its filters, and the details of one alert (pure)."""

from collections.abc import Sequence
from typing import Any, Final

import dash_ag_grid as dag
from dash import html

from contract.fleet import Fleet
from contract.rule import Rule
from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page
from ops_dashboard.pages.parts.filters import csv_links, select_filter

DARK: Final = (
    "themeQuartz.withParams({"
    "backgroundColor: '#1B2026', foregroundColor: '#E8EDF2', headerBackgroundColor: '#14171B',"
    "headerTextColor: '#A9B4C0', borderColor: '#2A313A', browserColorScheme: 'dark', accentColor: '#E8EDF2',"
    "rowHoverColor: '#232A32', selectedRowBackgroundColor: '#2F3843', oddRowBackgroundColor: '#1B2026',"
    "fontFamily: 'inherit', fontSize: 'calc(6.2 * var(--u))', headerFontSize: 'calc(5.8 * var(--u))',"
    "rowHeight: 'calc(18 * var(--u))', headerHeight: 'calc(18 * var(--u))', wrapperBorderRadius: '4px'})"
)
"""AG Grid turns dark through its theme's parameters only."""
GRID: Final = "alert-grid"


def alerts_page(texts: Texts, language: Language, fleet: Fleet, rules: Sequence[Rule]) -> html.Div:
    """Return the page; the script fills the table from `/api/alerts` and the websocket."""
    table = html.Section(
        [
            _head(texts, language),
            _filters(texts, language, fleet, rules),
            html.Div(_grid(texts, language), className="grid-place"),
            html.Ol([], id="cards", className="cards"),
            html.P(texts.say("alerts.none", language), id="alerts-none", hidden=True),
        ],
        className="panel panel-table",
    )
    details = html.Aside(
        html.P(texts.say("alerts.select", language), className="soft"),
        id="details",
        className="panel panel-details",
        **attributes(aria_label=texts.say("alerts.details", language), aria_live="polite"),
    )
    return desk_page(texts, language, "/alerts", "alerts", [table, details], layout="desk")


def _head(texts: Texts, language: Language) -> html.Div:
    return html.Div(
        [
            html.H2(texts.say("alerts.title", language), className="panel-title"),
            html.Span("", id="alerts-count", className="panel-note", role="status"),
            csv_links(texts, language, "/api/alerts.csv", texts.say("alerts.title", language)),
        ],
        className="panel-head",
    )


def _filters(texts: Texts, language: Language, fleet: Fleet, rules: Sequence[Rule]) -> html.Form:
    vi = language is Language.VI
    choices = {
        "state": [
            ("open", texts.say("alerts.state_open", language)),
            ("acknowledged", texts.say("alerts.state_acknowledged", language)),
            ("silenced", texts.say("alerts.state_silenced", language)),
            ("resolved", texts.say("alerts.state_resolved", language)),
        ],
        "priority": [(str(p), f"P{p}") for p in (1, 2, 3)],
        "rule": [(r.name, r.title_vi if vi else r.title_en) for r in rules],
        "cluster": [(c.name, c.name) for c in fleet.clusters],
        "isp": [(isp, isp) for isp in sorted({s.isp for s in fleet.schools})],
    }
    selects = [select_filter(texts, language, name, options) for name, options in choices.items()]
    # A plain search field built by the script: React would take the typed text over.
    search = html.Div(id="filter-text-place", className="filter filter-wide")
    return html.Form(
        [search, *selects],
        className="filters",
        id="filters",
        **attributes(aria_label=texts.say("alerts.filters", language)),
    )


def _columns(texts: Texts, language: Language) -> list[dict[str, Any]]:
    """Return the table's columns in AG Grid's terms; what a cell shows is ready in the row's `text`."""

    def column(field: str, key: str, flex: float, **more: Any) -> dict[str, Any]:
        return {"field": field, "headerName": texts.say(key, language), "flex": flex, **more}

    shown = {"function": "params.data.text[params.colDef.field]"}
    return [
        column(
            "priority",
            "alerts.priority",
            1.1,
            minWidth=94,
            sort="asc",
            sortIndex=1,
            valueFormatter={"function": "'P' + params.value"},
            cellClassRules={f"priority-{p}": f"params.value == {p}" for p in (1, 2, 3)},
        ),
        column("rule", "alerts.rule", 1.5, valueFormatter=shown),
        column("school", "alerts.school", 2),
        column("ward", "alerts.ward", 1.3),
        column("cluster", "alerts.cluster", 1.1),
        column("isp", "alerts.isp", 0.8),
        column("value", "alerts.value", 0.9, valueFormatter=shown, type="rightAligned"),
        column(
            "since",
            "alerts.since",
            1.2,
            minWidth=84,
            valueFormatter=shown,
            sort="desc",
            sortIndex=2,
            type="rightAligned",
        ),
        column("pupils", "alerts.pupils", 0.8, valueFormatter=shown, type="rightAligned"),
        column("order", "alerts.state", 1.8, minWidth=98, valueFormatter=shown, sort="asc", sortIndex=0),
        column("who", "alerts.who", 1.1),
    ]


def _grid(texts: Texts, language: Language) -> dag.AgGrid:
    return dag.AgGrid(
        id=GRID,
        rowData=[],
        columnDefs=_columns(texts, language),
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "minWidth": 60,
            "suppressMovable": True,
            "wrapHeaderText": True,
            "wrapText": True,
            "autoHeight": True,
        },
        getRowId="params.data.id",
        dashGridOptions={
            "theme": {"function": DARK},
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "animateRows": False,
            "rowClassRules": {"row-silenced": "params.data.silence !== null"},
            "suppressCellFocus": False,
            "tooltipShowDelay": 300,
            "suppressOverlays": ["noRows", "noMatchingRows"],
        },
        className="alert-grid",
        style={"height": "100%", "width": "100%"},
    )
