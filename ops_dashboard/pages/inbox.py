"""The center's own inbox, as a phone would show it: the script fills it (pure)."""

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page


def inbox_page(texts: Texts, language: Language) -> html.Div:
    """Return the page."""
    messages = html.Section(
        [
            html.H2(texts.say("inbox.title", language), className="panel-title"),
            html.P(texts.say("inbox.why", language), className="soft"),
            html.P(texts.say("inbox.none", language), id="inbox-none", hidden=True),
            html.Ol(
                [],
                id="messages",
                className="phone",
                **attributes(aria_label=texts.say("inbox.list", language), aria_live="polite"),
            ),
        ],
        className="panel",
    )
    return desk_page(texts, language, "/inbox", "inbox", messages)
