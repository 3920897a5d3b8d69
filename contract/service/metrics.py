"""The services' own metrics: one literal catalogue, and the meter that holds one process's values.

A service counts with plain numbers on its `Meter`; whoever runs it publishes them. Names follow
Prometheus: base units, `_total` for counters. Source: prometheus.io/docs/practices/naming.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple


class InstrumentKind(StrEnum):
    """How a value behaves."""

    COUNTER = "counter"
    """Only rises while the process lives."""
    GAUGE = "gauge"
    """The value now."""
    HISTOGRAM = "histogram"
    """How often a value fell below each bound."""


class ServiceMetric(NamedTuple):
    """One metric of the services themselves."""

    name: str
    kind: InstrumentKind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, rising; without the infinite one."""


_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
_C, _G, _H = InstrumentKind.COUNTER, InstrumentKind.GAUGE, InstrumentKind.HISTOGRAM

SERVICE_METRICS: Final = (
    ServiceMetric("eduops_ingest_messages_total", _C, "MQTT messages received, redeliveries included."),
    ServiceMetric("eduops_ingest_readings_total", _C, "Readings by what became of them.", ("outcome",)),
    ServiceMetric("eduops_ingest_acknowledged_total", _C, "MQTT messages acknowledged after they were kept."),
    ServiceMetric("eduops_ingest_dropped_total", _C, "Messages of QoS 0 dropped in a flood."),
    ServiceMetric("eduops_ingest_session_up", _G, "1 while the MQTT session stands."),
    ServiceMetric("eduops_ingest_append_retries_total", _C, "Appends to the log that had to be repeated."),
    ServiceMetric(
        "eduops_ingest_batch_messages", _H, "Messages in a batch.", (), (1, 5, 20, 50, 100, 200, 500)
    ),
    ServiceMetric("eduops_authoriser_connects_total", _C, "Devices that were let in."),
    ServiceMetric("eduops_authoriser_denials_total", _C, "Clients that were not let in.", ("reason",)),
    ServiceMetric(
        "eduops_authoriser_takeovers_total", _C, "Connections whose name another connection took over."
    ),
    ServiceMetric("eduops_authoriser_credentials", _G, "Devices' credentials known."),
    ServiceMetric("eduops_stage_cpu_seconds_total", _C, "CPU time by stage of the path.", ("stage",)),
    ServiceMetric("eduops_processor_readings_total", _C, "Readings committed.", ("log", "outcome")),
    ServiceMetric("eduops_processor_position", _G, "Last committed entry.", ("log",)),
    ServiceMetric("eduops_processor_lag_seconds", _G, "Log time since the last committed entry.", ("log",)),
    ServiceMetric("eduops_processor_owned", _G, "1 where this process owns the log.", ("log",)),
    ServiceMetric("eduops_processor_commit_seconds", _H, "One transaction.", (), _SECONDS),
    ServiceMetric("eduops_processor_snapshot_seconds", _H, "Encoding one snapshot.", (), _SECONDS),
    ServiceMetric("eduops_processor_snapshot_bytes", _G, "Size of the last snapshot.", ("log",)),
    ServiceMetric("eduops_processor_restore_seconds", _G, "Last load of a log's state.", ("log",)),
    ServiceMetric("eduops_processor_state_bytes", _G, "State in memory.", ("log",)),
    ServiceMetric("eduops_processor_series", _G, "Series of a partition.", ("log",)),
    ServiceMetric("eduops_alerts_open", _G, "Open alerts.", ("priority",)),
    ServiceMetric(
        "eduops_recipient_messages", _G, "Messages to a contact within ten minutes of log time.", ("to",)
    ),
    ServiceMetric("eduops_dashboard_viewers", _G, "Open websockets."),
    ServiceMetric("eduops_dashboard_pushes_total", _C, "Messages pushed to browsers."),
    ServiceMetric("eduops_dashboard_push_bytes_total", _C, "Bytes pushed to browsers."),
    ServiceMetric(
        "eduops_dashboard_figure", _G, "The day's figure, as on /kpi; absent while unknown.", ("figure",)
    ),
    ServiceMetric(
        "eduops_dashboard_figure_coverage", _G, "Share known of what that figure is of.", ("figure",)
    ),
    ServiceMetric(
        "eduops_dashboard_contact_messages",
        _G,
        "Messages to a contact in the last hour of log time.",
        ("to",),
    ),
    ServiceMetric(
        "eduops_dashboard_contact_flood", _G, "Share of the last day of log time in flood.", ("to",)
    ),
    ServiceMetric("eduops_dashboard_incidents_standing", _G, "Incidents open for over a day.", ("action",)),
    ServiceMetric(
        "eduops_dashboard_incidents_without_action",
        _G,
        "Incidents of the last day about which nobody did anything.",
    ),
    ServiceMetric("eduops_simulator_packs_total", _C, "Packs that the simulated city published."),
    ServiceMetric("eduops_simulator_connections", _G, "Open MQTT connections of the simulated city."),
    ServiceMetric("eduops_notifier_waiting", _G, "Notices that wait."),
    ServiceMetric("eduops_notifier_oldest_seconds", _G, "Age of the oldest notice that waits; 0 for none."),
    ServiceMetric(
        "eduops_notifier_attempts_total", _C, "Attempts to send, by channel.", ("scheme", "outcome")
    ),
    ServiceMetric("eduops_notifier_notices_total", _C, "Notices by what became of them.", ("fate",)),
    ServiceMetric(
        "eduops_notifier_send_seconds",
        _H,
        "From the decision that somebody is told until it was sent.",
        (),
        _LONG,
    ),
    ServiceMetric(
        "eduops_notifier_routes_refused", _G, "1 while routes.toml is wrong and an earlier one in force."
    ),
    ServiceMetric("eduops_watchdog_canary_age_seconds", _G, "Age of the newest canary seen.", ("partition",)),
    ServiceMetric(
        "eduops_watchdog_strange_canaries_total", _C, "Canaries that came back with another value."
    ),
    ServiceMetric("eduops_watchdog_alarm", _G, "1 while the watchdog's alarm is raised."),
    ServiceMetric("eduops_watchdog_notifications_total", _C, "Notifications by outcome.", ("outcome",)),
)
"""Every metric that any service publishes."""

_BY_NAME: Final = {metric.name: metric for metric in SERVICE_METRICS}
Labels = tuple[str, ...]


@dataclass(slots=True)
class Histogram:
    """Observations of one metric with one set of labels."""

    counts: list[int]
    """Observations by bucket, the infinite one last; not cumulated."""
    total: float = 0.0


class Meter:
    """The values of one process. Used from one thread, or for numbers where a lost addition is no harm."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, Labels], float] = {}
        self._histograms: dict[tuple[str, Labels], Histogram] = {}

    def add(self, name: str, amount: float = 1.0, *labels: str) -> None:
        """Add to a counter."""
        key = _key(name, InstrumentKind.COUNTER, labels)
        self._values[key] = self._values.get(key, 0.0) + amount

    def put(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._values[_key(name, InstrumentKind.GAUGE, labels)] = value

    def observe(self, name: str, value: float, *labels: str) -> None:
        """Count a value into a histogram."""
        key = _key(name, InstrumentKind.HISTOGRAM, labels)
        bounds = _BY_NAME[name].bounds
        histogram = self._histograms.setdefault(key, Histogram([0] * (len(bounds) + 1)))
        histogram.counts[bisect_left(bounds, value)] += 1
        histogram.total += value

    def forget(self, name: str, *labels: str) -> None:
        """Drop a gauge whose subject is no longer ours."""
        self._values.pop(_key(name, InstrumentKind.GAUGE, labels), None)

    def clear(self, name: str) -> None:
        """Drop a gauge with all of its labels."""
        self._values = {key: value for key, value in self._values.items() if key[0] != name}

    def values(self, metric: ServiceMetric) -> Iterator[tuple[Labels, float]]:
        """Yield labels and value of a counter or gauge."""
        for (name, labels), value in list(self._values.items()):
            if name == metric.name:
                yield labels, value

    def histograms(self, metric: ServiceMetric) -> Iterator[tuple[Labels, Histogram]]:
        """Yield labels and observations of a histogram."""
        for (name, labels), histogram in list(self._histograms.items()):
            if name == metric.name:
                yield labels, histogram


def _key(name: str, kind: InstrumentKind, labels: Labels) -> tuple[str, Labels]:
    metric = _BY_NAME[name]
    if metric.kind is not kind or len(labels) != len(metric.labels):
        raise TypeError(f"{name} is a {metric.kind} with labels {metric.labels}")
    return name, labels
