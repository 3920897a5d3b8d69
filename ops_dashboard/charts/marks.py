"""Small charts as SVG, the same for page and paper: shapes only, so that words stay words (pure).

A mark scales to the width it is given; colours are an `Ink`, of the page's style sheet or of paper.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple


class Ink(NamedTuple):
    """Colours of a chart, each as SVG writes it."""

    text: str
    soft: str
    rule: str
    fill: str
    bad: str


PAGE: Final = Ink("var(--text)", "var(--soft)", "var(--rule)", "var(--fill)", "var(--p2)")
PAPER: Final = Ink("#14171B", "#4A5560", "#C9D0D7", "#8A97A4", "#B42318")
WIDTH: Final = 300
SPARK_HEIGHT: Final = 48
STRIP_HEIGHT: Final = 36
BAR_HEIGHT: Final = 14
_PAD: Final = 6.0
_DOT: Final = 3.2


def spark(values: Sequence[float | None], target: float | None, ink: Ink) -> str:
    """Return a line over time with gaps where nothing is known; the last value is a ring, for it runs on."""
    known = [v for v in values if v is not None]
    if not known:
        return _svg(SPARK_HEIGHT, [_line(0, SPARK_HEIGHT - 1, WIDTH, SPARK_HEIGHT - 1, ink.rule)])
    scale = _Scale([*known, *([] if target is None else [target])], SPARK_HEIGHT - _PAD, _PAD)
    step = (WIDTH - 2 * _PAD) / max(1, len(values) - 1)
    parts = []
    if target is not None:
        y = scale.of(target)
        parts.append(_line(0, y, WIDTH, y, ink.soft, dash="2 4"))
    for run in _runs(values):
        points = [(_PAD + step * i, scale.of(value)) for i, value in run]
        if len(points) == 1:
            parts.append(_circle(*points[0], 2.0, ink.text))
        else:
            shape = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{shape}" fill="none" stroke="{ink.text}" stroke-width="1.8"/>')
    last = values[-1]
    if last is not None:
        parts.append(_ring(_PAD + step * (len(values) - 1), scale.of(last), ink))
    return _svg(SPARK_HEIGHT, parts)


def strip(values: Iterable[float], whole: float | None, target: float | None, ink: Ink) -> str:
    """Return a dot a group on one axis, stacked where they meet; the whole is a line, the target dotted."""
    shown = sorted(values)
    marks = [*shown, *(m for m in (whole, target) if m is not None)]
    base = STRIP_HEIGHT - 5.0
    parts = [_line(0, base + _DOT + 1, WIDTH, base + _DOT + 1, ink.rule)]
    if not marks:
        return _svg(STRIP_HEIGHT, parts)
    scale = _Scale(marks, _PAD, WIDTH - _PAD)
    if target is not None:
        parts.append(_line(scale.of(target), 0, scale.of(target), STRIP_HEIGHT, ink.soft, dash="2 3"))
    if whole is not None:
        parts.append(_line(scale.of(whole), 0, scale.of(whole), STRIP_HEIGHT, ink.text, width=2))
    stacked: list[tuple[float, float]] = []
    for value in shown:
        x, y = scale.of(value), base
        while any(abs(x - a) < 2 * _DOT and abs(y - b) < _DOT for a, b in stacked) and y > 2 * _DOT:
            y -= 2 * _DOT
        stacked.append((x, y))
        parts.append(_circle(x, y, _DOT, ink.fill))
    return _svg(STRIP_HEIGHT, parts)


def meter(value: float | None, before: float | None, allowed: float | None, ink: Ink) -> str:
    """Return a bar from zero with a line where it was before, and a dotted one where it may be."""
    is_bad = value is not None and allowed is not None and value > allowed
    most = max((m for m in (value, before, allowed) if m is not None), default=0.0)
    return bar(BarMarks(value, before, allowed, None, is_bad=is_bad), most, ink)


class BarMarks(NamedTuple):
    """Where a bar ends, and what is marked on its axis; None for what is not known."""

    value: float | None
    before: float | None
    """A thick line: where it was before."""
    aim: float | None
    """A dotted line: where it should be."""
    whole: float | None
    """A thin line: where all of them together are."""
    is_bad: bool


def bar(marks: BarMarks, most: float, ink: Ink) -> str:
    """Return one of several bars on an axis from zero to `most`."""
    scale = _Scale([0.0, most], 0.0, WIDTH - _PAD)
    parts = [_line(0, BAR_HEIGHT - 0.5, WIDTH, BAR_HEIGHT - 0.5, ink.rule)]
    if marks.value is not None:
        wide = max(0.0, scale.of(marks.value))
        colour = ink.bad if marks.is_bad else ink.fill
        parts.append(f'<rect x="0" y="2" width="{wide:.1f}" height="{BAR_HEIGHT - 4}" fill="{colour}"/>')
    if marks.whole is not None:
        parts.append(_line(scale.of(marks.whole), 0, scale.of(marks.whole), BAR_HEIGHT, ink.soft))
    if marks.aim is not None:
        parts.append(_line(scale.of(marks.aim), 0, scale.of(marks.aim), BAR_HEIGHT, ink.text, dash="2 2"))
    if marks.before is not None:
        parts.append(
            _line(scale.of(marks.before), 1, scale.of(marks.before), BAR_HEIGHT - 1, ink.text, width=3)
        )
    return _svg(BAR_HEIGHT, parts, stretches=True)


class _Scale:
    """From values to places; one value alone stands in the middle."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self._low, self._span = min(values), max(values) - min(values)
        self._first, self._last = first, last

    def of(self, value: float) -> float:
        share = 0.5 if self._span <= 0 else (value - self._low) / self._span
        return self._first + (self._last - self._first) * share


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Return the stretches without a gap, each as (place, value)."""
    runs: list[list[tuple[int, float]]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((i, value))
    return [run for run in runs if run]


def svg(width: float, height: float, parts: Iterable[str], *, stretches: bool = False) -> str:
    """Return shapes as one picture; one that stretches fills any width at its own height."""
    fit = ' preserveAspectRatio="none"' if stretches else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}"{fit}>{"".join(parts)}</svg>'
    )


def _svg(height: float, parts: Iterable[str], *, stretches: bool = False) -> str:
    return svg(WIDTH, height, parts, stretches=stretches)


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dash: str = ""
) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width:g}" vector-effect="non-scaling-stroke"{dashed}/>'
    )


def _circle(x: float, y: float, r: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}" fill="{colour}"/>'


def _ring(x: float, y: float, ink: Ink) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="none" stroke="{ink.text}" stroke-width="1.6"/>'
