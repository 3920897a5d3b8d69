"""An incident: an empty frame that the script fills and keeps in step (pure)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.attributes import attributes
from ops_dashboard.pages.header import page_header, stale_bar
from ops_dashboard.pages.keys import keys_help

KEYS: Final = (
    ("a", "incident.do_acknowledged"),
    ("g", "incident.do_assigned"),
    ("s", "incident.do_silence"),
    ("n", "incident.do_commented"),
    ("Esc", "keys.to_list"),
)
"""Keys of `incident_deeds.js`."""


def incident_page(
    texts: Texts, language: Language, people: Sequence[str], denied: Mapping[str, str]
) -> html.Div:
    """Return the page.

    Args:
        texts: all words.
        language: of the reader.
        people: names that are suggested where an incident is assigned.
        denied: what the reader may not do, as `ops_dashboard.access.own.denials` says it.
    """
    head = html.Section(
        [
            html.P("", id="alias", className="alias", hidden=True),
            html.H2([], id="incident-name", className="incident-name"),
            html.Div([], id="said", className="said"),
            html.Dl([], id="figures", className="figures"),
            html.P("", id="incident-missing", hidden=True),
        ],
        className="panel panel-incident",
    )
    deeds = html.Section(
        [
            html.Div([], id="deeds", className="deeds"),
            html.P("", id="deed-result", className="deed-result", role="status"),
        ],
        id="deed-bar",
        className="panel deed-bar",
        hidden=True,
        **attributes(aria_label=texts.say("incident.deeds", language)),
    )
    left = [
        _panel(
            texts,
            language,
            "alerts.advice",
            html.Div([html.Div([], id="advice"), html.Dl([], id="provider", className="facts", hidden=True)]),
        ),
        _panel(
            texts, language, "incident.reach_over_time", html.Div([], id="reach", className="reach-chart")
        ),
        _panel(texts, language, "incident.worst", html.Div([], id="worst")),
    ]
    right = [
        _panel(texts, language, "alerts.history", html.Ol([], id="timeline", className="timeline")),
        _panel(texts, language, "incident.notices", html.Div([], id="notices")),
        _panel(texts, language, "incident.similar", html.Div([], id="similar")),
        _panel(
            texts,
            language,
            "incident.members",
            html.Div(
                [
                    html.Span([], id="members-file", className="sheet-downloads"),
                    html.Div([], id="member-groups", className="member-groups"),
                    html.Div([], id="members"),
                ]
            ),
            "members-note",
        ),
    ]
    parts = html.Div(
        [html.Div(left, className="stack"), html.Div(right, className="stack")],
        id="incident-parts",
        className="incident-parts",
        hidden=True,
    )
    return html.Div(
        [
            page_header(texts, language, "/incidents"),
            stale_bar(),
            html.Main(
                [head, deeds, parts, keys_help(texts, language, KEYS)], id="main", className="desk desk-one"
            ),
            html.Datalist([html.Option(value=name) for name in people], id="people"),
        ],
        className="page page-desk",
        **attributes(data_page="incident", data_denied=json.dumps(denied)),
    )


def _panel(texts: Texts, language: Language, key: str, body: Any, note: str = "") -> html.Section:
    title = html.H2(texts.say(key, language), className="panel-title")
    head = [title, html.Span("", id=note, className="panel-note")] if note else [title]
    return html.Section([html.Div(head, className="panel-head"), body], className="panel")
