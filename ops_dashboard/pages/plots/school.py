"""The charts of a school's page, all on one axis of time (pure)."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import msgspec
from dash import html

from contract.rule import Rule
from contract.texts import Language, Texts, write_clock, write_number
from ops_dashboard.charts.plots import Chart, Plot
from ops_dashboard.charts.school_charts import RANGES, SchoolCharts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.plots.writer import PlotWriter, place


def school_charts(
    texts: Texts, language: Language, code: str, charts: SchoolCharts, rules: Sequence[Rule], zone: ZoneInfo
) -> html.Section:
    """Return the charts of a stretch of time, all on one axis of time."""
    writer = _Writer(texts, language, charts, zone)
    titles = {r.name: r.title_vi if language is Language.VI else r.title_en for r in rules}
    return html.Section(
        [
            writer.head(),
            html.Div(
                [
                    writer.marks(titles),
                    *(writer.row(chart, drawn) for chart, drawn in charts.charts),
                    writer.last_row(),
                ],
                className="plots",
                **attributes(data_from=str(charts.window.from_us), data_to=str(charts.window.to_us)),
            ),
            html.P(texts.say("school.privacy", language), className="soft"),
        ],
        className="panel school-charts",
        **attributes(data_charts=f"/api/charts/school/{code}"),
    )


class _Writer(PlotWriter):
    def __init__(self, texts: Texts, language: Language, charts: SchoolCharts, zone: ZoneInfo) -> None:
        super().__init__(texts, language, charts.window, zone)
        self._charts, self._alerts = charts.charts, charts.alerts

    def head(self) -> html.Div:
        ranges = [
            html.A(
                self.say(f"range.{name}"),
                href=f"?range={name}",
                className="button",
                **attributes(
                    aria_current="true" if seconds == self._span_s else "false",
                    data_range=name,
                    data_changes=f"range={name}",
                ),
            )
            for name, seconds in RANGES.items()
        ]
        return html.Div(
            [
                html.H3(self.say("school.charts"), className="panel-title"),
                self.legend(self._charts),
                html.Div(ranges, className="ranges"),
            ],
            className="panel-head",
        )

    def marks(self, titles: dict[str, str]) -> html.Div:
        """Return the alerts of the stretch as bars, each a way to it."""
        bars = []
        for alert, start, width in self.spans(self._alerts):
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
                self.axis(drawn),
                self.picture(chart, drawn, self._alerts, data_points=_points(drawn)),
            ],
            className="plot-row",
        )

    def last_row(self) -> html.Div:
        """Return the axis of time."""
        return html.Div([html.Div(""), html.Div(""), self.times()], className="plot-row plot-row-times")

    def _title(self, chart: Chart) -> html.Span:
        """Return the name of a chart; with its unit where several values stand below it."""
        several = chart.unit and len(chart.traces) > 1
        return html.Span(f"{chart.title}, {chart.unit}" if several else chart.title, className="plot-title")

    def _now(self, chart: Chart, drawn: Plot) -> Iterator[html.Div]:
        for nth, reading in enumerate(drawn.readings):
            name, unit = html.Span(reading.name, className="soft"), html.Span(chart.unit, className="soft")
            value = html.B(self.value(chart, reading.last, drawn.decimals), **attributes(data_now=str(nth)))
            yield html.Div([name, value] if len(drawn.readings) > 1 else [value, unit], className="plot-now")
        last_us = max((r.last_us for r in drawn.readings), default=0)
        at = self.clock(last_us) if last_us else self.say("plot.nothing")
        if chart.bound is not None and drawn.off_scale:
            level = write_number(chart.bound[1], self._language)
            yield html.Div(
                self.say("plot.off_scale", name=chart.bound[0], level=level), className="plot-at soft"
            )
        yield html.Div(at, className="plot-at soft", **attributes(data_when="1"))


def _points(drawn: Plot) -> str:
    """Return what the script reads out where somebody points."""
    told = {"decimals": drawn.decimals, "lines": [{"x": r.places, "y": r.values} for r in drawn.readings]}
    return msgspec.json.encode(told).decode()
