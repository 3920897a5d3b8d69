"""What all charts of a stretch of time have on a page: shapes in their place, axes, words (pure)."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from dash import html

from contract.alert import Alert
from contract.texts import Language, Texts, write_number
from ops_dashboard.charts.plots import Chart, Plot, Window
from ops_dashboard.charts.school_charts import RANGES
from ops_dashboard.pages.parts.attributes import attributes

STEPS_MIN: Final = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
"""Distances between the times that stand below the charts, minutes."""
MOST_TIMES: Final = 7
LEAST_PX: Final = 4
"""Width of what lies across the charts, however short it was; as in school.css."""


def place(share: float, width: float | None = None) -> dict[str, str]:
    """Return the style of what stands at a share of the width; what is narrow stays within the right edge."""
    left = f"{100 * min(1.0, max(0.0, share)):.2f}%"
    if width is None:
        return {"left": left}
    return {"left": f"min({left}, calc(100% - {LEAST_PX}px))", "width": f"{100 * width:.2f}%"}


class PlotWriter:
    """Writes charts that share a stretch of time."""

    def __init__(self, texts: Texts, language: Language, window: Window, zone: ZoneInfo) -> None:
        self._texts, self._language, self._window, self._zone = texts, language, window, zone
        self._span_s = (window.to_us - window.from_us) // 1_000_000

    def say(self, key: str, **values: object) -> str:
        return self._texts.say(key, self._language, **values)

    def legend(self, drawn: Iterable[tuple[Chart, Plot]]) -> html.Div:
        """Return what the shapes of charts mean, those that there are."""
        charts = list(drawn)
        usual = any(trace.usual is not None for chart, _ in charts for trace in chart.traces)
        kinds = {"usual": usual, "hole": any(plot.holes for _, plot in charts)}
        told = [
            html.Span([html.I("", className=f"plot-key plot-key-{kind}"), self.say(f"plot.{kind}")])
            for kind, is_there in kinds.items()
            if is_there
        ]
        return html.Div(told, className="plot-legend soft")

    def axis(self, drawn: Plot) -> html.Div:
        """Return the levels beside a chart; within their own row: the lowest stands on its line."""
        return html.Div(
            [
                html.Span(
                    text, style={"bottom": f"{100 * at:.2f}%", "transform": f"translateY({100 * at:.0f}%)"}
                )
                for at, text in drawn.ticks
            ],
            className="plot-ticks",
            **attributes(aria_hidden="true"),
        )

    def picture(self, chart: Chart, drawn: Plot, alerts: Iterable[Alert], **more: str) -> html.Div:
        """Return the shapes of a chart, with gaps and alerts across them; `more` are its attributes."""
        return html.Div(
            [
                *(html.Div("", className="plot-hole", style=place(*hole)) for hole in drawn.holes),
                *(
                    html.Div(
                        "",
                        className="plot-span",
                        style=place(start, width),
                        **attributes(data_priority=str(alert.priority)),
                    )
                    for alert, start, width in self.spans(alerts)
                ),
                html.Div("", className="plot-svg", **attributes(data_svg=drawn.svg)),
            ],
            className="plot",
            role="img",
            **attributes(aria_label=self._told(chart, drawn), **more),
        )

    def value(self, chart: Chart, value: float | None, decimals: int) -> str:
        """Return a value of a chart without its unit; between two words it is the share of the upper one."""
        if value is None:
            return "–"
        if chart.words is not None:
            if value in (0.0, 1.0):
                return chart.words[round(value)]
            return f"{chart.words[1]} {write_number(100.0 * value, self._language)} %"
        return write_number(value, self._language, decimals)

    def spans(self, alerts: Iterable[Alert]) -> Iterator[tuple[Alert, float, float]]:
        """Return alerts with place and width, shares of the stretch."""
        first, whole = self._window.from_us, max(1, self._window.to_us - self._window.from_us)
        for alert in alerts:
            start = max(0.0, (alert.opened_at_us - first) / whole)
            end = min(1.0, ((alert.resolved_at_us or self._window.to_us) - first) / whole)
            yield alert, start, max(0.0, end - start)

    def times(self, most: int = MOST_TIMES) -> html.Div:
        """Return round times below charts, at most so many."""
        shown = [
            html.Span(text, style=place(share)) for share, text in _times(self._window, self._zone, most)
        ]
        return html.Div(shown, className="plot-times", **attributes(aria_hidden="true"))

    def clock(self, at_us: int) -> str:
        """Return a moment of the stretch."""
        form = "%H:%M" if self._span_s <= RANGES["24h"] else "%d/%m %H:%M"
        return datetime.fromtimestamp(at_us / 1e6, self._zone).strftime(form)

    def _told(self, chart: Chart, drawn: Plot) -> str:
        """Return what a chart shows, for whoever hears it."""
        told = []
        for reading in drawn.readings:
            known = [value for value in reading.values if value is not None]
            if not known:
                told.append(f"{reading.name}: {self.say('plot.nothing')}")
                continue
            low, high, last = (
                self.value(chart, v, drawn.decimals) for v in (min(known), max(known), reading.last)
            )
            at = self.clock(reading.last_us)
            told.append(
                self.say(
                    "plot.told", name=reading.name, last=last, unit=chart.unit, at=at, low=low, high=high
                )
            )
        return "; ".join(told) or f"{chart.title}: {self.say('plot.nothing')}"


def _times(window: Window, zone: ZoneInfo, most: int) -> Iterator[tuple[float, str]]:
    """Return round local times within a window, not too near to its ends."""
    minutes = (window.to_us - window.from_us) / 60e6
    step_us = next((s for s in STEPS_MIN if minutes / s <= most), STEPS_MIN[-1]) * 60_000_000
    moment = datetime.fromtimestamp(window.from_us / 1e6, zone)
    shift = moment.utcoffset()
    shift_us = 0 if shift is None else round(shift.total_seconds() * 1e6)
    first = -(-(window.from_us + shift_us) // step_us) * step_us - shift_us
    for at_us in range(first, window.to_us + 1, step_us):
        share = (at_us - window.from_us) / (window.to_us - window.from_us)
        local = datetime.fromtimestamp(at_us / 1e6, zone)
        if 0.02 <= share <= 0.98:
            yield share, local.strftime("%d/%m" if step_us >= 43_200_000_000 else "%H:%M")
