"""Which charts a school's page has, and their columns in the units of the reader (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from contract.alert import Alert
from contract.catalogue import Catalogue, Metric
from contract.fleet import STREAMS_OF, Device, School
from contract.privacy import is_published, shown_history
from contract.series import series_of
from contract.texts import Language, Texts
from ops_dashboard.charts.plots import Chart, Plot, Trace, Usual, Window
from storage.wall import SeriesHistory

RANGES: Final = {"1h": 3_600, "6h": 21_600, "24h": 86_400, "7d": 604_800}
"""Choices of the range selector, seconds."""
USUAL_RANGE: Final = "24h"
"""What is shown unless something else is chosen: the day."""


class SchoolCharts(NamedTuple):
    """The charts of a school over a stretch of time."""

    window: Window
    charts: list[tuple[Chart, Plot]]
    alerts: list[Alert]
    """Of this stretch, in the order in which they opened."""


def chosen_range(asked: str) -> str:
    """Return one of `RANGES`: what is asked for, or the usual one."""
    return asked if asked in RANGES else USUAL_RANGE


@dataclass(frozen=True, slots=True)
class ChartPlan:
    """One chart before it has data."""

    key: str
    """Text of its title, `figure.<key>`."""
    metrics: tuple[tuple[str, str], ...]
    """Metric names, each with the text of its line, `figure.<key>`."""
    unit: str
    scale: float
    """Metric units in one unit of the chart."""
    top: float | None = None
    floor: float = 0.0
    words: tuple[str, str] | None = None
    """Texts of the ends of the axis, `figure.<key>`."""
    steady: bool = True


PLANS: Final = (
    ChartPlan("bandwidth", (("down_bps", "down"), ("up_bps", "up")), "Mbit/s", 1e6),
    ChartPlan("latency", (("latency_ms", "latency"),), "ms", 1.0),
    ChartPlan("loss", (("loss_ratio", "loss"),), "%", 0.01),
    ChartPlan("online", (("online", "online"),), "", 1.0, 1.0, words=("lost", "there")),
    ChartPlan("attendance", (("attendance_ratio", "attendance"),), "%", 0.01, 100.0, 85.0, steady=False),
    ChartPlan("users", (("active_users", "users"),), "", 1.0),
    ChartPlan("success", (("success_ratio", "success"),), "%", 0.01, 100.0, 95.0),
    ChartPlan("response", (("response_ms", "response"),), "ms", 1.0),
)


class ToldSeries(NamedTuple):
    """What is told of one metric of a school, in the metric's unit."""

    history: SeriesHistory
    """Of the stretch that is shown."""
    usual: Usual | None


def series_by_metric(school: School, devices: list[Device], catalogue: Catalogue) -> dict[str, int]:
    """Return the series of each published metric of a school's devices, by metric name."""
    found: dict[str, int] = {}
    for device in devices:
        for stream in STREAMS_OF[device.kind]:
            for metric in catalogue.of_stream(stream):
                if is_published(metric, school.pupils):
                    found[metric.name] = series_of(device.id, metric.id)
    return found


def fill_plan(
    plan: ChartPlan,
    school: School,
    catalogue: Catalogue,
    parts: Mapping[str, ToldSeries],
    bucket: str,
    texts: Texts,
    language: Language,
) -> Chart:
    """Return the chart of a plan; `parts` holds what is told of each metric by name."""
    traces = [
        told_trace(
            texts.say(f"figure.{key}", language),
            catalogue.named(name),
            school.pupils,
            parts[name],
            plan.scale,
            bucket != "raw",
        )
        for name, key in plan.metrics
        if name in parts
    ]
    bound = words = None
    if plan.key == "bandwidth":
        bound = (texts.say("figure.contracted", language), school.contracted_down_bps / plan.scale)
    if plan.words is not None:
        words = (
            texts.say(f"figure.{plan.words[0]}", language),
            texts.say(f"figure.{plan.words[1]}", language),
        )
    title = texts.say(f"figure.{plan.key}", language)
    return Chart(title, plan.unit, traces, bound, plan.top, plan.floor, words, plan.steady)


def told_trace(
    name: str, metric: Metric, pupils: int, part: ToldSeries, scale: float, with_range: bool
) -> Trace:
    """Return a line of what is told; `scale` is in metric units, the range is that of each bucket."""
    history, usual = part
    told = shown_history(metric, pupils, history.mean, history.min, history.max)
    return Trace(
        name,
        history.time_us,
        told.mean / scale,
        told.low / scale if with_range else None,
        told.high / scale if with_range else None,
        None if usual is None else Usual(usual.time_us, usual.low / scale, usual.high / scale),
    )
