"""The list of incidents: the script fills it (pure)."""

import json
from collections.abc import Mapping
from typing import Final

from dash import html

from contract.fleet import Fleet
from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page
from ops_dashboard.pages.parts.filters import csv_links, select_filter
from ops_dashboard.pages.parts.keys import keys_help
from ops_dashboard.view.desk.lists import GROUPS

KEYS: Final = (
    ("j", "keys.next"),
    ("k", "keys.previous"),
    ("Enter", "keys.open"),
    ("a", "incident.do_acknowledged"),
    ("s", "incident.do_silence"),
    ("Esc", "keys.leave"),
)
COLUMNS: Final = ("priority", "name", "reach", "pupils", "since", "who", "todo")


def incidents_page(texts: Texts, language: Language, fleet: Fleet, denied: Mapping[str, str]) -> html.Div:
    """Return the page; `denied` is what the reader may not do, as `ops_dashboard.access.own.denials` says."""
    head = html.Div(
        [
            html.H2(texts.say("incident.list", language), className="panel-title"),
            html.Span("", id="incidents-count", className="panel-note", role="status"),
            csv_links(texts, language, "/api/incidents.csv", texts.say("incident.list", language)),
        ],
        className="panel-head",
    )
    table = html.Table(
        [html.Thead(html.Tr([]))],
        id="incidents",
        className="table incidents",
        **attributes(aria_label=texts.say("incident.list", language)),
    )
    views = html.Nav(
        [],
        id="views",
        className="views",
        hidden=True,
        **attributes(aria_label=texts.say("views.title", language)),
    )
    listed = html.Section(
        [
            head,
            _filters(texts, language, fleet),
            html.Div([views, keys_help(texts, language, KEYS)], className="list-tools"),
            html.P("", id="deed-result", className="deed-result", role="status"),
            table,
            html.P(texts.say("incident.none", language), id="incidents-none", hidden=True),
        ],
        className="panel panel-incidents",
    )
    return desk_page(texts, language, "/incidents", "incidents", listed, data_denied=json.dumps(denied))


def _filters(texts: Texts, language: Language, fleet: Fleet) -> html.Form:
    choices = {
        "state": [(group, texts.say(f"incident.group_{group}", language)) for group in GROUPS],
        "priority": [(str(p), f"P{p}") for p in (1, 2, 3)],
        "cluster": [(c.name, c.name) for c in fleet.clusters],
        "isp": [(isp, isp) for isp in sorted({s.isp for s in fleet.schools})],
    }
    selects = [select_filter(texts, language, name, options) for name, options in choices.items()]
    return html.Form(
        [*selects, _order(texts, language)],
        className="filters",
        id="filters",
        **attributes(aria_label=texts.say("alerts.filters", language)),
    )


def _order(texts: Texts, language: Language) -> html.Div:
    """Return the choice of the order, which a phone has no heads of columns for."""
    options = [html.Option(texts.say("incident.order_usual", language), value="")]
    for name in COLUMNS:
        title = texts.say(f"incident.{name}", language)
        options.append(html.Option(texts.say("incident.order_up", language, name=title), value=name))
        options.append(html.Option(texts.say("incident.order_down", language, name=title), value=f"-{name}"))
    return html.Div(
        [
            html.Label(texts.say("incident.order", language), htmlFor="filter-sort"),
            html.Select(options, id="filter-sort", className="control"),
        ],
        className="filter filter-order",
    )
