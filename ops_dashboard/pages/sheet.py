"""The frame of a sheet: a school, a provider, an area, a system, the data; the script fills it (pure)."""

from typing import Any

from dash import html

from contract.live import STATE_ALERTED, STATE_CHRONIC, STATE_MAINTENANCE, STATE_NORMAL, STATE_UNKNOWN
from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page

STATES: str = STATE_ALERTED + STATE_UNKNOWN + STATE_CHRONIC + STATE_MAINTENANCE + STATE_NORMAL
"""States of schools in the order of urgency."""


def sheet_page(
    texts: Texts,
    language: Language,
    name: str,
    source: str,
    title: str = "",
    beside: html.Section | None = None,
) -> html.Div:
    """Return the page.

    Args:
        texts: all words.
        language: of the reader.
        name: the page's own.
        source: where its script asks.
        title: what the page is about, where that is known before it asks.
        beside: what stands at the left of its tables.
    """
    head = html.Section(
        [
            html.Nav(
                "", id="sheet-way", className="way", **attributes(aria_label=texts.say("sheet.way", language))
            ),
            html.H2(title, id="sheet-title", className="sheet-title"),
            html.Div([], id="sheet-verdict", className="sheet-verdict", hidden=True),
            html.P("", id="sheet-about", className="soft"),
            html.Ul(
                [],
                id="sheet-states",
                className="sheet-states",
                hidden=True,
                **attributes(aria_label=texts.say("sheet.states", language)),
            ),
            html.P(texts.say("sheet.missing", language), id="sheet-missing", hidden=True),
        ],
        className="panel sheet-head",
    )
    body: list[Any] = [html.Div([], id="sheet-tables", className="sheet-tables")]
    if beside is not None:
        main_table = html.Div([], id="sheet-main", className="sheet-tables")
        body = [html.Div([beside, *body], className="sheet-beside"), main_table]
    return desk_page(texts, language, f"/{name}", name, [head, *body], data_source=source, data_states=STATES)
