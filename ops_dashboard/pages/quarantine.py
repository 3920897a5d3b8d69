"""Refused data with its reasons (pure)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from dash import html

from contract.fleet import Fleet
from contract.rejected import Reason, detail_words
from contract.texts import Language, Texts, write_clock, write_date, write_number
from contract.topic import parse_topic
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page
from ops_dashboard.pages.parts.filters import csv_links
from storage.wall import QuarantineRow

COLUMNS: Final = ("at", "reason", "sender", "detail", "bytes", "excerpt")
PAGE_ROWS: Final = 100
"""Refusals on one page."""


def quarantine_page(
    texts: Texts,
    language: Language,
    rows: Sequence[QuarantineRow],
    counts: Mapping[Reason, int],
    reason: Reason | None,
    fleet: Fleet,
    zone: ZoneInfo,
    by_broker: Mapping[str, int],
) -> html.Div:
    """Return the page; `reason` is the one that is chosen, if any, `by_broker` whom the broker refused."""
    parts = [
        _counts(texts, language, counts, reason),
        _by_broker(texts, language, by_broker, fleet),
        _rows(texts, language, rows, reason, fleet, zone),
    ]
    return desk_page(texts, language, "/quarantine", "quarantine", parts, layout="desk desk-refused")


def _why(texts: Texts, language: Language, reason: Reason) -> list[Any]:
    """Return a reason as a sentence that leads to what was refused for it, and as programs know it."""
    sentence = texts.say(f"reason.{reason.value}", language)
    return [html.A(sentence, href=f"?reason={reason.value}"), html.Div(reason.value, className="soft")]


def _sender(topic: str, fleet: Fleet) -> list[Any]:
    """Return the school and device of a topic, where it names any, and the topic."""
    told = parse_topic(topic)
    school = None if told is None else fleet.school_ever(told.school)
    named = [] if school is None else [html.A(school.name, href=f"/school/{quote(school.code)}")]
    return [*named, html.Div(topic, className="soft")]


def _counts(
    texts: Texts, language: Language, counts: Mapping[Reason, int], chosen: Reason | None
) -> html.Section:
    head = html.Tr(
        [
            html.Th(texts.say("quarantine.number", language), scope="col", className="number"),
            html.Th(texts.say("quarantine.reason", language), scope="col"),
        ]
    )
    body = [
        html.Tr(
            [
                html.Td(write_number(count, language), className="number"),
                html.Td(_why(texts, language, why)),
            ]
        )
        for why, count in sorted(counts.items(), key=lambda item: -item[1])
    ]
    table = html.Table(
        [html.Caption(texts.say("quarantine.counts", language)), html.Thead(head), html.Tbody(body)],
        className="table",
    )
    links = (
        [html.A(texts.say("alerts.all", language), href="/quarantine", className="button")] if chosen else []
    )
    return html.Section(
        [
            html.H2(texts.say("quarantine.title", language), className="panel-title"),
            html.P(texts.say("quarantine.why", language), className="soft"),
            table if counts else html.P(texts.say("quarantine.none", language)),
            *links,
        ],
        className="panel",
    )


def _by_broker(
    texts: Texts, language: Language, refused: Mapping[str, int], fleet: Fleet
) -> html.Section | None:
    """Return how often the broker refused each client, which quarantine cannot know; None for nobody."""
    if not refused:
        return None
    body = [
        html.Tr(
            [
                html.Td(write_number(count, language), className="number"),
                html.Td(_client(client, fleet)),
            ]
        )
        for client, count in sorted(refused.items(), key=lambda item: -item[1])[:PAGE_ROWS]
    ]
    head = [
        html.Th(texts.say("quarantine.number", language), scope="col", className="number"),
        html.Th(texts.say("quarantine.sender", language), scope="col"),
    ]
    caption = html.Caption(texts.say("quarantine.broker", language))
    table = html.Table([caption, html.Thead(html.Tr(head)), html.Tbody(body)], className="table")
    return html.Section(table, className="panel")


def _client(client: str, fleet: Fleet) -> list[Any]:
    """Return the school of a device's client id, where the fleet has it, and the id."""
    school = fleet.school_ever(client.partition("/")[0])
    named = [] if school is None else [html.A(school.name, href=f"/school/{quote(school.code)}")]
    return [*named, html.Div(client or "–", className="soft")]


def _rows(
    texts: Texts,
    language: Language,
    rows: Sequence[QuarantineRow],
    reason: Reason | None,
    fleet: Fleet,
    zone: ZoneInfo,
) -> html.Section | None:
    if not rows:
        return None
    names = {name: texts.say(f"quarantine.{name}", language) for name in COLUMNS}
    head = html.Tr([html.Th(word, scope="col") for word in names.values()])
    table = html.Table(
        [
            html.Caption(texts.say("quarantine.list", language)),
            html.Thead(head),
            html.Tbody([_row(texts, language, row, names, fleet, zone) for row in rows]),
        ],
        className="table",
    )
    chosen = f"&reason={reason.value}" if reason else ""
    address = f"/api/quarantine.csv?reason={reason.value}" if reason else "/api/quarantine.csv"
    files = csv_links(texts, language, address, texts.say("quarantine.list", language))
    older = html.A(
        texts.say("quarantine.older", language), href=f"?before={rows[-1].id}{chosen}", className="button"
    )
    return html.Section([files, table, older if len(rows) == PAGE_ROWS else None], className="panel")


def _row(
    texts: Texts,
    language: Language,
    row: QuarantineRow,
    names: Mapping[str, str],
    fleet: Fleet,
    zone: ZoneInfo,
) -> html.Tr:
    refused = row.rejected
    at = f"{write_date(refused.at_us, language, zone)} {write_clock(refused.at_us, language, zone)}"
    cells: dict[str, Any] = {
        "at": at,
        "reason": _why(texts, language, refused.reason),
        "sender": _sender(refused.topic, fleet),
        "detail": detail_words(refused.detail, texts, language),
        "bytes": write_number(refused.payload_bytes, language),
        "excerpt": refused.excerpt,
    }
    return html.Tr([html.Td(cell, **attributes(data_name=names[name])) for name, cell in cells.items()])
