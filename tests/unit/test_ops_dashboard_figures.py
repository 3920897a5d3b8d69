"""The charts of a school from canned columns."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import plotly.graph_objects as go
import pytest

from config.files import shipped_texts
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.texts import Language
from ops_dashboard.charts.figures import HOLE_RAW_US, Chart, Trace, make_figure, with_holes
from ops_dashboard.charts.school_charts import PLANS, fill_plan
from storage.wall import SeriesHistory

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MINUTE_US = 60_000_000
START_US = 1_795_392_000_000_000  # 2026-11-23T00:00Z, 07:00 in Vietnam


def figure(chart: Chart, language: Language = Language.VI) -> go.Figure:
    return make_figure(
        chart,
        language,
        ZONE,
        from_us=START_US,
        to_us=START_US + 60 * MINUTE_US,
        hole_us=HOLE_RAW_US,
        nothing="Chưa có",
    )


def history(values: list[float], step_us: int = MINUTE_US) -> SeriesHistory:
    n = len(values)
    value = np.array(values)
    time_us = START_US + np.arange(n) * step_us
    ones = np.ones(n, np.int64)
    return SeriesHistory(
        time_us, ones.astype(np.int32), ones, value, value - 1, value + 1, np.full(n, np.nan, np.float32)
    )


def test_the_axis_is_local_time() -> None:
    trace = Trace("a", np.array([START_US, START_US + MINUTE_US]), np.array([1.0, 2.0]))
    drawn = figure(Chart("Băng thông", "Mbit/s", [trace]))
    assert str(np.datetime64(drawn.data[0].x[0], "m")) == "2026-11-23T07:00"
    assert drawn.layout.xaxis.range[0].startswith("2026-11-23T07:00")


def test_the_unit_stands_in_the_title_and_the_comma_in_vietnamese() -> None:
    drawn = figure(Chart("Độ trễ", "ms", []))
    assert drawn.layout.title.text == "Độ trễ (ms)"
    assert drawn.layout.separators == ",."
    assert figure(Chart("Latency", "ms", []), Language.EN).layout.separators == ".,"


def test_without_data_it_says_so() -> None:
    drawn = figure(Chart("a", "", [Trace("a", np.empty(0, np.int64), np.empty(0))], bound=("x", 5.0)))
    assert [a.text for a in drawn.layout.annotations] == ["Chưa có"]
    assert len(drawn.data) == 0


def test_silence_is_a_gap() -> None:
    time_us = np.array([0, 1, 500, 501]) * MINUTE_US
    with_gap, value = with_holes(time_us, np.array([1.0, 2.0, 3.0, 4.0]), HOLE_RAW_US)
    assert np.isnan(value).tolist() == [False, False, True, False, False]
    assert (np.diff(with_gap) > 0).all()
    assert with_holes(time_us[:1], np.array([1.0]), HOLE_RAW_US)[0].tolist() == [0]


@pytest.mark.parametrize("bucket", ["raw", "15m"])
def test_a_school_has_its_charts_in_units_of_people(city: Fleet, catalogue: Catalogue, bucket: str) -> None:
    texts, school = shipped_texts(), city.schools[0]
    parts = {name: history([1e6, 2e6]) for plan in PLANS for name, _ in plan.metrics}
    ratio = np.array([0.2, 1.0])
    parts["attendance_ratio"] = replace(history([0.2, 1.0]), min=ratio, max=ratio)
    charts = {p.key: fill_plan(p, school, catalogue, parts, bucket, texts, Language.EN) for p in PLANS}
    bandwidth = charts["bandwidth"]
    assert [t.name for t in bandwidth.traces] == ["Down", "Up"]
    assert bandwidth.traces[0].value.tolist() == [1.0, 2.0]
    assert bandwidth.bound == ("Contracted", school.contracted_down_bps / 1e6)
    assert charts["attendance"].traces[0].value.tolist() == pytest.approx([20.0, 95.0])
    assert (bandwidth.traces[0].low is None) == (bucket == "raw")
    assert len(figure(bandwidth).data) == (2 if bucket == "raw" else 6)
