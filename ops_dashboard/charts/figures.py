"""The charts of a school's page as Plotly figures, from canned columns alone (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from contract.texts import Language

TEXT: Final = "#E8EDF2"
SOFT: Final = "#A9B4C0"
RULE: Final = "#2A313A"
PANEL: Final = "#1B2026"
SECOND: Final = "#4FA3FF"
HOLE_RAW_US: Final = 180_000_000
"""Raw readings farther apart than this are not joined by a line: silence is a gap, not a slope."""
HOLE_BUCKET_US: Final = 31 * 60_000_000
"""The same for quarters of an hour."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One line of a chart."""

    name: str
    time_us: NDArray[np.int64]
    """µs since 1970, rising, shape (n,)."""
    value: NDArray[np.float64]
    """In the unit of the chart, shape (n,)."""
    low: NDArray[np.float64] | None = None
    """Lowest value of each bucket, shape (n,); None for raw readings."""
    high: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: its lines share an axis and a unit."""

    title: str
    unit: str
    traces: Sequence[Trace]
    bound: tuple[str, float] | None = None
    """A named horizontal line, such as the contracted bandwidth."""
    top: float | None = None
    """Upper end of the axis where the quantity has one, such as 100 %."""


def make_figure(
    chart: Chart, language: Language, zone: ZoneInfo, *, from_us: int, to_us: int, hole_us: int, nothing: str
) -> go.Figure:
    """Return the figure of a chart on a local time axis from `from_us` to `to_us`."""
    figure = go.Figure()
    shown = [trace for trace in chart.traces if len(trace.time_us)]
    for position, trace in enumerate(shown):
        _add_trace(figure, trace, (TEXT, SECOND)[position % 2], zone, hole_us)
    if chart.bound is not None and shown:
        name, level = chart.bound
        figure.add_hline(
            y=level,
            line={"color": SOFT, "dash": "dot", "width": 1},
            annotation={"text": name, "font": {"color": SOFT, "size": 12}},
        )
    if not shown:
        figure.add_annotation(text=nothing, showarrow=False, font={"color": SOFT, "size": 14})
    figure.update_layout(**_layout(chart, language, _moments(np.array([from_us, to_us]), zone), bool(shown)))
    return figure


def _add_trace(figure: go.Figure, trace: Trace, colour: str, zone: ZoneInfo, hole_us: int) -> None:
    time_us, value = with_holes(trace.time_us, trace.value, hole_us)
    if trace.low is not None and trace.high is not None:
        # No holes in the band: Plotly fills from one to the other point by point.
        moments = _moments(trace.time_us, zone)
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=moments, y=trace.low, **edge)
        figure.add_scatter(x=moments, y=trace.high, fill="tonexty", fillcolor="rgba(169,180,192,.18)", **edge)
    figure.add_scatter(
        x=_moments(time_us, zone),
        y=value,
        name=trace.name,
        mode="lines" if len(trace.time_us) > 1 else "markers",
        line={"color": colour, "width": 1.6},
        connectgaps=False,
    )


def with_holes(
    time_us: NDArray[np.int64], value: NDArray[np.float64], hole_us: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the columns with a NaN wherever two neighbours are more than `hole_us` apart."""
    after = np.flatnonzero(np.diff(time_us) > hole_us) + 1
    return np.insert(time_us, after, time_us[after - 1] + 1), np.insert(value, after, np.nan)


def _moments(time_us: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.datetime64]:
    """Return local wall-clock times, because Plotly has no time zones; offsets change at most hourly."""
    hours, inverse = np.unique(time_us // 3_600_000_000, return_inverse=True)
    offset_us = np.array(
        [_offset_us(datetime.fromtimestamp(int(hour) * 3600, zone)) for hour in hours], np.int64
    )
    return (time_us + offset_us[inverse]).astype("datetime64[us]")


def _offset_us(moment: datetime) -> int:
    offset = moment.utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1e6)


def _layout(chart: Chart, language: Language, ends: NDArray[np.datetime64], has_data: bool) -> dict[str, Any]:
    unit = f" ({chart.unit})" if chart.unit else ""
    axis = {
        "visible": has_data,
        "gridcolor": RULE,
        "zeroline": False,
        "linecolor": RULE,
        "tickfont": {"color": SOFT},
    }
    return {
        "title": {
            "text": f"{chart.title}{unit}",
            "font": {"size": 15},
            "x": 0,
            "xref": "paper",
            "y": 0.98,
            "yanchor": "top",
        },
        "font": {"family": '"Inter Variable", sans-serif', "color": TEXT, "size": 13},
        "paper_bgcolor": PANEL,
        "plot_bgcolor": PANEL,
        "margin": {"l": 8, "r": 8, "t": 62, "b": 8},
        "showlegend": has_data and len(chart.traces) > 1,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": PANEL, "font": {"color": TEXT}},
        "separators": ",." if language is Language.VI else ".,",
        "xaxis": {
            **axis,
            "type": "date",
            "range": [str(ends[0]), str(ends[1])],
            "automargin": True,
            "tickformatstops": [
                {"dtickrange": [None, 43_200_000], "value": "%H:%M"},
                {"dtickrange": [43_200_000, None], "value": "%d/%m"},
            ],
            "nticks": 6,
            "tickangle": 0,
        },
        "yaxis": {
            **axis,
            "rangemode": "tozero",
            "automargin": True,
            "nticks": 5,
            "tickangle": 0,
            **({} if chart.top is None else {"range": [0, chart.top]}),
        },
    }
