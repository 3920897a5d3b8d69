"""The frame of every page but the wall: header, line state, and what the page is about (pure)."""

from typing import Any

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.header import page_header, stale_bar


def desk_page(
    texts: Texts,
    language: Language,
    address: str,
    name: str,
    parts: Any,
    *,
    layout: str = "desk desk-one",
    beside: list[Any] | None = None,
    **data: str,
) -> html.Div:
    """Return a page.

    Args:
        texts: all words.
        language: of the reader.
        address: which link of the header is marked.
        name: the page's own, by which its script starts.
        parts: what it is about.
        layout: classes that say how its parts stand.
        beside: what its script needs outside of them.
        data: further `data_…` attributes for its script.
    """
    main = html.Main(parts, id="main", className=layout)
    return html.Div(
        [page_header(texts, language, address), stale_bar(), main, *(beside or [])],
        className="page page-desk",
        **attributes(data_page=name, **data),
    )
