"""Charts of one stretch of time, from columns alone: shapes as SVG, words beside them stay words (pure).

All charts of a page share the time axis, so a place in them is a share of its width, 0 to 1. A shape is
stretched to the room it is given.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.texts import Language, write_number
from ops_dashboard.charts.marks import Ink, svg

WIDTH: Final = 1000.0
HEIGHT: Final = 100.0
MOST_POINTS: Final = 360
"""Points of a line: more than two a pixel of a phone are not seen."""
OFF_SCALE: Final = 1.6
"""A bound that is so many times what was measured would flatten the line: it is told in words."""
HOLE_RAW_US: Final = 180_000_000
"""Raw readings farther apart than this are not joined by a line: silence is a gap, not a slope."""
HOLE_BUCKET_US: Final = 31 * 60_000_000
"""The same for quarters of an hour."""
HOLE_RARE_US: Final = 7_200_000_000
"""The same for what is not measured all the time, such as registers of a session."""
LEAST_STEPS: Final = 4
"""So many readings tell how often a line says something."""
STEPS_A_PAUSE: Final = 2.5
"""A pause is longer than so many usual steps."""
FLAT: Final = 4.0
"""Least height of what is usual, pixels: what is always the same is seen as well."""
DOT: Final = 4.5
"""Width of a point by itself, pixels."""
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Trace:
    """One line of a chart."""

    name: str
    time_us: NDArray[np.int64]
    """µs since 1970, rising, shape (n,)."""
    value: NDArray[np.float64]
    """In the unit of the chart, shape (n,); NaN where nothing may be told."""
    low: NDArray[np.float64] | None = None
    """Lowest value of each bucket, shape (n,); None for raw readings."""
    high: NDArray[np.float64] | None = None
    usual: "Usual | None" = None


class Usual(NamedTuple):
    """Between what a measure usually is, in the unit of the chart; each of shape (n,)."""

    time_us: NDArray[np.int64]
    """µs since 1970, rising."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: its lines share an axis and a unit."""

    title: str
    unit: str
    traces: Sequence[Trace]
    bound: tuple[str, float] | None = None
    """A named level, such as the contracted bandwidth."""
    top: float | None = None
    """Upper end of the axis where the quantity has one, such as 100 %."""
    floor: float = 0.0
    """Lower end of the axis, unless something is below: a fall from 96 to 90 % must be seen."""
    words: tuple[str, str] | None = None
    """What the lower and the upper end mean, where numbers say less, such as lost and there."""
    steady: bool = True
    """Whether it is measured all the time, so that a pause says something."""


class Window(NamedTuple):
    """The stretch of time that is shown, µs since 1970."""

    from_us: int
    to_us: int
    hole_us: int
    """Readings farther apart than this are not joined."""

    def share(self, time_us: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return where moments are, 0 to 1 within the stretch."""
        places: NDArray[np.float64] = (time_us - self.from_us) / max(1, self.to_us - self.from_us)
        return places


class PlotLine(NamedTuple):
    """One line as it is read point by point."""

    name: str
    last: float | None
    last_us: int
    """When that was, µs since 1970; 0 for never."""
    places: list[float]
    """Of the points, per mille of the width, one decimal."""
    values: list[float | None]


class Plot(NamedTuple):
    """A chart as it is drawn."""

    svg: str
    ticks: list[tuple[float, str]]
    """Height, 0 to 1 from below, and what stands there."""
    holes: list[tuple[float, float]]
    """Place and width of what is not known, shares of the width."""
    readings: list[PlotLine]
    decimals: int
    """Of its values."""
    off_scale: bool
    """Whether its bound is above what is drawn."""


def plot(chart: Chart, window: Window, language: Language, ink: Ink) -> Plot:
    """Return a chart as shapes, and the words that belong to it."""
    known = [_thinned(trace, window) for trace in chart.traces]
    window = window._replace(hole_us=_pause_us(chart, window))
    axis = _axis(chart, known)
    parts = [_rule(axis.height(level), ink.rule) for level in axis.ticks]
    is_off = chart.bound is not None and chart.bound[1] > axis.high
    if chart.bound is not None and not is_off:
        parts.append(_rule(axis.height(chart.bound[1]), ink.soft, "3 4"))
    for nth, trace in enumerate(known):
        parts += _shapes(
            trace, window, axis, ink.text if nth == 0 else ink.soft, ink.fill, dots=not chart.steady
        )
    decimals = _decimals(axis.high - axis.low)
    ticks = [(axis.height(level), _tick(chart, axis, level, language)) for level in axis.ticks]
    holes = _holes(known[0], window) if chart.steady and known else []
    readings = [_reading(trace, window) for trace in known]
    return Plot(svg(WIDTH, HEIGHT, parts, stretches=True), ticks, holes, readings, decimals, is_off)


def with_holes(
    time_us: NDArray[np.int64], value: NDArray[np.float64], hole_us: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the columns with a NaN wherever two neighbours are more than `hole_us` apart."""
    after = np.flatnonzero(np.diff(time_us) > hole_us) + 1
    return np.insert(time_us, after, time_us[after - 1] + 1), np.insert(value, after, np.nan)


def _pause_us(chart: Chart, window: Window) -> int:
    """Return from which pause on nothing is known: what seldom says something is not silent in between."""
    steps = [np.diff(trace.time_us) for trace in chart.traces if len(trace.time_us) > LEAST_STEPS]
    own = max((float(np.median(one)) for one in steps), default=0.0)
    return max(window.hole_us, round(STEPS_A_PAUSE * own), 0 if chart.steady else HOLE_RARE_US)


class _Axis(NamedTuple):
    low: float
    high: float
    ticks: list[float]

    def height(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)


def _axis(chart: Chart, traces: Sequence[Trace]) -> _Axis:
    columns = [c for t in traces for c in (t.value, t.low, t.high, *(t.usual or ())[1:]) if c is not None]
    values = np.concatenate([np.empty(0), *columns])
    values = values[np.isfinite(values)]
    least, most = (float(values.min()), float(values.max())) if len(values) else (chart.floor, chart.floor)
    if chart.bound is not None and chart.bound[1] <= OFF_SCALE * most:
        most = max(most, chart.bound[1])
    if chart.top is not None:
        span = chart.top - min(chart.floor, least)
        step = next(s for s in (1.0, 5.0, 10.0, 25.0, 50.0) if span / s <= 5.0 or s == 50.0)
        low = math.floor(min(chart.floor, least) / step) * step
        return _Axis(low, chart.top, [low, (low + chart.top) / 2, chart.top])
    if not len(values):
        return _Axis(chart.floor, chart.floor + 1.0, [])
    step = _nice(max(most - chart.floor, 1e-9) / 2)
    high = chart.floor + 2 * step
    return _Axis(chart.floor, high, [chart.floor, chart.floor + step, high])


def _nice(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * step for step in _STEPS if power * step >= least * (1 - 1e-9))


def _decimals(span: float) -> int:
    return 0 if span >= 30 else 1 if span >= 3 else 2


def _tick(chart: Chart, axis: _Axis, level: float, language: Language) -> str:
    if chart.words is not None:
        return {axis.low: chart.words[0], axis.high: chart.words[1]}.get(level, "")
    decimals = next((d for d in range(4) if abs(level * 10**d - round(level * 10**d)) < 1e-6), 4)
    return write_number(level, language, decimals)


def _thinned(trace: Trace, window: Window) -> Trace:
    """Return a line with at most `MOST_POINTS` points; where several become one, their range is kept."""
    if len(trace.time_us) <= MOST_POINTS:
        return trace
    place = (window.share(trace.time_us) * MOST_POINTS).astype(np.int64).clip(0, MOST_POINTS - 1)
    _, first, group = np.unique(place, return_index=True, return_inverse=True)
    told = np.isfinite(trace.value)
    n = np.bincount(group, told)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.bincount(group, np.where(told, trace.value, 0.0)) / n
    low = np.fmin.reduceat(trace.value if trace.low is None else trace.low, first)
    high = np.fmax.reduceat(trace.value if trace.high is None else trace.high, first)
    return Trace(trace.name, trace.time_us[first], value, low, high, trace.usual)


def _shapes(
    trace: Trace, window: Window, axis: _Axis, colour: str, usual_colour: str, *, dots: bool
) -> list[str]:
    parts = []
    if trace.usual is not None:
        usual = _to_edges(trace.usual, window)
        quarters = window._replace(hole_us=max(window.hole_us, HOLE_BUCKET_US))  # however fine the line is
        parts += _band(usual.time_us, usual.low, usual.high, quarters, axis, usual_colour, 0.28, edge=FLAT)
    if trace.low is not None and trace.high is not None:
        parts += _band(trace.time_us, trace.low, trace.high, window, axis, colour, 0.22)
    time_us, value = with_holes(trace.time_us, trace.value, window.hole_us)
    for x, y in _runs(window.share(time_us), value):
        points = _points(axis, x, y)
        if len(x) > 1:
            parts.append(_stroke(f'<polyline points="{" ".join(points)}"', colour, 1.7))
        if dots or len(x) == 1:  # lines of no length: round whatever the stretch
            shape = "".join(f"M{point}h0" for point in points)
            parts.append(_stroke(f'<path d="{shape}"', colour, DOT))
    return parts


def _to_edges(usual: Usual, window: Window) -> Usual:
    """Return what is usual with its values at the edges of the window, where it goes on beyond them."""
    time_us, low, high = usual
    for edge_us in (window.from_us, window.to_us):
        at = int(np.searchsorted(time_us, edge_us))
        if 0 < at < len(time_us) and time_us[at] - time_us[at - 1] <= HOLE_BUCKET_US:
            here = [np.interp(edge_us, time_us, column) for column in (low, high)]
            time_us = np.insert(time_us, at, edge_us)
            low, high = (np.insert(c, at, v) for c, v in zip((low, high), here, strict=True))
    return Usual(time_us, low, high)


def _stroke(shape: str, colour: str, width: float) -> str:
    return (
        f'{shape} fill="none" stroke="{colour}" stroke-width="{width:g}" stroke-linecap="round" '
        f'stroke-linejoin="round" vector-effect="non-scaling-stroke"/>'
    )


def _points(axis: _Axis, x: NDArray[np.float64], y: NDArray[np.float64]) -> list[str]:
    return [f"{a * WIDTH:.1f},{_down(axis, b):.2f}" for a, b in zip(x, y, strict=True)]


def _band(
    time_us: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    window: Window,
    axis: _Axis,
    colour: str,
    opacity: float,
    edge: float = 0.0,
) -> list[str]:
    at, least = with_holes(time_us, low, window.hole_us)
    _, most = with_holes(time_us, high, window.hole_us)
    parts = []
    for x, both in _runs(window.share(at), np.stack([least, most], axis=1)):
        shape = " ".join([*_points(axis, x, both[:, 1]), *reversed(_points(axis, x, both[:, 0]))])
        ink = f'fill="{colour}" opacity="{opacity:g}"'
        if edge:
            ink += f' stroke="{colour}" stroke-width="{edge:g}" vector-effect="non-scaling-stroke"'
        parts.append(f'<polygon points="{shape}" {ink}/>')
    return parts


def _runs(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the stretches of points that are known and within the window."""
    told = np.isfinite(y) if y.ndim == 1 else np.isfinite(y).all(axis=1)
    known = told & (x >= 0) & (x <= 1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [(x[a:b], y[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _down(axis: _Axis, value: float) -> float:
    """Return the place of a value from above; what lies beyond the axis stays at its edge."""
    return HEIGHT * (1 - min(1.0, max(0.0, axis.height(value))))


def _rule(height: float, colour: str, dash: str = "") -> str:
    y = HEIGHT * (1 - height)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="0" x2="{WIDTH:g}" y1="{y:.2f}" y2="{y:.2f}" stroke="{colour}" '
        f'vector-effect="non-scaling-stroke"{dashed}/>'
    )


def _holes(trace: Trace, window: Window) -> list[tuple[float, float]]:
    """Return the stretches without a reading, the one up to the end too."""
    inside = trace.time_us[(trace.time_us >= window.from_us) & (trace.time_us <= window.to_us)]
    ends = np.concatenate([[window.from_us], inside, [window.to_us]])
    wide = np.diff(ends) > window.hole_us
    first, last = window.share(ends[:-1][wide]), window.share(ends[1:][wide])
    return list(zip(first.tolist(), (last - first).tolist(), strict=True))


def _reading(trace: Trace, window: Window) -> PlotLine:
    told = np.flatnonzero(np.isfinite(trace.value))
    last = int(told[-1]) if len(told) else None
    return PlotLine(
        trace.name,
        None if last is None else float(trace.value[last]),
        0 if last is None else int(trace.time_us[last]),
        np.round(window.share(trace.time_us) * 1000, 1).tolist(),
        [float(f"{v:.5g}") if math.isfinite(v) else None for v in trace.value.tolist()],
    )
