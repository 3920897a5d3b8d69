"""The wall: an empty frame that the script fills from the websocket (pure)."""

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.attributes import attributes
from ops_dashboard.pages.header import page_header, stale_bar

TILES = ("connected", "attendance", "elearning", "alerts")


def wall_page(texts: Texts, language: Language) -> html.Div:
    """Return the overview page."""
    return html.Div(
        [
            page_header(texts, language, "/"),
            stale_bar(),
            html.Main(
                [
                    _map(texts, language),
                    _tiles(texts, language),
                    _alarms(texts, language),
                    _chart(texts, language),
                ],
                id="main",
                className="wall",
            ),
        ],
        className="page page-wall",
        **attributes(data_page="wall"),
    )


def _panel_title(texts: Texts, language: Language, key: str, identity: str) -> html.H2:
    return html.H2(texts.say(key, language), id=identity, className="panel-title")


def _map(texts: Texts, language: Language) -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    _panel_title(texts, language, "wall.map", "map-title"),
                    html.Ul([], id="legend", className="legend"),
                ],
                className="panel-head",
            ),
            html.Div(
                [
                    html.Canvas(id="honeycomb", **attributes(aria_hidden="true")),
                    html.Div([], id="areas", **attributes(aria_hidden="true")),
                    html.Div("", id="tip", className="tip", hidden=True),
                ],
                id="map",
                className="map",
            ),
            html.Div([], id="map-table", className="visually-hidden"),
        ],
        className="panel panel-map",
        **attributes(aria_labelledby="map-title"),
    )


def _tiles(texts: Texts, language: Language) -> html.Section:
    return html.Section([_tile(texts, language, name) for name in TILES], className="tiles")


def _tile(texts: Texts, language: Language, name: str) -> html.Div:
    head = [
        html.H2(texts.say(f"kpi.{name}", language), className="tile-name"),
        *([html.Span("", id="muted", className="muted", role="img")] if name == "alerts" else []),
        html.Span("", className="tile-age"),
    ]
    value = [
        html.Span("–", className="tile-number"),
        html.Span("", className="tile-unit"),
        html.Span([], className="tile-counts"),
    ]
    return html.Div(
        [
            html.Div(head, className="tile-head"),
            html.Div(value, className="tile-value"),
            html.Div("", className="tile-coverage"),
        ],
        id=f"tile-{name}",
        className="panel tile",
    )


def _alarms(texts: Texts, language: Language) -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    _panel_title(texts, language, "wall.alarms", "alarms-title"),
                    html.Span("", id="alarms-more", className="panel-note"),
                ],
                className="panel-head",
            ),
            html.Ol([], id="alarms", className="alarms"),
        ],
        className="panel panel-alarms",
        **attributes(aria_labelledby="alarms-title"),
    )


def _chart(texts: Texts, language: Language) -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    _panel_title(texts, language, "wall.chart", "chart-title"),
                    html.Span("", id="chart-now", className="panel-note"),
                ],
                className="panel-head",
            ),
            html.Div([], id="chart", className="chart"),
            html.Div([], id="chart-table", className="visually-hidden"),
        ],
        className="panel panel-chart",
        **attributes(aria_labelledby="chart-title"),
    )
