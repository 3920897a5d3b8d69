"""The choices above a list (pure)."""

from collections.abc import Iterable

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes


def select_filter(
    texts: Texts, language: Language, name: str, options: Iterable[tuple[str, str]]
) -> html.Div:
    """Return a labelled choice whose first one lets all pass; `options` are values and their words."""
    identity = f"filter-{name}"
    control = html.Select(
        [html.Option(texts.say("alerts.all", language), value="")]
        + [html.Option(word, value=value) for value, word in options],
        id=identity,
        className="control",
    )
    label = html.Label(texts.say(f"alerts.{name}", language), htmlFor=identity)
    return html.Div([label, control], className="filter")


def csv_links(texts: Texts, language: Language, address: str, table: str) -> html.Span:
    """Return the links to a list as a file; the script, or the page, adds what is chosen to `address`."""
    sign = "&" if "?" in address else "?"
    links = []
    for word, form in (("csv", ""), ("excel", "&form=excel")):
        told = (
            f"{texts.say('sheet.download', language, table=table)} ({texts.say(f'sheet.{word}', language)})"
        )
        href = f"{address}{sign}lang={language.value}{form}"
        link = html.A(texts.say(f"sheet.{word}", language), href=href, **attributes(aria_label=told))
        links.append(link)
    return html.Span(links, className="sheet-downloads")
