"""One school: facts, devices, alerts and charts (pure)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import plotly.graph_objects as go
from dash import dcc, html

from contract.alert import Alert, is_chronic
from contract.fleet import Device, Fleet, School
from contract.rule import ClockRule, Rule
from contract.series import METRIC_BITS
from contract.texts import Language, Texts, write_clock, write_date, write_number
from ops_dashboard.pages.attributes import attributes
from ops_dashboard.pages.header import page_header, stale_bar
from ops_dashboard.view.addresses import area_address, provider_address

RANGES: Final = {"1h": 3_600, "24h": 86_400, "7d": 604_800}
"""Choices of the range selector, seconds."""


def school_page(
    texts: Texts,
    language: Language,
    school: School,
    fleet: Fleet,
    alerts: Sequence[Alert],
    rules: Sequence[Rule],
    figures: Sequence[go.Figure],
    chosen: str,
    zone: ZoneInfo,
) -> html.Div:
    """Return the page; `chosen` is one of `RANGES`."""
    devices = [d for d in fleet.devices if d.school_id == school.id]
    return _page(
        texts,
        language,
        [
            html.Div(
                [
                    _facts(texts, language, school, fleet),
                    *_former(texts, language, school, fleet, zone),
                    _devices(texts, language, devices, _device_notes(texts, language, alerts, rules, zone)),
                    _alerts(texts, language, alerts, rules, zone),
                ],
                className="columns",
            ),
            _charts(texts, language, figures, chosen),
        ],
    )


def unknown_school_page(texts: Texts, language: Language, code: str) -> html.Div:
    """Return the page for a code that no school has."""
    sentence = texts.say("school.unknown", language, code=code)
    return _page(texts, language, [html.Section(html.P(sentence), className="panel")])


def _page(texts: Texts, language: Language, children: list[Any]) -> html.Div:
    return html.Div(
        [
            page_header(texts, language, ""),
            stale_bar(),
            html.Main(children, id="main", className="desk desk-one"),
        ],
        className="page page-desk",
        **attributes(data_page="school"),
    )


def _facts(texts: Texts, language: Language, school: School, fleet: Fleet) -> html.Section:
    ward = fleet.ward_by_code[school.ward_code]
    down, up = (
        write_number(bps / 1e6, language) for bps in (school.contracted_down_bps, school.contracted_up_bps)
    )
    rows: dict[str, Any] = {
        "school.code": school.code,
        "school.level": texts.say(f"level.{school.level.value}", language),
        "alerts.ward": [
            html.A(ward.name, href=area_address(ward.code)),
            " · ",
            html.A(fleet.cluster_by_code[ward.cluster_code].name, href=area_address(ward.cluster_code)),
        ],
        "school.pupils": write_number(school.pupils, language),
        "alerts.isp": html.A(school.isp, href=provider_address(school.isp)),
        "school.contract": f"↓ {down} ↑ {up} Mbit/s",
    }
    facts = [
        part for key, value in rows.items() for part in (html.Dt(texts.say(key, language)), html.Dd(value))
    ]
    return html.Section(
        [html.H2(school.name, className="details-title"), html.Dl(facts, className="facts")],
        className="panel",
    )


def _former(
    texts: Texts, language: Language, school: School, fleet: Fleet, zone: ZoneInfo
) -> list[html.Section]:
    """Say since when a school is no more, and what it is part of now."""
    former = fleet.former_by_code.get(school.code)
    if former is None or school.code in fleet.school_by_code:
        return []
    day = write_date(former.closed_us, language, zone)
    into = None if former.merged_into is None else fleet.school_by_id.get(former.merged_into)
    if into is None:
        body: list[Any] = [texts.say("school.closed", language, day=day)]
    else:
        body = [
            texts.say("school.merged", language, day=day),
            " ",
            html.A(into.name, href=f"/school/{into.code}"),
        ]
    return [html.Section(html.P(body), className="panel")]


def _device_notes(
    texts: Texts, language: Language, alerts: Sequence[Alert], rules: Sequence[Rule], zone: ZoneInfo
) -> dict[int, list[Any]]:
    """Return what open alerts say of a device itself, its clock or that it is chronic, by device id."""
    about_clocks = {rule.name for rule in rules if isinstance(rule, ClockRule)}
    found: dict[int, list[Any]] = {}
    for alert in alerts:
        if alert.resolved_at_us is not None:
            continue
        if alert.rule in about_clocks:
            told = texts.say("school.clock_wrong", language, s=write_number(alert.value or 0.0, language))
        elif is_chronic(alert.rule):
            told = texts.say("school.chronic", language, day=write_date(alert.opened_at_us, language, zone))
        else:
            continue
        link = html.A(told, href=f"/alerts?alert={alert.alert_id}")
        found.setdefault(alert.series >> METRIC_BITS, []).extend([" · ", link])
    return found


def _devices(
    texts: Texts, language: Language, devices: Sequence[Device], notes: Mapping[int, list[Any]]
) -> html.Section:
    rows = []
    for device in devices:
        kind: list[Any] = [texts.say(f"device.{device.kind.value}", language), *notes.get(device.id, ())]
        rows.append(html.Tr([html.Th(device.code, scope="row"), html.Td(kind)]))
    return html.Section(
        [
            html.H2(texts.say("school.devices", language), className="panel-title"),
            html.Table(html.Tbody(rows), className="table"),
        ],
        className="panel",
    )


def _alerts(
    texts: Texts, language: Language, alerts: Sequence[Alert], rules: Sequence[Rule], zone: ZoneInfo
) -> html.Section:
    titles = {r.name: r.title_vi if language is Language.VI else r.title_en for r in rules}
    lines = [
        html.Li(
            [
                html.Span(f"P{a.priority}", className="badge", **attributes(data_priority=str(a.priority))),
                html.A(
                    f"{titles.get(a.rule, a.rule)} · {write_date(a.opened_at_us, language, zone)} "
                    f"{write_clock(a.opened_at_us, language, zone)}",
                    href=f"/alerts?alert={a.alert_id}",
                ),
            ]
        )
        for a in alerts
        if a.resolved_at_us is None
    ]
    body = html.Ol(lines, className="history") if lines else html.P(texts.say("school.none", language))
    return html.Section(
        [html.H2(texts.say("school.alerts", language), className="panel-title"), body], className="panel"
    )


def _charts(texts: Texts, language: Language, figures: Sequence[go.Figure], chosen: str) -> html.Section:
    ranges = [
        html.A(
            texts.say(f"range.{name}", language),
            href=f"?range={name}",
            className="button",
            **attributes(aria_current="true" if name == chosen else "false"),
        )
        for name in RANGES
    ]
    graphs = [
        dcc.Graph(
            figure=figure,
            className="graph",
            responsive=True,
            # Its share button would send data away.
            config={"displayModeBar": False, "displaylogo": False, "locale": language.value},
        )
        for figure in figures
    ]
    return html.Section(
        [
            html.Div(
                [
                    html.H2(texts.say("school.charts", language), className="panel-title"),
                    html.Div(ranges, className="ranges"),
                ],
                className="panel-head",
            ),
            html.Div(graphs, className="charts"),
            html.P(texts.say("school.privacy", language), className="soft"),
        ],
        className="panel",
    )
