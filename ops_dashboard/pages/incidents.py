"""The list of incidents: the script fills it (pure)."""

from typing import Final

from dash import html

from contract.fleet import Fleet
from contract.texts import Language, Texts
from ops_dashboard.pages.attributes import attributes
from ops_dashboard.pages.filters import csv_links, select_filter
from ops_dashboard.pages.header import page_header, stale_bar
from ops_dashboard.pages.keys import keys_help

GROUPS: Final = ("open", "acknowledged", "silenced", "chronic", "resolved")
"""Parts of the list in their order; each has texts in texts.toml."""
KEYS: Final = (("j", "keys.next"), ("k", "keys.previous"))
COLUMNS: Final = ("priority", "name", "reach", "pupils", "since", "who", "todo")


def incidents_page(texts: Texts, language: Language, fleet: Fleet) -> html.Div:
    """Return the page."""
    head = html.Div(
        [
            html.H2(texts.say("incident.list", language), className="panel-title"),
            html.Span("", id="incidents-count", className="panel-note", role="status"),
            csv_links(texts, language, "/api/incidents.csv", texts.say("incident.list", language)),
        ],
        className="panel-head",
    )
    columns = [html.Th(texts.say(f"incident.{name}", language), scope="col") for name in COLUMNS]
    table = html.Table(
        [html.Thead(html.Tr(columns))],
        id="incidents",
        className="table incidents",
        **attributes(aria_label=texts.say("incident.list", language)),
    )
    return html.Div(
        [
            page_header(texts, language, "/incidents"),
            stale_bar(),
            html.Main(
                html.Section(
                    [
                        head,
                        _filters(texts, language, fleet),
                        table,
                        html.P(texts.say("incident.none", language), id="incidents-none", hidden=True),
                        keys_help(texts, language, KEYS),
                    ],
                    className="panel panel-incidents",
                ),
                id="main",
                className="desk desk-one",
            ),
        ],
        className="page page-desk",
        **attributes(data_page="incidents"),
    )


def _filters(texts: Texts, language: Language, fleet: Fleet) -> html.Form:
    choices = {
        "state": [(group, texts.say(f"incident.group_{group}", language)) for group in GROUPS],
        "priority": [(str(p), f"P{p}") for p in (1, 2, 3)],
        "cluster": [(c.name, c.name) for c in fleet.clusters],
        "isp": [(isp, isp) for isp in sorted({s.isp for s in fleet.schools})],
    }
    return html.Form(
        [select_filter(texts, language, name, options) for name, options in choices.items()],
        className="filters",
        id="filters",
        **attributes(aria_label=texts.say("alerts.filters", language)),
    )
