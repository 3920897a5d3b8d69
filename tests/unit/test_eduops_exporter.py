"""`/metrics` as Prometheus reads it: every name of the catalogue, histograms cumulated."""

import http.client
import socket
import threading
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from contract.errors import ConfigurationError
from contract.service.metrics import SERVICE_METRICS, InstrumentKind, Meter
from eduops.data_folder import DataFolder
from eduops.exporter import MetricsDoor, metrics_of, metrics_ports, publish_metrics, serve_metrics

SERVICES = ("ingest", "processor", "dashboard", "simulator", "notifier", "watchdog", "authoriser")

HERE = MetricsDoor("127.0.0.1", 0, ("wall.example",))


def scrape(port: int) -> dict[str, Metric]:
    """Return the metric families of a process by name."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_the_services_share_the_whole_catalogue() -> None:
    assert {m.name for s in SERVICES for m in metrics_of(s)} == {m.name for m in SERVICE_METRICS}
    assert all(metrics_of(service) for service in SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_every_metric_of_a_service_is_there_from_the_start(service: str) -> None:
    with serve_metrics(Meter(), service, HERE) as port:
        found = scrape(port)
    for metric in metrics_of(service):
        family = found[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind.value, metric.help)
        if metric.kind is not InstrumentKind.GAUGE and not metric.labels:
            assert all(sample.value == 0 for sample in family.samples)
            assert family.samples
    assert "process_resident_memory_bytes" in found
    assert "process_cpu_seconds" in found


def test_values_labels_and_cumulated_buckets() -> None:
    meter = Meter()
    meter.add("eduops_processor_readings_total", 5, "telemetry-0", "stored")
    meter.put("eduops_processor_owned", 1, "telemetry-0")
    for seconds in (0.001, 0.02, 0.02, 100.0):
        meter.observe("eduops_processor_commit_seconds", seconds)
    with serve_metrics(meter, "processor", HERE) as port:
        found = scrape(port)
        meter.forget("eduops_processor_owned", "telemetry-0")
        assert scrape(port)["eduops_processor_owned"].samples == []
    [stored] = found["eduops_processor_readings"].samples
    assert stored.labels == {"log": "telemetry-0", "outcome": "stored"}
    assert stored.value == 5
    samples = found["eduops_processor_commit_seconds"].samples
    buckets = {s.labels["le"]: s.value for s in samples if s.name.endswith("_bucket")}
    assert (buckets["0.005"], buckets["0.01"], buckets["0.025"]) == (1, 1, 3)
    assert (buckets["30.0"], buckets["+Inf"]) == (3, 4)
    plain = {s.name: s.value for s in samples if not s.labels}
    assert plain["eduops_processor_commit_seconds_count"] == 4
    assert plain["eduops_processor_commit_seconds_sum"] == pytest.approx(100.041)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9464", 200),
        ("[::1]", 200),
        ("10.0.3.7:9464", 200),
        ("[fe80::1]:9464", 200),
        ("Wall.example:9464", 200),
        ("rebound.example", 421),
        ("wall.example.evil", 421),
        ("", 421),
        ("[", 421),
    ],
)
def test_only_a_name_of_ours_is_answered(host: str, status: int) -> None:
    with serve_metrics(Meter(), "ingest", HERE) as port:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        line.request("GET", "/metrics", headers={"Host": host})
        answer = line.getresponse()
        assert (answer.status, b"eduops_" in answer.read()) == (status, status == 200)
        line.close()


def test_a_taken_port_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=f"metrics cannot be served on 127.0.0.1:{port}"),
            serve_metrics(Meter(), "ingest", MetricsDoor("127.0.0.1", port)),
        ):
            pass


def test_processes_note_their_ports_at_once_and_strike_them_out(tmp_path: Path) -> None:
    folder, gate = DataFolder(tmp_path), threading.Barrier(9)

    def run(name: str) -> None:
        with publish_metrics(folder, Meter(), "ingest", name, HERE):
            gate.wait(30)
            gate.wait(30)

    threads = [threading.Thread(target=run, args=(f"ingest-{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    gate.wait(30)
    ports = metrics_ports(folder)
    assert sorted(ports) == [f"ingest-{i}" for i in range(8)]
    assert len(set(ports.values())) == 8
    gate.wait(30)
    for thread in threads:
        thread.join()
    assert metrics_ports(folder) == {}
