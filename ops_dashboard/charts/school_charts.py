"""Which charts a school's page has, and their columns in the units of the reader (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from contract.catalogue import Catalogue
from contract.fleet import STREAMS_OF, Device, School
from contract.privacy import cap_values, is_published
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


def series_by_metric(devices: list[Device], catalogue: Catalogue) -> dict[str, int]:
    """Return the series of each published metric of a school's devices, by metric name."""
    found: dict[str, int] = {}
    for device in devices:
        for stream in STREAMS_OF[device.kind]:
            for metric in catalogue.of_stream(stream):
                if is_published(metric.name):
                    found[metric.name] = series_of(device.id, metric.id)
    return found


def fill_plan(
    plan: ChartPlan,
    school: School,
    parts: Mapping[str, SeriesHistory],
    bucket: str,
    texts: Texts,
    language: Language,
) -> Chart:
    """Return the chart of a plan; `parts` holds the history of each metric by name."""
    traces = [
        _trace(texts.say(f"figure.{key}", language), name, parts[name], plan.scale, bucket != "raw")
        for name, key in plan.metrics
        if name in parts
    ]
    bound = None
    if plan.key == "bandwidth":
        bound = (texts.say("figure.contracted", language), school.contracted_down_bps / plan.scale)
    return Chart(texts.say(f"figure.{plan.key}", language), plan.unit, traces, bound, plan.top)


def _trace(name: str, metric: str, history: SeriesHistory, scale: float, with_band: bool) -> Trace:
    return Trace(
        name,
        history.time_us,
        cap_values(metric, history.mean) / scale,
        cap_values(metric, history.min) / scale if with_band else None,
        cap_values(metric, history.max) / scale if with_band else None,
    )
