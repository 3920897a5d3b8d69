"""The page of days for the calendar: the script fills both lists (pure)."""

from typing import Final

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page

COLUMNS: Final = ("day", "place", "seen", "deeds")
"""Of the proposals."""
DECIDED_COLUMNS: Final = ("day", "place", "why", "deeds")


def calendar_page(texts: Texts, language: Language, *, may_decide: bool) -> html.Div:
    """Return the page."""

    def say(key: str) -> str:
        return texts.say(f"calendar.{key}", language)

    def table(name: str, columns: tuple[str, ...], title: str) -> html.Table:
        head = html.Thead(html.Tr([html.Th(say(f"head_{column}"), scope="col") for column in columns]))
        return html.Table(
            [head, html.Tbody(id=name)],
            id=f"{name}-table",
            className="table special-days",
            hidden=True,
            **attributes(aria_label=title),
        )

    proposed = [
        html.Div(
            [
                html.H2(say("title"), className="panel-title"),
                html.Span("", id="calendar-count", className="panel-note", role="status"),
            ],
            className="panel-head",
        ),
        html.P(say("why_page"), className="soft"),
        html.P("", id="deed-result", className="deed-result", role="status"),
        table("proposals", COLUMNS, say("title")),
        html.Div(
            html.Button(say("accept_all"), id="accept-all", className="button", type="button", hidden=True),
            className="ranges",
        ),
        html.P(say("none"), id="proposals-none", hidden=True),
        html.P(say("reading"), id="calendar-reading", className="soft"),
    ]
    decided = [
        html.H2(say("decided"), className="panel-title"),
        html.P(say("decided_none"), id="decided-none", hidden=True),
        table("decided", DECIDED_COLUMNS, say("decided")),
    ]
    panels = [html.Section(part, className="panel panel-incidents") for part in (proposed, decided)]
    may = "decide" if may_decide else ""
    return desk_page(texts, language, "/calendar", "calendar", panels, data_may=may)
