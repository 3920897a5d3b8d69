"""The charts of a school from canned columns."""

from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pytest

from config.files import shipped_texts
from contract.catalogue import Catalogue
from contract.figures.school_day import QUARTER_US
from contract.fleet import Fleet
from contract.texts import Language
from ops_dashboard.charts.marks import PAGE
from ops_dashboard.charts.plots import (
    FLAT,
    HEIGHT,
    HOLE_RAW_US,
    MOST_POINTS,
    WIDTH,
    Chart,
    Plot,
    Trace,
    Usual,
    Window,
    plot,
    with_holes,
)
from ops_dashboard.charts.school_charts import PLANS, ToldSeries, fill_plan
from ops_dashboard.charts.usual import DAY_US, LEAST_DAYS, usual_band
from storage.wall import SeriesHistory

MINUTE_US = 60_000_000
START_US = 1_795_392_000_000_000  # 2026-11-23T00:00Z, 07:00 in Vietnam
WINDOW = Window(START_US, START_US + 60 * MINUTE_US, HOLE_RAW_US)


def drawn(
    chart: Chart, language: Language = Language.VI, hole_us: int = HOLE_RAW_US
) -> tuple[Plot, list[Element]]:
    made = plot(chart, WINDOW._replace(hole_us=hole_us), language, PAGE)
    return made, list(fromstring(made.svg))


def points(shape: Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (one.split(",") for one in shape.attrib["points"].split())]


def lines(shapes: list[Element]) -> list[list[tuple[float, float]]]:
    return [points(one) for one in shapes if one.tag.endswith("polyline")]


def dots(shapes: list[Element]) -> int:
    return sum(one.attrib["d"].count("M") for one in shapes if one.tag.endswith("path"))


def trace(values: list[float], step_us: int = MINUTE_US) -> Trace:
    return Trace("a", START_US + np.arange(len(values)) * step_us, np.array(values))


def history(values: list[float]) -> SeriesHistory:
    n, value = len(values), np.array(values)
    ones = np.ones(n, np.int64)
    return SeriesHistory(
        START_US + np.arange(n) * MINUTE_US,
        ones.astype(np.int32),
        ones,
        value,
        value - 1,
        value + 1,
        np.full(n, np.nan, np.float32),
    )


def test_a_line_goes_from_the_left_to_the_right_and_upwards() -> None:
    chart = Chart("a", "ms", [trace([0.0, 10.0], 60 * MINUTE_US)])
    made, shapes = drawn(chart, hole_us=60 * MINUTE_US)
    assert lines(shapes) == [[(0.0, HEIGHT), (WIDTH, 0.0)]]
    assert made.ticks == [(0.0, "0"), (0.5, "5"), (1.0, "10")]
    assert made.readings[0][1:] == (10.0, START_US + 60 * MINUTE_US, [0.0, 1000.0], [0.0, 10.0])


def test_numbers_are_written_in_the_readers_language() -> None:
    chart = Chart("a", "", [trace([2_400.5])])
    assert [t for _, t in drawn(chart)[0].ticks] == ["0", "2.000", "4.000"]
    assert [t for _, t in drawn(chart, Language.EN)[0].ticks] == ["0", "2,000", "4,000"]
    assert [t for _, t in drawn(Chart("a", "", [trace([0.19])]))[0].ticks] == ["0", "0,1", "0,2"]


def test_a_fall_from_96_to_90_is_seen() -> None:
    made, shapes = drawn(Chart("a", "%", [trace([96.0, 90.0])], top=100.0, floor=85.0))
    assert [t for _, t in made.ticks] == ["85", "92,5", "100"]
    (line,) = lines(shapes)
    assert line[1][1] - line[0][1] > HEIGHT / 3
    below, _ = drawn(Chart("a", "%", [trace([96.0, 32.0])], top=100.0, floor=85.0))
    assert float(below.ticks[0][1]) <= 32


def test_silence_is_a_gap_in_the_line_and_told_beside_it() -> None:
    time_us = START_US + np.array([0, 1, 40, 41]) * MINUTE_US
    made, shapes = drawn(Chart("a", "", [Trace("a", time_us, np.array([1.0, 2.0, 3.0, 4.0]))]))
    assert [len(line) for line in lines(shapes)] == [2, 2]
    assert made.holes == [pytest.approx((1 / 60, 39 / 60)), pytest.approx((41 / 60, 19 / 60))]
    assert drawn(Chart("a", "", [Trace("a", time_us, np.ones(4))], steady=False))[0].holes == []
    with_gap, value = with_holes(time_us, np.ones(4), HOLE_RAW_US)
    assert np.isnan(value).tolist() == [False, False, True, False, False]
    assert (np.diff(with_gap) > 0).all()


def test_without_data_the_whole_stretch_is_a_gap() -> None:
    made, shapes = drawn(Chart("a", "", [Trace("a", np.empty(0, np.int64), np.empty(0))]))
    assert (made.holes, made.ticks) == ([(0.0, 1.0)], [])
    assert lines(shapes) == []
    assert made.readings[0].last is None
    assert drawn(Chart("a", "", []))[0].readings == []


def test_what_is_measured_now_and_then_has_a_dot_each_and_no_gap_within_a_session() -> None:
    time_us = START_US + np.array([0, 40]) * MINUTE_US
    registers = Chart("a", "%", [Trace("a", time_us, np.array([95.0, 96.0]))], steady=False)
    made, shapes = drawn(registers)
    assert (len(lines(shapes)), dots(shapes), made.holes) == (1, 2, [])
    made, shapes = drawn(replace(registers, steady=True))
    assert (len(lines(shapes)), dots(shapes), len(made.holes)) == (0, 2, 2)


def test_what_seldom_says_something_is_not_silent_in_between() -> None:
    seldom = Chart("a", "", [trace([1.0] * 7, 10 * MINUTE_US)])
    made, shapes = drawn(seldom)
    assert ([len(line) for line in lines(shapes)], made.holes) == ([7], [])
    often = START_US + np.concatenate([np.arange(20), [40, 41]]) * MINUTE_US
    made, shapes = drawn(Chart("a", "", [Trace("a", often, np.ones(22))]))
    assert [len(line) for line in lines(shapes)] == [20, 2]


def test_what_may_not_be_told_breaks_the_line() -> None:
    made, shapes = drawn(Chart("a", "", [trace([20.0, np.nan, 22.0, 21.0])]))
    assert [len(line) for line in lines(shapes)] == [2]
    assert dots(shapes) == 1
    assert made.readings[0].values == [20.0, None, 22.0, 21.0]


def test_a_bound_far_above_is_told_in_words_and_does_not_flatten_the_line() -> None:
    far, _ = drawn(Chart("a", "", [trace([90.0])], bound=("x", 300.0)))
    assert far.off_scale
    assert far.ticks[-1][1] == "100"
    near, shapes = drawn(Chart("a", "", [trace([90.0])], bound=("x", 120.0)))
    assert not near.off_scale
    assert sum("stroke-dasharray" in shape.attrib for shape in shapes) == 1


def test_a_long_line_is_thinned_and_keeps_its_range() -> None:
    value = np.sin(np.arange(3_600.0))
    value[1_800] = 50.0
    made, shapes = drawn(Chart("a", "", [Trace("a", START_US + np.arange(3_600) * 1_000_000, value)]))
    assert len(made.readings[0].values) == MOST_POINTS
    assert sum(len(line) for line in lines(shapes)) == MOST_POINTS
    (band,) = (points(one) for one in shapes if one.tag.endswith("polygon"))
    assert min(y for _, y in band) == 0.0


def test_ends_may_be_words() -> None:
    made, _ = drawn(Chart("a", "", [trace([1.0, 0.0])], top=1.0, words=("mất", "có")))
    assert [t for _, t in made.ticks] == ["mất", "", "có"]


def before(days: int, of_day: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Return one quarter hour of each of some days before the window, as many as 100, 101, …"""
    starts = np.array([START_US - d * DAY_US + of_day * QUARTER_US for d in range(days, 0, -1)])
    return starts, 100.0 + np.arange(days)


def test_what_nine_days_in_ten_were_is_usual() -> None:
    time_us, value = before(20)
    usual = usual_band(time_us, value, np.ones(20, bool), 0, (START_US, START_US + DAY_US - 1))
    assert usual is not None
    assert usual.time_us.tolist() == [START_US + 8 * QUARTER_US + QUARTER_US // 2]
    assert (usual.low[0], usual.high[0]) == pytest.approx((100.95, 118.05))
    band = Usual(START_US + np.array([0, MINUTE_US]), np.ones(2), 2 * np.ones(2))
    _, shapes = drawn(Chart("a", "", [replace(trace([1.0]), usual=band)]))
    assert sum(one.tag.endswith("polygon") for one in shapes) == 1


def test_what_is_usual_is_one_band_however_fine_the_line_is() -> None:
    quarters = START_US + np.arange(8) * QUARTER_US
    band = Usual(quarters, np.full(8, 1.0), np.full(8, 1.0))
    chart = Chart("a", "", [replace(trace([1.0]), usual=band)])
    shapes = plot(chart, Window(START_US, START_US + 8 * QUARTER_US, HOLE_RAW_US), Language.EN, PAGE).svg
    assert shapes.count("<polygon") == 1
    beyond = replace(trace([1.0]), usual=Usual(quarters - QUARTER_US // 2, *band[1:]))
    window = Window(START_US, START_US + 6 * QUARTER_US, HOLE_RAW_US)
    drawn_to = fromstring(plot(replace(chart, traces=[beyond]), window, Language.EN, PAGE).svg)
    (shape,) = (one for one in drawn_to if one.tag.endswith("polygon"))
    assert {min(points(shape))[0], max(points(shape))[0]} == {0.0, WIDTH}
    assert f'stroke-width="{FLAT:g}"' in shapes  # what is always the same is seen as well


def test_few_days_or_days_of_another_kind_make_nothing_usual() -> None:
    time_us, value = before(LEAST_DAYS - 1)
    window = (START_US, START_US + DAY_US)
    assert usual_band(time_us, value, np.ones(len(value), bool), 0, window) is None
    time_us, value = before(20)
    assert usual_band(time_us, value, np.zeros(20, bool), 0, window) is None
    assert usual_band(time_us, np.full(20, np.nan), np.ones(20, bool), 0, window) is None


def test_the_time_of_day_is_local() -> None:
    time_us, value = before(20, of_day=0)
    hour = 7 * 4 * QUARTER_US
    here = usual_band(time_us, value, np.ones(20, bool), hour, (START_US, START_US + DAY_US // 2))
    assert here is not None
    assert here.time_us.tolist() == [START_US + QUARTER_US // 2]


@pytest.mark.parametrize("bucket", ["raw", "15m"])
def test_a_school_has_its_charts_in_units_of_people(city: Fleet, catalogue: Catalogue, bucket: str) -> None:
    texts, school = shipped_texts(), city.schools[0]
    usual = Usual(np.array([START_US]), np.array([1e6]), np.array([3e6]))
    parts = {name: ToldSeries(history([1e6, 2e6]), usual) for plan in PLANS for name, _ in plan.metrics}
    ratio = np.array([0.2, 1.0])
    parts["attendance_ratio"] = ToldSeries(replace(history([0.2, 1.0]), min=ratio, max=ratio), None)
    charts = {p.key: fill_plan(p, school, catalogue, parts, bucket, texts, Language.EN) for p in PLANS}
    bandwidth = charts["bandwidth"]
    assert [t.name for t in bandwidth.traces] == ["Down", "Up"]
    assert bandwidth.traces[0].value.tolist() == [1.0, 2.0]
    assert bandwidth.traces[0].usual is not None
    assert bandwidth.traces[0].usual.high.tolist() == [3.0]
    assert bandwidth.bound == ("Contracted", school.contracted_down_bps / 1e6)
    assert charts["attendance"].traces[0].value.tolist() == pytest.approx([20.0, 95.0])
    assert charts["online"].words == ("lost", "there")
    assert (bandwidth.traces[0].low is None) == (bucket == "raw")


def test_every_colour_of_a_page_is_known_to_its_style_sheets() -> None:
    sheets = Path(__file__).parents[2] / "ops_dashboard" / "assets"
    base = (sheets / "base.css").read_text(encoding="utf-8")
    for name in ("leadership", "school"):  # where shapes of the server stand
        known = base + (sheets / f"{name}.css").read_text(encoding="utf-8")
        wanted = [colour.removeprefix("var(").rstrip(")") for colour in PAGE]
        assert [one for one in wanted if f"{one}:" not in known] == [], name
