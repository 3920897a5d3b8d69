"""Ingest and two processors as processes of their own, on a cluster of NATS servers and one PostgreSQL."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg

from bus.rights import BrokerUser
from contract.errors import InfrastructureError
from eduops.connections import all_logs
from eduops.data_folder import DataFolder
from eduops.machine.prepare import run_prepare
from eduops.machine.process import ProcessSpec, Server
from eduops.settings import Settings, load_settings
from eduops.verbs.status import read_status
from tests.cluster.cluster import NODES, Cluster, Front, Node
from tests.faults.checker import Broker, NumberedDevice
from tests.running_system import ROOT, eventually

VERBS = {"ingest": "ingest", "processor-1": "process", "processor-2": "process"}
PATIENCE_S = 90.0
SCHOOLS = 40


class Service:
    """One service of ours as a process."""

    def __init__(self, name: str, settings: Settings, variables: Mapping[str, str] | None = None) -> None:
        """Prepare it; `variables` are added to its environment."""
        folder, mark = DataFolder(settings.data), VERBS[name].replace("process", "processor")
        folder.create()

        def clear() -> None:
            for ready in (mark, name):
                folder.clear_ready(ready)

        spec = ProcessSpec(
            name=name,
            argv=[sys.executable, "-m", "eduops", VERBS[name]],
            ready=lambda: folder.is_ready(mark) or folder.is_ready(name),
            env={
                **os.environ,
                **settings.environment(),
                "OPENBLAS_NUM_THREADS": "1",
                **(variables or {}),
            },
            cwd=ROOT,
            before=clear,
        )
        self._server = Server(spec, settings.data / f"{name}.log")

    @property
    def log(self) -> str:
        """What it has said."""
        return self._server.log_file.read_text(errors="replace")

    def start(self) -> None:
        """Start it and return when it serves."""
        self._server.start()

    def kill(self) -> None:
        """Kill it with −9."""
        self._server.kill()

    def pause(self) -> None:
        """Freeze it."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._server.pid is not None
        os.kill(self._server.pid, number)


class ClusteredSystem:
    """The pipeline without its wall; the checker can ask it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.cluster = Cluster(folder / "nats")
        self.addresses: dict[str, Any] = {"database_url": database_url}
        self._front: Front | None = None
        self._folder = folder
        self._settings: Settings
        self.services: dict[str, Service] = {}

    def start(self) -> None:
        """Start the nodes, prepare tables, fleet and logs, and start the services."""
        self.cluster.start()
        ports = [node.ports.mqtt for node in self.cluster.nodes]
        # ingest prefers the first node, devices the third: what is broken holds one of them or neither
        self._front = Front([*ports[2:], *ports[:2]])
        own = self.cluster.passwords
        given = {
            "data": self._folder / "prepare",
            "database_url": self.addresses["database_url"],
            "nats_url": self.cluster.url,
            "nats_user": BrokerUser.OPERATOR,
            "nats_password": own[BrokerUser.OPERATOR],
            "log_replicas": NODES,
            "log_max_gib": 0.1,
            "mqtt_host": self.cluster.mqtt_hosts,
            "mqtt_store_max_gib": 0.1,
            "schools": SCHOOLS,
            "seed_days": 0,
        }
        self._settings = load_settings(overrides=given)
        asyncio.run(run_prepare(self._settings, print, demo=True))
        for name in VERBS:
            service = Service(name, self._settings.but(data=self._folder / name))
            service.start()
            self.services[name] = service
        self.whole()

    @property
    def broker(self) -> Broker:
        """Where devices connect."""
        password = self.cluster.passwords[BrokerUser.OPERATOR]
        assert self._front is not None
        return Broker("127.0.0.1", self._front.port, BrokerUser.OPERATOR, password, issued=False)

    def whole(self) -> None:
        """Return when every node has a current copy of everything, so that any one of them may go."""
        streams = [*all_logs(self._settings.partitions), "$MQTT_msgs", "$MQTT_sess"]
        eventually(lambda: self.cluster.is_whole(streams), "every node has everything", PATIENCE_S)

    def leader(self, stream: str) -> Node:
        """Return the node that leads a stream."""
        return self.cluster.leader(stream)

    def status(self) -> dict[str, Any]:
        """Return the ledger as `eduops status` has it, {} while servers are coming back."""
        try:
            found = asyncio.run(read_status(self._settings))
        except InfrastructureError:
            return {}
        return asdict(found)

    def end(self) -> None:
        """Kill everything."""
        for service in self.services.values():
            service.kill()
        if self._front is not None:
            self._front.close()
        self.cluster.end()


class Acknowledgements:
    """Watches devices: how many readings a second are acknowledged, and the longest pause between two."""

    def __init__(self, devices: Sequence[NumberedDevice]) -> None:
        self._devices = devices
        self._stop = threading.Event()
        self.longest_s = 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def finish(self) -> float:
        """Stop watching and return the longest pause, seconds."""
        self._stop.set()
        self._thread.join()
        return self.longest_s

    def _watch(self) -> None:
        seen, since_s = self._count(), time.monotonic()
        while not self._stop.wait(0.02):
            count, now_s = self._count(), time.monotonic()
            self.longest_s = max(self.longest_s, now_s - since_s)
            if count != seen:
                seen, since_s = count, now_s

    def _count(self) -> int:
        return sum(len(device.acknowledged) for device in self._devices)


def rate(devices: Sequence[NumberedDevice], seconds: float = 2.5) -> float:
    """Return how many readings a second are acknowledged over the coming seconds."""
    before, began_s = sum(len(d.acknowledged) for d in devices), time.monotonic()
    time.sleep(seconds)  # the length of the measurement
    return (sum(len(d.acknowledged) for d in devices) - before) / (time.monotonic() - began_s)


def recovery_s(system: ClusteredSystem, devices: Sequence[NumberedDevice], since_s: float) -> float:
    """Return the seconds from `since_s` until every device, so every partition, has a later reading stored.

    Call it at once after the fault.
    """
    wanted = {device.gateway.series: device.time_us(len(device)) for device in devices}

    def stored_again() -> bool:
        with psycopg.connect(system.addresses["database_url"]) as connection:
            rows = connection.execute(
                "SELECT series, to_us(max(time)) FROM reading WHERE series = ANY(%s) GROUP BY series",
                (list(wanted),),
            ).fetchall()
        newest: dict[int, int] = dict(rows)
        return all(newest.get(series, 0) >= from_us for series, from_us in wanted.items())

    eventually(stored_again, "every partition stores again", PATIENCE_S)
    return time.monotonic() - since_s
