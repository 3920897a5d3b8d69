"""A school: the frame of its sheet, and its charts, which stand in the document before any script (pure)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from dash import html

from contract.alert import Alert
from contract.fleet import School
from contract.rule import Rule
from contract.texts import Language, Texts, write_clock, write_number
from ops_dashboard.charts.plots import Chart, Plot, Window
from ops_dashboard.charts.school_charts import RANGES, SchoolCharts
from ops_dashboard.pages.attributes import attributes
from ops_dashboard.pages.sheet import sheet_page

STEPS_MIN: Final = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
"""Distances between the times that stand below the charts, minutes."""
MOST_TIMES: Final = 7
LEAST_PX: Final = 4
"""Width of what lies across the charts, however short it was; as in school.css."""


def school_page(
    texts: Texts,
    language: Language,
    school: School,
    charts: SchoolCharts,
    rules: Sequence[Rule],
    zone: ZoneInfo,
) -> html.Div:
    """Return the page of a school; its script fills the sheet."""
    beside = school_charts(texts, language, school.code, charts, rules, zone)
    return sheet_page(
        texts, language, "school", f"/api/sheets/school/{school.code}", title=school.name, beside=beside
    )


def school_charts(
    texts: Texts, language: Language, code: str, charts: SchoolCharts, rules: Sequence[Rule], zone: ZoneInfo
) -> html.Section:
    """Return the charts of a stretch of time, all on one axis of time."""
    writer = _Writer(texts, language, charts, zone)
    return html.Section(
        [
            writer.head(),
            html.Div(
                [
                    writer.marks(
                        {r.name: r.title_vi if language is Language.VI else r.title_en for r in rules}
                    ),
                    *(writer.row(chart, drawn) for chart, drawn in charts.charts),
                    writer.times(),
                ],
                className="plots",
                **attributes(data_from=str(charts.window.from_us), data_to=str(charts.window.to_us)),
            ),
            html.P(texts.say("school.privacy", language), className="soft"),
        ],
        className="panel school-charts",
        **attributes(data_charts=f"/api/charts/school/{code}"),
    )


def place(share: float, width: float | None = None) -> dict[str, str]:
    """Return the style of what stands at a share of the width; what is narrow stays within the right edge."""
    left = f"{100 * min(1.0, max(0.0, share)):.2f}%"
    if width is None:
        return {"left": left}
    return {"left": f"min({left}, calc(100% - {LEAST_PX}px))", "width": f"{100 * width:.2f}%"}


class _Writer:
    def __init__(self, texts: Texts, language: Language, charts: SchoolCharts, zone: ZoneInfo) -> None:
        self._texts, self._language, self._zone = texts, language, zone
        self._window, self._charts, self._alerts = charts
        self._span_s = (charts.window.to_us - charts.window.from_us) // 1_000_000

    def say(self, key: str, **values: object) -> str:
        return self._texts.say(key, self._language, **values)

    def head(self) -> html.Div:
        ranges = [
            html.A(
                self.say(f"range.{name}"),
                href=f"?range={name}",
                className="button",
                **attributes(aria_current="true" if seconds == self._span_s else "false", data_range=name),
            )
            for name, seconds in RANGES.items()
        ]
        legend = [
            html.Span([html.I("", className=f"plot-key plot-key-{kind}"), self.say(f"plot.{kind}")])
            for kind, is_there in self._kinds().items()
            if is_there
        ]
        return html.Div(
            [
                html.H3(self.say("school.charts"), className="panel-title"),
                html.Div(legend, className="plot-legend soft"),
                html.Div(ranges, className="ranges"),
            ],
            className="panel-head",
        )

    def _kinds(self) -> dict[str, bool]:
        """Return which shapes have to be explained."""
        usual = any(trace.usual is not None for chart, _ in self._charts for trace in chart.traces)
        return {"usual": usual, "hole": any(drawn.holes for _, drawn in self._charts)}

    def marks(self, titles: dict[str, str]) -> html.Div:
        """Return the alerts of the stretch as bars, each a way to it."""
        bars = []
        for alert, start, width in self._spans():
            at = write_clock(alert.opened_at_us, self._language, self._zone)[:5]
            told = f"P{alert.priority} · {titles.get(alert.rule, alert.rule)} · {at}"
            bars.append(
                html.A(
                    html.Span(told, className="visually-hidden"),
                    href=f"/alerts?alert={alert.alert_id}",
                    title=told,
                    className="plot-mark",
                    style=place(start, width),
                    **attributes(data_priority=str(alert.priority)),
                )
            )
        label = html.Span(self.say("plot.alerts"), className="plot-title")
        return html.Div(
            [html.Div(label, className="plot-label"), html.Div(""), html.Div(bars, className="plot-marks")],
            className="plot-row plot-row-marks",
            hidden=not bars,
        )

    def row(self, chart: Chart, drawn: Plot) -> html.Div:
        """Return one chart: its words, its axis, its shapes."""
        return html.Div(
            [
                html.Div([self._title(chart), *self._now(chart, drawn)], className="plot-label"),
                html.Div(
                    # Within their own row: the lowest stands on its line, the highest hangs from it.
                    [
                        html.Span(
                            text,
                            style={"bottom": f"{100 * at:.2f}%", "transform": f"translateY({100 * at:.0f}%)"},
                        )
                        for at, text in drawn.ticks
                    ],
                    className="plot-ticks",
                    **attributes(aria_hidden="true"),
                ),
                html.Div(
                    [
                        *self._layers(drawn),
                        html.Div("", className="plot-svg", **attributes(data_svg=drawn.svg)),
                    ],
                    className="plot",
                    role="img",
                    **attributes(aria_label=self._told(chart, drawn), data_points=_points(drawn)),
                ),
            ],
            className="plot-row",
        )

    def _title(self, chart: Chart) -> html.Span:
        """Return the name of a chart; with its unit where several values stand below it."""
        several = chart.unit and len(chart.traces) > 1
        return html.Span(f"{chart.title}, {chart.unit}" if several else chart.title, className="plot-title")

    def _now(self, chart: Chart, drawn: Plot) -> Iterator[html.Div]:
        for nth, reading in enumerate(drawn.readings):
            name, unit = html.Span(reading.name, className="soft"), html.Span(chart.unit, className="soft")
            value = html.B(self._value(chart, reading.last, drawn.decimals), **attributes(data_now=str(nth)))
            yield html.Div([name, value] if len(drawn.readings) > 1 else [value, unit], className="plot-now")
        last_us = max((r.last_us for r in drawn.readings), default=0)
        at = self._clock(last_us) if last_us else self.say("plot.nothing")
        if chart.bound is not None and drawn.off_scale:
            level = write_number(chart.bound[1], self._language)
            yield html.Div(
                self.say("plot.off_scale", name=chart.bound[0], level=level), className="plot-at soft"
            )
        yield html.Div(at, className="plot-at soft", **attributes(data_when="1"))

    def _value(self, chart: Chart, value: float | None, decimals: int) -> str:
        if value is None:
            return "–"
        if chart.words is not None:
            return (
                chart.words[round(value)] if value in (0.0, 1.0) else write_number(value, self._language, 1)
            )
        return write_number(value, self._language, decimals)

    def _layers(self, drawn: Plot) -> Iterator[html.Div]:
        for start, width in drawn.holes:
            yield html.Div("", className="plot-hole", style=place(start, width))
        for alert, start, width in self._spans():
            yield html.Div(
                "",
                className="plot-span",
                style=place(start, width),
                **attributes(data_priority=str(alert.priority)),
            )

    def _told(self, chart: Chart, drawn: Plot) -> str:
        """Return what a chart shows, for whoever hears it."""
        told = []
        for reading in drawn.readings:
            known = [value for value in reading.values if value is not None]
            if not known:
                told.append(f"{reading.name}: {self.say('plot.nothing')}")
                continue
            low, high, last = (
                self._value(chart, v, drawn.decimals) for v in (min(known), max(known), reading.last)
            )
            at = self._clock(reading.last_us)
            told.append(
                self.say(
                    "plot.told", name=reading.name, last=last, unit=chart.unit, at=at, low=low, high=high
                )
            )
        return "; ".join(told) or f"{chart.title}: {self.say('plot.nothing')}"

    def _spans(self) -> Iterator[tuple[Alert, float, float]]:
        """Return the alerts of the stretch with place and width."""
        first, whole = self._window.from_us, max(1, self._window.to_us - self._window.from_us)
        for alert in self._alerts:
            start = max(0.0, (alert.opened_at_us - first) / whole)
            end = min(1.0, ((alert.resolved_at_us or self._window.to_us) - first) / whole)
            yield alert, start, max(0.0, end - start)

    def times(self) -> html.Div:
        """Return the axis of time."""
        shown = [html.Span(text, style=place(share)) for share, text in _times(self._window, self._zone)]
        return html.Div(
            [html.Div(""), html.Div(""), html.Div(shown, className="plot-times")],
            className="plot-row plot-row-times",
            **attributes(aria_hidden="true"),
        )

    def _clock(self, at_us: int) -> str:
        form = "%H:%M" if self._span_s <= RANGES["24h"] else "%d/%m %H:%M"
        return datetime.fromtimestamp(at_us / 1e6, self._zone).strftime(form)


def _points(drawn: Plot) -> str:
    """Return what the script reads out where somebody points."""
    told = {"decimals": drawn.decimals, "lines": [{"x": r.places, "y": r.values} for r in drawn.readings]}
    return msgspec.json.encode(told).decode()


def _times(window: Window, zone: ZoneInfo) -> Iterator[tuple[float, str]]:
    """Return round local times within a window, not too near to its ends."""
    minutes = (window.to_us - window.from_us) / 60e6
    step_us = next((s for s in STEPS_MIN if minutes / s <= MOST_TIMES), STEPS_MIN[-1]) * 60_000_000
    moment = datetime.fromtimestamp(window.from_us / 1e6, zone)
    shift = moment.utcoffset()
    shift_us = 0 if shift is None else round(shift.total_seconds() * 1e6)
    first = -(-(window.from_us + shift_us) // step_us) * step_us - shift_us
    for at_us in range(first, window.to_us + 1, step_us):
        share = (at_us - window.from_us) / (window.to_us - window.from_us)
        local = datetime.fromtimestamp(at_us / 1e6, zone)
        if 0.02 <= share <= 0.98:
            yield share, local.strftime("%d/%m" if step_us >= 43_200_000_000 else "%H:%M")
