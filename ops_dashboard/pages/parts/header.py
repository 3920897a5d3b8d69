"""The header that every page shares: title, links to what the reader may see, the live line, clock."""

from typing import Any, Final

from dash import html

from contract.access.decision import Principal, may
from contract.access.permission import Permission
from contract.texts import Language, Texts
from ops_dashboard.access.asking import asking
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.registry import PAGES, Page, Rewind

REWIND_MIN: Final = 5
"""So many minutes ago the way through the past begins: chosen, what has just been seen."""


def page_header(texts: Texts, language: Language, here: str) -> html.Header:
    """Return the header; `here` is the path of the page it stands on."""
    other = Language.EN if language is Language.VI else Language.VI
    bearer = asking()
    who = None if bearer is None else bearer.principal

    return html.Header(
        [
            html.A(texts.say("app.skip", language), href="#main", className="skip"),
            html.H1(texts.say("app.name", language), className="title"),
            html.Nav(
                [
                    *_links(texts, language, here, who, in_menu=False),
                    *([_menu(texts, language, here, who)] if who is None or who.is_person else []),
                    html.A(
                        texts.say("nav.language", language),
                        href=f"?lang={other.value}",
                        lang=other.value,
                        className="nav-link",
                        **attributes(data_changes=f"lang={other.value}"),
                    ),
                ],
                **attributes(aria_label=texts.say("nav.label", language)),
            ),
            *_search(texts, language, who),
            html.Div(
                texts.say("link.connecting", language), id="link-state", className="pill", role="status"
            ),
            html.Time("", id="clock", className="clock"),
        ],
        className="header",
    )


def _links(
    texts: Texts, language: Language, here: str, who: Principal | None, *, in_menu: bool
) -> list[html.A]:
    """Return the links to the pages that the reader may see, of the line or of the menu behind it."""
    return [
        html.A(
            texts.say(page.link, language),
            href=page.route,
            className="nav-link nav-here" if page.route == here else "nav-link",
            **(attributes(aria_current="page") if page.route == here else {}),
        )
        for page in PAGES
        if page.link and page.in_menu is in_menu and _is_for(page, who)
    ]


def _menu(texts: Texts, language: Language, here: str, who: Principal | None) -> html.Details:
    """Return what stands behind "more": the way into the past, pages of few, the reader's own."""
    rewind = [
        html.A(
            texts.say("rewind.open", language),
            href=f"?at=-{REWIND_MIN}",
            className="nav-link",
            **attributes(data_changes=f"at=-{REWIND_MIN}"),
        )
        for page in PAGES
        if page.route == here and page.rewind is not Rewind.NONE
    ]
    is_behind = any(page.in_menu and page.route == here for page in PAGES)
    links = [*rewind, *_links(texts, language, here, who, in_menu=True), *_own_links(texts, language, who)]
    return html.Details(
        [
            html.Summary(
                texts.say("nav.more", language),
                className="nav-link nav-here" if is_behind else "nav-link",
            ),
            html.Div(links, className="nav-menu"),
        ],
        className="nav-more",
    )


def _is_for(page: Page, who: Principal | None) -> bool:
    return who is None or may(who, page.permission) is None


def _search(texts: Texts, language: Language, who: Principal | None) -> list[html.Button]:
    """Return what opens the search; the script makes the rest."""
    if who is not None and may(who, Permission.SEE_SCHOOL) is not None:
        return []
    words: list[Any] = [texts.say("find.open", language), html.Kbd("/", **attributes(aria_hidden="true"))]
    return [html.Button(words, id="find-open", className="find-open", **attributes(aria_keyshortcuts="/"))]


def _own_links(texts: Texts, language: Language, who: Principal | None) -> list[html.A]:
    """Return the links to the reader's own account, and to what administrators see to."""
    if who is None:
        return []
    found = [(f"{who.name} · {texts.say('people.account', language)}", "/account")]
    for key, to, what in (
        ("people.users", "/users", Permission.MANAGE_USERS),
        ("people.screens", "/screens", Permission.MANAGE_SCREENS),
        ("people.tokens", "/tokens", Permission.MANAGE_TOKENS),
        ("people.audit", "/audit", Permission.SEE_AUDIT),
    ):
        if may(who, what) is None:
            found.append((texts.say(key, language), to))
    return [html.A(word, href=to, className="nav-link") for word, to in found]


def stale_bar() -> html.Div:
    """Return the bar that covers the page's head when its data is old; the script fills it."""
    return html.Div("", id="stale-bar", className="stale-bar", hidden=True, role="alert")
