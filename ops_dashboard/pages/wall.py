"""The wall: an empty frame that the script fills from the websocket (pure)."""

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.header import page_header, stale_bar
from ops_dashboard.pages.wall_address import WallAddress

TILES = ("connected", "attendance", "elearning", "affected")


def wall_page(texts: Texts, language: Language, address: WallAddress) -> html.Div:
    """Return the overview page of the whole city, or of the area that its address names."""
    return html.Div(
        [
            page_header(texts, language, "/"),
            stale_bar(),
            html.Main(
                [
                    *_said(address),
                    _tiles(texts, language),
                    _map(texts, language, address),
                    _view(texts, language),
                    _traffic(texts, language),
                    _alarms(texts, language),
                ],
                id="main",
                className="wall",
                **attributes(
                    data_view=address.view,
                    data_area="" if address.area is None else address.area.code,
                    data_rotate=str(address.rotate_s),
                    data_scale=str(address.scale),
                    data_dim=address.dim,
                ),
            ),
        ],
        className="page page-wall",
        **attributes(data_page="wall"),
    )


def _said(address: WallAddress) -> list[html.Div]:
    if not address.said:
        return []
    sentences = [html.P(sentence) for sentence in address.said]
    return [html.Div(sentences, id="said", className="panel panel-said", role="status")]


def _panel_title(texts: Texts, language: Language, key: str, identity: str) -> html.H2:
    return html.H2(texts.say(key, language), id=identity, className="panel-title")


def _map(texts: Texts, language: Language, address: WallAddress) -> html.Section:
    title = texts.say("wall.map", language)
    if address.area is not None:
        title = (
            address.area.name
            if address.area.is_ward
            else f"{texts.say('wall.cluster', language)} {address.area.name}"
        )
    return html.Section(
        [
            html.Div(
                [
                    html.H2(title, id="map-title", className="panel-title"),
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
        className="panel panel-left panel-map",
        **attributes(aria_labelledby="map-title"),
    )


def _view(texts: Texts, language: Language) -> html.Section:
    """Return the place of the views that come in turn with the map."""
    return html.Section(
        [
            _panel_title(texts, language, "wall.attendance", "view-title"),
            html.Div([], id="view", className="view"),
        ],
        className="panel panel-left panel-view",
        **attributes(aria_labelledby="view-title"),
    )


def _tiles(texts: Texts, language: Language) -> html.Section:
    return html.Section([_tile(texts, language, name) for name in TILES], className="tiles")


def _tile(texts: Texts, language: Language, name: str) -> html.Div:
    head = [
        html.Span([], className="tile-mark"),
        html.H2(texts.say(f"kpi.{name}", language), className="tile-name"),
        html.Span("", className="tile-age"),
    ]
    value = [
        html.Span("–", className="tile-number"),
        html.Span("", className="tile-unit"),
    ]
    bounds = [
        html.Span("", className="tile-target"),
        html.Span("", className="tile-before"),
        *([html.Span("", id="muted", className="muted", role="img")] if name == "affected" else []),
    ]
    return html.Div(
        [
            html.Div(head, className="tile-head"),
            html.Div(value, className="tile-value"),
            html.Div(bounds, className="tile-row"),
            html.Div(html.Span("", className="tile-coverage"), className="tile-row"),
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
                    html.Span([], id="alarms-more", className="panel-note"),
                ],
                className="panel-head",
            ),
            html.Ol([], id="alarms", className="alarms"),
            html.Div([], id="day", className="day", hidden=True),
        ],
        className="panel panel-alarms",
        **attributes(aria_labelledby="alarms-title"),
    )


def _traffic(texts: Texts, language: Language) -> html.Section:
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
        className="panel panel-left panel-traffic",
        **attributes(aria_labelledby="chart-title"),
    )
