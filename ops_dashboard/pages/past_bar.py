"""The frame of a page that shows an earlier minute: which one, the way back, and to its neighbours (pure)."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from dash import html

from contract.calendar import MINUTE_US
from contract.texts import Language, Texts, write_clock, write_date
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.registry import Page
from ops_dashboard.view.addresses import at_address

_STEPS: Final = (("rewind.back", "−1′", -1), ("rewind.on", "+1′", 1))
BY_DAY: Final = frozenset({"leadership", "provider", "area", "system", "systems"})
"""Pages whose figures are of whole days."""


def past_bar(
    texts: Texts, language: Language, page: Page, at_us: int, query: Mapping[str, str], zone: ZoneInfo
) -> html.Div:
    """Return the bar; where the page's script plays, that puts its buttons in place of the links.

    Args:
        texts: all sentences.
        language: of the reader.
        page: which it is.
        at_us: the minute that is shown.
        query: the page's own, which the links keep.
        zone: of the city.
    """
    words = {"clock": write_clock(at_us, language, zone)[:5], "day": write_date(at_us, language, zone)}
    rest = _without_minute(query)
    steps = [
        html.A(
            sign,
            href=f"?{urlencode({**rest, 'at': at_address(at_us + minutes * MINUTE_US, zone)})}",
            className="past-button",
            **attributes(
                aria_label=texts.say(key, language),
                data_changes=f"at={at_address(at_us + minutes * MINUTE_US, zone)}",
            ),
        )
        for key, sign, minutes in _STEPS
    ]
    by_day = [html.Span(texts.say("rewind.day_before", language))] if page.name in BY_DAY else []
    return html.Div(
        [
            html.Strong(texts.say("rewind.at", language, **words), id="past-at"),
            _to_now(texts, language, query),
            html.Span(steps, id="past-way", className="past-way"),
            *by_day,
            html.Span(texts.say("rewind.no_deeds", language), id="past-said", className="past-said"),
        ],
        id="past-bar",
        className="past-bar",
        role="region",
        **attributes(
            aria_label=texts.say("rewind.label", language), data_at=str(at_us), data_rewind=page.rewind.value
        ),
    )


def now_bar(texts: Texts, language: Language, query: Mapping[str, str]) -> html.Div:
    """Return the bar of a page that shows now alone, for whoever comes from an earlier minute."""
    said = html.Strong(texts.say("error.no_past", language))
    return html.Div(
        [said, _to_now(texts, language, query)],
        id="now-bar",
        className="past-bar",
        role="region",
        **attributes(aria_label=texts.say("rewind.label", language)),
    )


def _to_now(texts: Texts, language: Language, query: Mapping[str, str]) -> html.A:
    href = f"?{urlencode(_without_minute(query))}"
    return html.A(
        texts.say("rewind.now", language), href=href, id="past-now", **attributes(data_changes="at=")
    )


def _without_minute(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name != "at"}
