"""A page's components as plain HTML, to be read until Dash's scripts have put the page itself there (pure).

On a slow line the scripts take seconds; the document and its style sheets are a fifth of their bytes. Names
of Dash's base class: docs/decisions/0019.
"""

from collections.abc import Iterator
from html import escape
from typing import Any, Final

from dash.development.base_component import Component

_VOID: Final = frozenset({"Br", "Col", "Hr", "Img", "Wbr"})
_NAMES: Final = {"className": "class"}
_LEFT_OUT: Final = frozenset(
    {
        *("children", "data-page", "data-svg", "key", "n_clicks", "disable_n_clicks"),
        *("htmlFor", "aria-labelledby", "aria-describedby", "aria-controls"),
    }
)
"""What scripts look for, and what names ids: there twice while the page takes its place."""
EARLY: Final = "early-"
"""Before ids, and so before what links within the page lead to: whoever skips to the content finds it."""


def prerender(node: Any) -> str:
    """Return components as HTML with ids of its own; charts are drawn, what is no HTML is left out."""
    return "".join(_pieces(node))


def _pieces(node: Any) -> Iterator[str]:
    if node is None or isinstance(node, bool):
        return
    if isinstance(node, list | tuple):
        for part in node:
            yield from _pieces(part)
    elif not isinstance(node, Component):
        yield escape(str(node), quote=False)
    elif node._namespace == "dash_html_components":
        yield from _element(node)


def _element(node: Component) -> Iterator[str]:
    properties = node.to_plotly_json()["props"]  # type: ignore[no-untyped-call]
    tag = node._type.lower()
    yield f"<{tag}{''.join(_attributes(properties))}>"
    if node._type in _VOID:
        return
    yield properties.get("data-svg", "")  # drawn by `ops_dashboard.charts.marks`, as the script puts it in
    yield from _pieces(properties.get("children"))
    yield f"</{tag}>"


def _attributes(properties: dict[str, Any]) -> Iterator[str]:
    for name, value in properties.items():
        if name in _LEFT_OUT or value is None or value is False:
            continue
        name = _NAMES.get(name, name.lower())
        if value is True:
            yield f" {name}"
        elif name == "id":
            yield f' id="{EARLY}{escape(str(value))}"'
        elif name == "href" and str(value).startswith("#"):
            yield f' href="#{EARLY}{escape(str(value)[1:])}"'
        elif isinstance(value, dict):  # a style
            yield f' {name}="{escape("; ".join(f"{_kebab(k)}: {v}" for k, v in value.items()))}"'
        else:
            yield f' {name}="{escape(str(value))}"'


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
