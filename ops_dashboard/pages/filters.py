"""The choices above a list (pure)."""

from collections.abc import Iterable

from dash import html

from contract.texts import Language, Texts


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
