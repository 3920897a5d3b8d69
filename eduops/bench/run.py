"""`eduops bench`: how much the whole system stores, and against what limits.

A temporary data folder gets its own servers, ingest, processor and dashboard. Another process
publishes: first at the load's own rate, where latency is measured, then as fast as the broker
acknowledges, where throughput and CPU are. Then the services stop, and the same servers show what
parts of the path do alone. Figures of one machine and one run: use them as ratios.
"""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import AsyncConnection

from config.files import load_configuration, read_config
from contract.access.area import CITY
from contract.access.permission import TokenScope
from contract.commit import Counts
from contract.errors import ConfigurationError, InfrastructureError
from contract.fleet import DeviceKind, Fleet
from contract.series import series_of
from contract.topic import Stream, Topic
from device_simulator.world.fleet import generate_fleet
from eduops.bench import processes
from eduops.bench.generator import LoadSpec, Offered
from eduops.bench.ledger import (
    DRAIN_S,
    Processes,
    counts,
    until_accounted,
    until_current,
)
from eduops.bench.limits import Ceilings, measure_limits, offer
from eduops.bench.listeners import PushListener, stored_latencies_ms
from eduops.bench.load import LOADS, Load, load_named
from eduops.bench.report import BenchResult, Latency, Paced, render_bench
from eduops.bench.rows import copy_rate
from eduops.bench.state import StateFigures, measure_state
from eduops.bench.told import ToldLatencies, ToldPlan, measure_told, told_plan, told_routes
from eduops.data_folder import DataFolder
from eduops.machine.output import ProcessOutput
from eduops.machine.ports import free_ports
from eduops.machine.supervisor import is_alive
from eduops.machine.system import System
from eduops.settings import Settings, load_settings
from storage.database import connect
from storage.people.credentials import issue_token

__all__ = ["BenchResult", "render_bench", "run_bench", "run_loads"]

LEAST_S: Final = 2.0
FLOOD_SHARE: Final = 1 / 6
"""Of the time asked for: the flood is offered faster than it is stored, and what waits is waited for."""
_STATUS_GATEWAYS: Final = 400
_STOP_S: Final = 30.0
_PUSH_RULE: Final = "wan_down"
_PUSH_METRIC: Final = "online"
_PROBE_METRIC: Final = "down_bps"


def run_loads(loads: Sequence[str], seconds: float) -> list[BenchResult]:
    """Measure several loads, one after the other; none means all. See `run_bench`."""
    names = list(loads) or list(LOADS)
    for name in names:
        load_named(name)
    return [run_bench(name, seconds) for name in names]


def run_bench(load: str, seconds: float) -> BenchResult:
    """Measure a load for about `seconds`, half of them paced, and its limits; clean up afterwards.

    Raises:
        ConfigurationError: the load is not one of `LOADS`, or `seconds` is below 2.
        InfrastructureError: a server did not start, or readings got lost.
    """
    shape = load_named(load)
    if seconds < LEAST_S:
        raise ConfigurationError(f"{seconds:g} s are too short to measure anything; give 2 or more")
    with tempfile.TemporaryDirectory(prefix="eduops-bench-") as path:
        Path(path).chmod(0o755)  # PostgreSQL's user passes through
        return asyncio.run(_Run(load, shape, seconds, Path(path)).measure())


class _Plan(NamedTuple):
    """What is published, and which series tell of it."""

    spec: LoadSpec
    probe_series: int
    status_series: frozenset[int]
    told: ToldPlan


class _Paced(NamedTuple):
    figures: Paced
    latency_ms: Latency
    pushed_ms: Latency
    received: int
    """Readings accounted for in all, before the flood."""


class _Flood(NamedTuple):
    readings: int
    offered: Offered
    seconds: float
    cpu_us: dict[str, float]
    stage_us: dict[str, float]
    memory_bytes: dict[str, int]
    counts: Counts


class _Run:
    """One load on one data folder."""

    def __init__(self, load: str, shape: Load, seconds: float, path: Path) -> None:
        self._load, self._shape, self._seconds = load, shape, seconds
        self._folder = DataFolder(path)
        self._folder.create()
        # Statuses turn more often here than any line: each turn should be told, none be taken for flapping.
        rules = read_config(self._folder.config, "rules.toml")
        named = f'name = "{_PUSH_RULE}"\n'
        self._folder.config.mkdir(exist_ok=True)
        (self._folder.config / "rules.toml").write_text(
            rules.replace(named, named + "steady_s = 0.0\n"), encoding="utf-8"
        )
        self._system = System(
            self._folder,
            _settings(path, shape),
            lambda _: None,
            ProcessOutput(self._folder.logs, quiet=True),
        )

    async def measure(self) -> BenchResult:
        """Bring everything up, measure, and take everything down."""
        with self._folder.locked():
            try:
                return await self._measure()
            finally:
                await self._system.supervisor.stop()

    async def _measure(self) -> BenchResult:
        await self._system.start_servers()
        fleet = await self._system.prepare(partial(generate_fleet, self._shape.schools))
        plan = self._plan(fleet)
        routes = told_routes(plan.told, fleet)
        (self._folder.config / "routes.toml").write_text(routes, encoding="utf-8")
        await self._system.start_services("ingest", "processor", "dashboard", "notifier")
        async with AsyncExitStack() as stack:
            conn, probe_conn = [
                await stack.enter_async_context(await connect(self._settings.database_owner_url or ""))
                for _ in range(2)
            ]
            await self._until_current(conn)
            told = await measure_told(plan.told, plan.spec, self._settings, conn, self._processes)
            paced = await self._pace(plan, conn, probe_conn)
            flood = await self._flood(plan.spec, conn, paced.received)
            start_s = await self._restart_processor(conn)
            await self._stop("ingest", "processor", "dashboard", "notifier")
            copied = await copy_rate(conn)
            limits = await measure_limits(plan.spec, self._settings, conn, self._folder.path)
        return self._result(paced, told, flood, copied.rows / copied.seconds, limits, start_s)

    @property
    def _settings(self) -> Settings:
        return self._system.settings

    @property
    def _processes(self) -> Processes:
        found: dict[str, Any] = self._folder.read("state")["processes"]
        return found

    def _plan(self, fleet: Fleet) -> _Plan:
        """Return what to publish; the gateways of probes and statuses carry nothing else."""
        code_of = {school.id: school.code for school in fleet.schools}
        gateways = [device for device in fleet.devices if device.kind is DeviceKind.GATEWAY]
        apart = min(_STATUS_GATEWAYS, len(gateways) // 10)
        packs, statuses, probe = gateways[: -apart - 1], gateways[-apart - 1 : -1], gateways[-1]
        own = load_configuration(self._folder.config)
        catalogue = own.catalogue

        def topic(school_id: int, device: str, stream: Stream) -> str:
            return str(Topic(fleet.province, code_of[school_id], device, stream))

        spec = LoadSpec(
            host=self._settings.mqtt_host,
            port=self._settings.mqtt_port,
            user=self._settings.nats_user or "",  # one connection speaks for many devices
            password=self._settings.nats_password or "",
            topics=[topic(g.school_id, g.code, Stream.BANDWIDTH) for g in packs],
            readings=self._shape.readings,
            seconds=self._seconds / 2,
            packs_per_s=self._shape.packs_per_s,
            probe_topic=topic(probe.school_id, probe.code, Stream.BANDWIDTH),
            status_topics=[topic(g.school_id, g.code, Stream.STATUS) for g in statuses],
        )
        online = catalogue.named(_PUSH_METRIC).id
        return _Plan(
            spec,
            series_of(probe.id, catalogue.named(_PROBE_METRIC).id),
            frozenset(series_of(g.id, online) for g in statuses),
            told_plan(fleet, packs, own.rules),
        )

    async def _pace(
        self, plan: _Plan, conn: AsyncConnection[Any], probe_conn: AsyncConnection[Any]
    ) -> _Paced:
        """Publish at the load's own rate."""
        before, running = (await counts(conn)).accounted, self._processes
        token = await issue_token(conn, "bench", TokenScope.READ, CITY, 1, "bench")
        async with PushListener(self._settings.port, token, plan.status_series, _PUSH_RULE) as page:
            offering = asyncio.create_task(offer(plan.spec))
            deadline_s = time.monotonic() + plan.spec.seconds + DRAIN_S
            probing = asyncio.create_task(
                stored_latencies_ms(probe_conn, plan.probe_series, partial(_enough, offering, deadline_s))
            )
            offered = await offering
            ended_s = time.monotonic()
            readings = offered.packs * self._shape.readings
            received = before + readings + offered.probes + offered.statuses
            await until_accounted(conn, received, running)
            backlog_s = time.monotonic() - ended_s
            latencies_ms = await probing
            pushed_ms = await _pushed(page, offered.statuses)
        if len(latencies_ms) < offered.probes:
            raise InfrastructureError(f"only {len(latencies_ms)} of {offered.probes} probes were seen stored")
        figures = Paced(readings / offered.seconds, readings / (offered.seconds + backlog_s), backlog_s)
        return _Paced(figures, Latency.of(latencies_ms), Latency.of(pushed_ms), received)

    async def _flood(self, spec: LoadSpec, conn: AsyncConnection[Any], before: int) -> _Flood:
        """Publish as fast as the broker acknowledges, and wait until all of it is stored."""
        running = self._processes
        pids = {name: int(entry["pid"]) for name, entry in running.items()}
        stages_s = await self._stages_s()
        cpu_s, began_s = processes.cpu_s(pids), time.monotonic()
        flood = msgspec.structs.replace(spec, packs_per_s=0.0, seconds=self._seconds * FLOOD_SHARE)
        offered = await offer(flood)
        readings = offered.packs * self._shape.readings
        found = await until_accounted(conn, before + readings, running)
        passed_s = time.monotonic() - began_s
        used_s = _less(processes.cpu_s(pids), cpu_s)
        staged_s = _less(await self._stages_s(), stages_s)
        return _Flood(
            readings,
            offered,
            passed_s,
            {name: s * 1e6 / readings for name, s in used_s.items()},
            {name: s * 1e6 / readings for name, s in staged_s.items()},
            processes.memory_bytes(pids),
            found,
        )

    async def _stages_s(self) -> dict[str, float]:
        """Return the CPU seconds of each stage; a service without `/metrics` has none."""
        ports = [int(port) for port in self._folder.read("metrics").values()]
        return await asyncio.to_thread(processes.stage_cpu_s, ports)

    async def _until_current(self, conn: AsyncConnection[Any]) -> None:
        await until_current(conn, self._settings.partitions, self._processes)

    async def _restart_processor(self, conn: AsyncConnection[Any]) -> float:
        """Return how long a restarted processor takes until every partition is up to date."""
        await self._stop("processor")
        began_s = time.monotonic()
        await self._system.start_services("processor")
        await self._until_current(conn)
        return time.monotonic() - began_s

    async def _stop(self, *names: str) -> None:
        """End services for good: nobody watches them here.

        Raises:
            InfrastructureError: one does not end.
        """
        for name in names:
            entry = self._processes[name]
            os.kill(int(entry["pid"]), signal.SIGTERM)
            deadline_s = time.monotonic() + _STOP_S
            while is_alive(entry):
                if time.monotonic() > deadline_s:
                    raise InfrastructureError(f"{name} does not stop within {_STOP_S:g} s")
                await asyncio.sleep(0.05)

    def _result(
        self,
        paced: _Paced,
        told: ToldLatencies,
        flood: _Flood,
        copy_rows_per_s: float,
        limits: Ceilings,
        start_s: float,
    ) -> BenchResult:
        return BenchResult(
            sync_interval=self._settings.sync_interval,
            load=self._load,
            seconds=self._seconds,
            readings_per_s=flood.readings / flood.seconds,
            copy_rows_per_s=copy_rows_per_s,
            limits=limits,
            cpu_us_per_reading=flood.cpu_us,
            stage_cpu_us=flood.stage_us,
            latency_ms=paced.latency_ms,
            pushed_ms=paced.pushed_ms,
            told_ms=Latency.of(told.singles_ms),
            outage_told_ms=Latency.of(told.outage_ms),
            memory_bytes=flood.memory_bytes,
            paced=paced.figures,
            start_s=start_s,
            state=self._state(),
            flood_offered_per_s=flood.offered.packs * self._shape.readings / flood.offered.seconds,
            generator_cores=flood.offered.cpu_s / flood.offered.seconds,
            counts=flood.counts,
        )

    def _state(self) -> StateFigures:
        return measure_state(load_configuration(self._folder.config), self._settings.partitions)


def _settings(path: Path, shape: Load) -> Settings:
    """Return the settings of the environment, but with servers, data and a real clock of the run's own.

    The load's cadence decides what `sync_interval` auto chooses, as it would for a real fleet.
    """
    cadence_s = shape.schools / shape.packs_per_s
    given = load_settings(
        overrides={
            "data": path,
            "schools": shape.schools,
            "cadence_s": cadence_s,
            "seed_days": 0,
            "log_level": "WARNING",
        }
    )
    return given.but(
        database_url=None,
        nats_url=None,
        nats_port=0,
        mqtt_port=0,
        mqtt_listen="127.0.0.1",
        mqtt_tls_dir=None,
        port=free_ports(1)[0],
        clock_origin_us=0,
        clock_real_origin_us=0,
        clock_factor=1.0,
    )


def _enough(offering: "asyncio.Task[Offered]", deadline_s: float, seen: int) -> bool:
    if time.monotonic() > deadline_s:
        return True
    return offering.done() and not offering.cancelled() and seen >= offering.result().probes


async def _pushed(page: PushListener, expected: int) -> list[float]:
    """Return the latencies of all status changes once the page has heard of them.

    Raises:
        InfrastructureError: it has not, in time.
    """
    deadline_s = time.monotonic() + DRAIN_S
    while len(page.latencies_ms) < expected:
        if time.monotonic() > deadline_s:
            raise InfrastructureError(
                f"the page heard {len(page.latencies_ms)} of {expected} changes of an alert"
            )
        await asyncio.sleep(0.05)
    return page.latencies_ms


def _less(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {name: value - before.get(name, 0.0) for name, value in after.items()}
