"""An incident: an empty frame that the script fills and keeps in step (pure)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page
from ops_dashboard.pages.parts.keys import keys_help

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
    parts = html.Div(
        [
            html.Div(_advice(texts, language), className="stack"),
            html.Div(_course(texts, language), className="stack"),
        ],
        id="incident-parts",
        className="incident-parts",
        hidden=True,
    )
    return desk_page(
        texts,
        language,
        "/incidents",
        "incident",
        [_head(), _deeds(texts, language), parts, keys_help(texts, language, KEYS)],
        beside=[html.Datalist([html.Option(value=name) for name in people], id="people")],
        data_denied=json.dumps(denied),
    )


def _head() -> html.Section:
    """Return where the incident's name, what is said of it and its figures stand."""
    return html.Section(
        [
            html.P("", id="alias", className="alias", hidden=True),
            html.H2([], id="incident-name", className="incident-name"),
            html.Div([], id="said", className="said"),
            html.Dl([], id="figures", className="figures"),
            html.P("", id="incident-missing", hidden=True),
        ],
        className="panel panel-incident",
    )


def _deeds(texts: Texts, language: Language) -> html.Section:
    """Return the bar of what can be done about the incident."""
    return html.Section(
        [
            html.Div([], id="deeds", className="deeds"),
            html.P("", id="deed-result", className="deed-result", role="status"),
        ],
        id="deed-bar",
        className="panel deed-bar",
        hidden=True,
        **attributes(aria_label=texts.say("incident.deeds", language)),
    )


def _advice(texts: Texts, language: Language) -> list[html.Section]:
    """Return the panels of what to do and whom it reaches."""
    return [
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


def _course(texts: Texts, language: Language) -> list[html.Section]:
    """Return the panels of what came of it, what was like it, and its members."""
    return [
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


def _panel(texts: Texts, language: Language, key: str, body: Any, note: str = "") -> html.Section:
    title = html.H2(texts.say(key, language), className="panel-title")
    head = [title, html.Span("", id=note, className="panel-note")] if note else [title]
    return html.Section([html.Div(head, className="panel-head"), body], className="panel")
