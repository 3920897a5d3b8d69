"""Which charts a school's page has, and their columns in the units of the reader (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from contract.catalogue import Catalogue, Metric
from contract.fleet import STREAMS_OF, Device, School
from contract.privacy import is_published, shown_history
from contract.series import series_of
from contract.texts import Language, Texts
from ops_dashboard.charts.figures import Chart, Trace
from storage.wall import SeriesHistory


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


PLANS: Final = (
    ChartPlan("bandwidth", (("down_bps", "down"), ("up_bps", "up")), "Mbit/s", 1e6),
    ChartPlan("latency", (("latency_ms", "latency"),), "ms", 1.0),
    ChartPlan("loss", (("loss_ratio", "loss"),), "%", 0.01),
    ChartPlan("online", (("online", "online"),), "%", 0.01, 105.0),
    ChartPlan("attendance", (("attendance_ratio", "attendance"),), "%", 0.01, 100.0),
    ChartPlan("users", (("active_users", "users"),), "", 1.0),
    ChartPlan("success", (("success_ratio", "success"),), "%", 0.01, 105.0),
    ChartPlan("response", (("response_ms", "response"),), "ms", 1.0),
)


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
    parts: Mapping[str, SeriesHistory],
    bucket: str,
    texts: Texts,
    language: Language,
) -> Chart:
    """Return the chart of a plan; `parts` holds the history of each metric by name."""
    traces = [
        _trace(
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
    bound = None
    if plan.key == "bandwidth":
        bound = (texts.say("figure.contracted", language), school.contracted_down_bps / plan.scale)
    return Chart(texts.say(f"figure.{plan.key}", language), plan.unit, traces, bound, plan.top)


def _trace(
    name: str, metric: Metric, pupils: int, history: SeriesHistory, scale: float, with_band: bool
) -> Trace:
    told = shown_history(metric, pupils, history.mean, history.min, history.max)
    return Trace(
        name,
        history.time_us,
        told.mean / scale,
        told.low / scale if with_band else None,
        told.high / scale if with_band else None,
    )
