"""Prometheus `/metrics` of one service process: its meter, and what the system says of the process.

Source: prometheus.io/docs/instrumenting/exposition_formats and …/writing_clientlibs (a counter without
labels exists from the start with 0, process metrics are named `process_…`).
"""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from contract.access.address import is_known_host, is_numeric_host
from contract.errors import ConfigurationError
from contract.service.metrics import SERVICE_METRICS, Histogram, InstrumentKind, Meter, ServiceMetric
from eduops.data_folder import DataFolder

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_FILE: Final = "metrics"
_SHARED: Final = {
    "eduops_stage_cpu_seconds_total": ("ingest", "processor"),
    "eduops_alerts_open": ("processor",),
    "eduops_recipient_messages": ("processor",),
}
"""Services of the metrics whose name does not say it."""


class MetricsDoor(NamedTuple):
    """Where `/metrics` is served, and by which names it may be asked for."""

    host: str
    """Address to listen on; by it, by any address and by loopback names whoever gets there may ask."""
    port: int
    """0 for a free one."""
    names: tuple[str, ...] = ()
    """Others by which it may be asked for, as a Prometheus on another machine does; without ports."""


def metrics_of(service: str) -> list[ServiceMetric]:
    """Return the metrics of the catalogue that a service publishes."""
    return [
        metric
        for metric in SERVICE_METRICS
        if service in _SHARED.get(metric.name, (metric.name.split("_")[1],))
    ]


class MeterCollector(Collector):
    """Gives a meter's values to Prometheus' client library at each scrape."""

    def __init__(self, meter: Meter, service: str) -> None:
        self._meter = meter
        self._metrics = metrics_of(service)

    def collect(self) -> Iterable[Metric]:
        """Return all metrics of the service, those without a value too."""
        return [
            self._histogram(metric) if metric.kind is InstrumentKind.HISTOGRAM else self._plain(metric)
            for metric in self._metrics
        ]

    def _plain(self, metric: ServiceMetric) -> Metric:
        counts = metric.kind is InstrumentKind.COUNTER
        kind = CounterMetricFamily if counts else GaugeMetricFamily
        family = kind(metric.name, metric.help, labels=metric.labels)
        values = dict(self._meter.values(metric))
        if counts and not metric.labels:
            values.setdefault((), 0.0)
        for labels, value in values.items():
            family.add_metric(labels, value)
        return family

    def _histogram(self, metric: ServiceMetric) -> Metric:
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        found = dict(self._meter.histograms(metric))
        if not metric.labels:
            found.setdefault((), Histogram([0] * (len(metric.bounds) + 1)))
        bounds = [*(str(float(bound)) for bound in metric.bounds), "+Inf"]
        for labels, histogram in found.items():
            buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
            family.add_metric(labels, buckets, histogram.total)
        return family


@contextmanager
def serve_metrics(meter: Meter, service: str, door: MetricsDoor) -> Iterator[int]:
    """Serve `/metrics` on threads of its own while the context lasts; yield the port.

    Whoever asks by another name is refused with 421, as at the dashboard: a stranger's page whose name was
    made to resolve to this machine would read it.

    Args:
        meter: Whose values to publish.
        service: Chooses the metrics of the catalogue.
        door: Where, and for whom.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    registry = CollectorRegistry()
    registry.register(MeterCollector(meter, service))
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(door.port, door.host, registry)
    except OSError as error:
        raise ConfigurationError(
            f"metrics cannot be served on {door.host}:{door.port} ({error.strerror or error}): "
            "choose another metrics_port, or 0 for a free one"
        ) from error
    server.set_app(_for_known_names(make_wsgi_app(registry), (door.host, *door.names)))
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _for_known_names(app: "WSGIApplication", names: tuple[str, ...]) -> "WSGIApplication":
    """Return an application that answers only who asks for it by a name of ours."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        host = environ.get("HTTP_HOST")
        if is_known_host(host, names) or is_numeric_host(host):
            return app(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"this name is none of ours; whoever should ask by it adds it to allowed_hosts\n"]

    return answer


@contextmanager
def publish_metrics(
    folder: DataFolder, meter: Meter, service: str, name: str, door: MetricsDoor
) -> Iterator[None]:
    """Serve a process' metrics, and leave their port in the data folder meanwhile.

    Raises:
        ConfigurationError: the port is taken, or the data folder cannot be written.
    """
    folder.create()  # a service on a machine of its own is the first to use it
    folder.clear_ready(name)
    with serve_metrics(meter, service, door) as port:
        _leave(folder, name, port)
        try:
            yield
        finally:
            _leave(folder, name, None)


def metrics_ports(folder: DataFolder) -> dict[str, int]:
    """Return the port of `/metrics` by process name; a killed process may still stand there."""
    return folder.read(_FILE)


def _leave(folder: DataFolder, name: str, port: int | None) -> None:
    """Note or strike out a process' port; several processes may do so at once."""
    with (folder.path / f"{_FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        others = {n: p for n, p in folder.read(_FILE).items() if n != name}
        folder.write(_FILE, others if port is None else {**others, name: port})
