"""`eduops bench`: how much the whole system stores, against a bare COPY of the same rows.

A temporary data folder gets its own servers, ingest and processor. Another process publishes:
first at the load's own rate, where latency is measured, then as fast as the broker acknowledges,
where throughput and CPU are. Figures of one machine and one run: use them as ratios.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from psycopg import AsyncConnection

from contract.commit import Counts
from contract.entry import telemetry_log
from contract.errors import ConfigurationError, InfrastructureError
from contract.fleet import DeviceKind, Fleet
from contract.series import series_of
from contract.topic import Stream, Topic
from device_simulator.fleet import generate_fleet
from eduops import bench_processes
from eduops.bench_generator import Offered, Spec
from eduops.bench_rows import CopyRate, copy_rate, new_probes
from eduops.data_folder import DataFolder
from eduops.output import Output
from eduops.settings import Settings, load_settings
from eduops.supervisor import is_alive
from eduops.system import System
from storage.database import connect
from storage.wall import ledger

_POLL_S: Final = 0.005
"""Between two looks for stored probes; latencies are too long by half of it on average."""
_DRAIN_S: Final = 120.0
_CURRENT_US: Final = 1_500_000
"""Ticks come once a second; a partition whose last commit is younger than this keeps up."""
_MIB: Final = 1 << 20
_SOURCE: Final = Path(__file__).resolve().parents[1]
_DOWN_BPS: Final = 1
"""Metric id of down_bps, which probes carry."""

Processes = Mapping[str, dict[str, Any]]
"""The supervisor's record of each process, by name."""


class Load(NamedTuple):
    """Who publishes how much."""

    schools: int
    readings: int
    """Readings in a pack."""
    packs_per_s: float


LOADS: Final[Mapping[str, Load]] = {
    "city": Load(schools=3_541, readings=4, packs_per_s=354.1),
    "10x": Load(schools=3_541, readings=4, packs_per_s=3_541.0),
    "nation": Load(schools=43_000, readings=50, packs_per_s=344.0),
}
"""Gateways send 4 readings each 10 s: the city's, ten times that, and the nation's in packs of 50."""


class Latency(msgspec.Struct, frozen=True):
    """From publishing to the committed row, milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What one run measured."""

    load: str
    readings_per_s: float
    """Stored end to end, from the first pack of the flood until the last reading of it is committed."""
    copy_rows_per_s: float
    cpu_us_per_reading: dict[str, float]
    """By process, during the flood."""
    latency_ms: Latency
    memory_bytes: dict[str, int]
    """By process, at the end of the flood."""
    paced: Offered
    flood: Offered
    readings_per_pack: int
    counts: Counts
    """Of the whole run."""

    @property
    def ratio_to_copy(self) -> float:
        """Readings stored end to end for each row of the bare COPY in the same time."""
        return self.readings_per_s / self.copy_rows_per_s


def run_bench(load: str, seconds: float) -> BenchResult:
    """Measure a load for about `seconds`, half of them paced and half flooded, and clean up.

    Raises:
        ConfigurationError: the load is not one of `LOADS`, or `seconds` is below 2.
        InfrastructureError: a server did not start, or readings got lost.
    """
    if load not in LOADS:
        raise ConfigurationError(f"no load is called {load!r}; there are {', '.join(LOADS)}")
    if seconds < 2:
        raise ConfigurationError(f"{seconds:g} s are too short to measure anything; give 2 or more")
    with tempfile.TemporaryDirectory(prefix="eduops-bench-") as path:
        Path(path).chmod(0o755)  # PostgreSQL's user passes through
        return asyncio.run(_run(load, seconds, Path(path)))


def render_bench(result: BenchResult, as_json: bool) -> str:
    """Return a result as one JSON object, or as a table for people."""
    figures = {
        "readings_per_s": round(result.readings_per_s, 1),
        "copy_rows_per_s": round(result.copy_rows_per_s, 1),
        "ratio_to_copy": round(result.ratio_to_copy, 4),
        "cpu_us_per_reading": round(sum(result.cpu_us_per_reading.values()), 3),
        "latency_ms": {"p50": round(result.latency_ms.p50, 1), "p99": round(result.latency_ms.p99, 1)},
    }
    if as_json:
        return msgspec.json.encode(figures).decode()
    paced, flood, size = result.paced, result.flood, result.readings_per_pack
    lines = [
        f"load {result.load}: packs of {size} readings, {LOADS[result.load].schools:,} schools",
        f"  stored end to end      {result.readings_per_s:12,.0f} readings/s",
        f"  bare COPY BINARY       {result.copy_rows_per_s:12,.0f} rows/s",
        f"  ratio to COPY          {result.ratio_to_copy:12.3f}",
        f"  latency p50 / p99      {result.latency_ms.p50:8,.1f} / {result.latency_ms.p99:,.1f} ms, "
        f"at {paced.packs * size / paced.seconds:,.0f} readings/s",
        f"  offered in the flood   {flood.packs * size / flood.seconds:12,.0f} readings/s "
        f"({flood.packs / flood.seconds:,.0f} packs/s, by {flood.cpu_s / flood.seconds:.0%} of a core)",
        f"  received {result.counts.received:,} = stored {result.counts.stored:,} + duplicate "
        f"{result.counts.duplicate:,} + quarantined {result.counts.quarantined:,}",
        "  process       CPU µs/reading   memory MiB",
    ]
    lines += [
        f"    {name:<12}{cpu_us:14.2f}{result.memory_bytes[name] / _MIB:13,.0f}"
        for name, cpu_us in result.cpu_us_per_reading.items()
    ]
    return "\n".join(lines)


async def _run(load: str, seconds: float, path: Path) -> BenchResult:
    folder = DataFolder(path)
    folder.create()
    settings = _settings(path, LOADS[load].schools)
    with folder.locked():
        system = System(folder, settings, lambda _: None, Output(folder.logs, quiet=True))
        try:
            await system.start_servers()
            fleet = await system.prepare(partial(generate_fleet, LOADS[load].schools))
            for name in ("ingest", "processor"):
                await system.start_service(name)
            assert system.settings.database_url is not None
            async with await connect(system.settings.database_url) as connection:
                return await _measure(load, seconds, system, fleet, connection)
        finally:
            await system.supervisor.stop()


def _settings(path: Path, schools: int) -> Settings:
    """Return the settings of the environment, but with servers, data and a real clock of the run's own."""
    given = load_settings(
        overrides={"data": path, "schools": schools, "seed_days": 0, "log_level": "WARNING"}
    )
    return given.but(
        database_url=None,
        nats_url=None,
        nats_port=0,
        mqtt_port=0,
        clock_origin_us=0,
        clock_real_origin_us=0,
        clock_factor=1.0,
    )


async def _measure(
    load: str, seconds: float, system: System, fleet: Fleet, connection: AsyncConnection[Any]
) -> BenchResult:
    shape = LOADS[load]
    spec, probe_series = _spec(shape, seconds / 2, system.settings, fleet)
    processes = system.folder.read("state")["processes"]
    pids = {name: int(entry["pid"]) for name, entry in processes.items()}
    await _until_current(connection, system.settings.partitions, processes)
    before = await _counts(connection)
    paced, latencies_ms = await _offer_probed(spec, connection, probe_series, processes)
    expected = before.received + paced.packs * shape.readings + paced.probes
    await _until_accounted(connection, expected, processes)
    cpu_s, began_s = bench_processes.cpu_s(pids), time.monotonic()
    flood = await _offer(msgspec.structs.replace(spec, packs_per_s=0.0))
    readings = flood.packs * shape.readings
    counts = await _until_accounted(connection, expected + readings, processes)
    passed_s = time.monotonic() - began_s
    used_s = {name: after - cpu_s[name] for name, after in bench_processes.cpu_s(pids).items()}
    memory_bytes = bench_processes.memory_bytes(pids)
    copied: CopyRate = await copy_rate(connection)
    return BenchResult(
        load=load,
        readings_per_s=readings / passed_s,
        copy_rows_per_s=copied.rows / copied.seconds,
        cpu_us_per_reading={name: s * 1e6 / readings for name, s in used_s.items()},
        latency_ms=Latency(*(float(p) for p in np.percentile(latencies_ms, [50, 99]))),
        memory_bytes=memory_bytes,
        paced=paced,
        flood=flood,
        readings_per_pack=shape.readings,
        counts=counts,
    )


def _spec(shape: Load, seconds: float, settings: Settings, fleet: Fleet) -> tuple[Spec, int]:
    """Return what to publish, and the series of the probes: the last gateway carries nothing else."""
    code_of = {school.id: school.code for school in fleet.schools}
    gateways = [device for device in fleet.devices if device.kind is DeviceKind.GATEWAY]
    topics = [str(Topic(fleet.province, code_of[g.school_id], g.code, Stream.BANDWIDTH)) for g in gateways]
    spec = Spec(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        user=settings.device_user or "",
        password=settings.device_password or "",
        topics=topics[:-1],
        readings=shape.readings,
        seconds=seconds,
        packs_per_s=shape.packs_per_s,
        probe_topic=topics[-1],
    )
    return spec, series_of(gateways[-1].id, _DOWN_BPS)


async def _offer(spec: Spec) -> Offered:
    """Run the generator in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "eduops.bench_generator",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=_SOURCE,
    )
    said, complained = await process.communicate(msgspec.json.encode(spec))
    if process.returncode:
        raise InfrastructureError(
            f"the generator failed: {complained.decode(errors='replace').strip()[-300:]}"
        )
    return msgspec.json.decode(said, type=Offered)


async def _offer_probed(
    spec: Spec, connection: AsyncConnection[Any], series: int, processes: Processes
) -> tuple[Offered, list[float]]:
    """Publish at the load's rate and return also how old each probe was when its row was first seen."""
    offering = asyncio.create_task(_offer(spec))
    latencies_ms: list[float] = []
    seen_us = 0
    deadline_s = time.monotonic() + spec.seconds + _DRAIN_S
    while not offering.done() or len(latencies_ms) < offering.result().probes:
        for time_us in await new_probes(connection, series, seen_us):
            latencies_ms.append((time.time_ns() // 1000 - time_us) / 1000)
            seen_us = time_us
        _check_alive(processes)
        if time.monotonic() > deadline_s:
            offering.cancel()
            raise InfrastructureError(f"only {len(latencies_ms)} probes were stored within {_DRAIN_S:g} s")
        await asyncio.sleep(_POLL_S)
    return offering.result(), latencies_ms


async def _until_current(connection: AsyncConnection[Any], partitions: int, processes: Processes) -> None:
    """Wait until every partition's newest ticks are committed: its state is built, measuring may begin."""
    deadline_s = time.monotonic() + _DRAIN_S
    while True:
        positions = await ledger(connection)
        logs = [positions.get(telemetry_log(p)) for p in range(partitions)]
        oldest_us = min(position.log_time_us if position else 0 for position in logs)
        if time.time_ns() // 1000 - oldest_us < _CURRENT_US:
            return
        _check_alive(processes)
        if time.monotonic() > deadline_s:
            raise InfrastructureError(
                f"the processor is not up to date after {_DRAIN_S:g} s without any load"
            )
        await asyncio.sleep(_POLL_S)


def _check_alive(processes: Processes) -> None:
    ended = [name for name, entry in processes.items() if not is_alive(entry)]
    if ended:
        raise InfrastructureError(f"{', '.join(ended)} ended during the measurement; it counts for nothing")


async def _counts(connection: AsyncConnection[Any]) -> Counts:
    total = Counts()
    for position in (await ledger(connection)).values():
        total = total.plus(position.counts)
    return total


async def _until_accounted(connection: AsyncConnection[Any], received: int, processes: Processes) -> Counts:
    """Wait until so many readings in all are stored, duplicate or quarantined.

    Raises:
        InfrastructureError: they are not, in time.
    """
    deadline_s = time.monotonic() + _DRAIN_S
    while True:
        counts = await _counts(connection)
        if counts.stored + counts.duplicate + counts.quarantined >= received:
            return counts
        _check_alive(processes)
        if time.monotonic() > deadline_s:
            raise InfrastructureError(
                f"of {received:,} acknowledged readings {counts.received:,} are accounted for "
                f"after {_DRAIN_S:g} s"
            )
        await asyncio.sleep(2 * _POLL_S)
