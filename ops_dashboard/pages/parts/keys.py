"""The help of a page's keys, and the switch that turns them off (pure)."""

from collections.abc import Sequence

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes


def keys_help(texts: Texts, language: Language, keys: Sequence[tuple[str, str]]) -> html.Details:
    """Return the help, folded in; `keys` are what to press and the key of the text that says what it does."""
    listed = [
        html.Li([html.Kbd(key), " ", texts.say(what, language).rstrip("…")], className="key")
        for key, what in keys
    ]
    # The script keeps the switch: React would take it over.
    switch = html.Label(
        [html.Span(id="keys-on-place"), texts.say("keys.on", language)], className="reason", htmlFor="keys-on"
    )
    return html.Details(
        [
            html.Summary(
                [texts.say("keys.title", language), " ", html.Kbd("?", **attributes(aria_hidden="true"))]
            ),
            html.Ul(listed, className="keys"),
            switch,
            html.P(texts.say("keys.why", language), className="soft"),
        ],
        className="keys-help",
    )
