"""What an operator sees of a whole system: metrics, log lines, status, and a watchdog that outlives it."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from contract.service.metrics import SERVICE_METRICS, InstrumentKind
from eduops.data_folder import DataFolder
from eduops.exporter import metrics_of, metrics_ports
from eduops.machine.supervisor import began, end_leftovers
from tests.running_system import RunningSystem, eventually

SERVICES = {
    "processor": "processor",
    "ingest-1": "ingest",
    "ingest-2": "ingest",
    "dashboard": "dashboard",
    "notifier": "notifier",
    "authoriser": "authoriser",
    "simulator": "simulator",
    "watchdog": "watchdog",
}
"""Service by process name."""
UNHAPPENED = {
    "eduops_watchdog_notifications_total",
    "eduops_watchdog_strange_canaries_total",
    "eduops_notifier_attempts_total",
    "eduops_notifier_notices_total",
    "eduops_authoriser_denials_total",
    "eduops_dashboard_figure",
}
"""Metrics with labels that nothing happens to in a healthy system, or not in its first minute."""


@pytest.fixture(scope="module")
def system(servers_folder: Path) -> Iterator[RunningSystem]:
    """A city of eight schools with everything that `eduops up` can start."""
    env = {
        "EDUOPS_INGESTS": "2",
        "EDUOPS_LOG_FORMAT": "json",
        "EDUOPS_SNAPSHOT_EVERY_S": "1",
        "EDUOPS_CADENCE_S": "1",
        "EDUOPS_WATCHDOG_EVERY_S": "1",
    }
    running = RunningSystem(servers_folder / "operated", "--simulator", env=env, watchdog=True)
    yield running
    running.end()


@pytest.mark.parametrize("verb", ["ingest", "process", "dashboard", "notify"])
def test_a_service_on_a_machine_of_its_own_makes_its_folder_and_says_what_it_misses(
    tmp_path: Path, verb: str
) -> None:
    env = {
        **os.environ,
        "EDUOPS_DATA": str(tmp_path / "new"),
        "EDUOPS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "EDUOPS_NATS_URL": "nats://127.0.0.1:1",
    }
    command = [sys.executable, "-m", "eduops", verb]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "eduops: PostgreSQL does not let us in" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (tmp_path / "new").is_dir()


def scrape(system: RunningSystem, name: str) -> dict[str, Metric]:
    """Return a process' metric families by the catalogue's kind of name."""
    port = metrics_ports(DataFolder(system.data))[name]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = text_string_to_metric_families(text)
    return {f"{f.name}_total" if f.type == "counter" else f.name: f for f in found}


@pytest.mark.parametrize("name", SERVICES)
def test_every_metric_of_the_catalogue_and_no_other_is_published(system: RunningSystem, name: str) -> None:
    wanted = {metric.name for metric in metrics_of(SERVICES[name])}

    def silent() -> set[str]:
        return {n for n in wanted - UNHAPPENED if not scrape(system, name)[n].samples}

    eventually(lambda: not silent(), f"every metric of {name} has a value", 60)
    found = scrape(system, name)
    assert {n for n in found if n.startswith("eduops_")} == wanted
    assert found["process_resident_memory_bytes"].samples[0].value > 10e6
    for metric in SERVICE_METRICS:
        if metric.name in wanted and metric.kind is InstrumentKind.HISTOGRAM:
            counts = [s.value for s in found[metric.name].samples if s.name.endswith("_bucket")]
            assert counts == sorted(counts)
            assert len(counts) == len(metric.bounds) + 1


def test_what_is_counted_on_the_way_agrees(system: RunningSystem) -> None:
    def total(name: str, metric: str) -> float:
        return sum(s.value for s in scrape(system, name)[metric].samples)

    def received() -> float:
        return sum(total(name, "eduops_ingest_messages_total") for name in ("ingest-1", "ingest-2"))

    sent = total("simulator", "eduops_simulator_packs_total")
    assert sent > 0
    eventually(lambda: received() >= sent, "all that was sent is received", 30)
    assert all(total(name, "eduops_ingest_messages_total") > 0 for name in ("ingest-1", "ingest-2"))
    assert total("dashboard", "eduops_dashboard_viewers") >= 1  # the watchdog is one


def test_every_line_of_a_service_is_one_json_object(system: RunningSystem) -> None:
    for name in SERVICES:
        lines = (system.data / "logs" / f"{name}.log").read_text().splitlines()
        assert lines
        for line in map(json.loads, lines):
            assert line["service"] == name
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])
            assert {"level", "logger", "event", "message"} <= set(line)


def test_status_and_doctor_name_what_runs(system: RunningSystem) -> None:
    status, text = system.status(), system.command("status").stdout
    assert set(status["processes"]) == {*SERVICES, "postgres", "nats"}
    ports = metrics_ports(DataFolder(system.data))
    for name in SERVICES:
        assert status["processes"][name]["metrics"] == ports[name]
        assert f"metrics on port {ports[name]}" in text
    doctor = system.command("doctor").stdout
    assert "ok    sync_interval is 1s: a power cut may take back" in doctor
    assert re.search(r"ok    the broker keeps at most 2\.0 GiB for ingest \(\$MQTT_msgs\)", doctor)
    assert "ok    watchdog runs" in doctor
    assert "ok    each service has a role of its own in the database" in doctor


def test_the_watchdog_outlives_a_killed_eduops(system: RunningSystem) -> None:
    folder = DataFolder(system.data)
    pids = {name: entry["pid"] for name, entry in system.processes().items()}
    os.kill(system.process.pid, signal.SIGKILL)
    system.process.wait()
    eventually(lambda: all(began(pid) is None for n, pid in pids.items() if n != "watchdog"), "others ended")
    assert began(pids["watchdog"]) is not None
    assert "eduops_watchdog_alarm" in scrape(system, "watchdog")
    assert end_leftovers(folder) == ["watchdog"]
    assert began(pids["watchdog"]) is None
