"""What `eduops bench` found, as JSON and as a table for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from contract.commit import Counts
from eduops.bench.limits import Ceilings
from eduops.bench.load import LOADS
from eduops.bench.state import StateFigures

_MIB: Final = 1 << 20


class Latency(msgspec.Struct, frozen=True):
    """Percentiles of a latency, ms."""

    p50: float
    p99: float

    @classmethod
    def of(cls, latencies_ms: Sequence[float]) -> "Latency":
        """Return the percentiles of at least one measurement."""
        p50, p99 = np.percentile(latencies_ms, [50, 99])
        return cls(round(float(p50), 1), round(float(p99), 1))


class Paced(msgspec.Struct, frozen=True):
    """The load at its own rate."""

    offered_per_s: float
    """Readings that the broker acknowledged."""
    stored_per_s: float
    """The same readings, over the time until the last of them was committed."""
    backlog_s: float
    """Seconds from the last acknowledgement until the last commit; it grows with --seconds where the system
    does not keep up."""


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What one load measured."""

    load: str
    sync_interval: str
    """How often the broker and the log called fsync."""
    seconds: float
    readings_per_s: float
    """Stored end to end, from the first pack of the flood until the last reading of it is committed."""
    copy_rows_per_s: float
    limits: Ceilings
    cpu_us_per_reading: Mapping[str, float]
    """By process, during the flood."""
    stage_cpu_us: Mapping[str, float]
    """By stage, for each reading of the flood; empty where the services tell none."""
    latency_ms: Latency
    """Published to stored."""
    pushed_ms: Latency
    """Published to pushed."""
    told_ms: Latency
    """From a school's transition in the alerts log to its message handed over, at the load's own rate."""
    outage_told_ms: Latency
    """From the first of 1,000 schools' transitions to each contact's message of their outage."""
    memory_bytes: Mapping[str, int]
    """By process, at the end of the flood."""
    paced: Paced
    start_s: float
    """From starting the processor on this fleet's snapshots until every partition is up to date."""
    state: StateFigures
    flood_offered_per_s: float
    generator_cores: float
    """Cores that the generator used in the flood."""
    counts: Counts
    """Of the whole run."""

    @property
    def ratio_to_copy(self) -> float:
        """Readings stored end to end for each row of the bare COPY in the same time."""
        return self.readings_per_s / self.copy_rows_per_s

    def figures(self) -> dict[str, Any]:
        """Return all figures under the names that they have in JSON."""
        return {
            "load": self.load,
            "sync_interval": self.sync_interval,
            "seconds": self.seconds,
            "schools": LOADS[self.load].schools,
            "readings_per_pack": LOADS[self.load].readings,
            "readings_per_s": round(self.readings_per_s, 1),
            "copy_rows_per_s": round(self.copy_rows_per_s, 1),
            "ratio_to_copy": round(self.ratio_to_copy, 4),
            "broker_messages_per_s": round(self.limits.broker_messages_per_s, 1),
            "baseline_executemany_readings_per_s": round(self.limits.executemany_readings_per_s, 1),
            "baseline_copy_readings_per_s": round(self.limits.copy_readings_per_s, 1),
            "cpu_us_per_reading": round(sum(self.cpu_us_per_reading.values()), 3),
            "process_cpu_us": {n: round(us, 3) for n, us in self.cpu_us_per_reading.items()},
            "stage_cpu_us": {n: round(us, 3) for n, us in self.stage_cpu_us.items()},
            "latency_ms": msgspec.to_builtins(self.latency_ms),
            "pushed_ms": msgspec.to_builtins(self.pushed_ms),
            "told_ms": msgspec.to_builtins(self.told_ms),
            "outage_told_ms": msgspec.to_builtins(self.outage_told_ms),
            "memory_bytes": dict(self.memory_bytes),
            "paced": {n: round(v, 2) for n, v in msgspec.to_builtins(self.paced).items()},
            "start_s": round(self.start_s, 2),
            "state": {n: round(v, 3) for n, v in msgspec.to_builtins(self.state).items()},
            "flood_offered_per_s": round(self.flood_offered_per_s, 1),
            "counts": self.counts._asdict(),
        }


def render_bench(results: Sequence[BenchResult], *, as_json: bool) -> str:
    """Return one JSON object for one load and a list for several, or a table with a column a load."""
    if as_json:
        found = [result.figures() for result in results]
        return msgspec.json.encode(found[0] if len(found) == 1 else found).decode()
    return "\n".join([*_table(results), *_processes(results), *_state(results[0].state)])


def _table(results: Sequence[BenchResult]) -> list[str]:
    def packs(r: BenchResult) -> str:
        return f"{LOADS[r.load].packs_per_s:,.0f} × {LOADS[r.load].readings}"

    rows = [
        ("load", [r.load for r in results]),
        ("packs/s × readings", [packs(r) for r in results]),
        ("sync_interval", [r.sync_interval for r in results]),
        ("paced: offered readings/s", [f"{r.paced.offered_per_s:,.0f}" for r in results]),
        ("paced: stored readings/s", [f"{r.paced.stored_per_s:,.0f}" for r in results]),
        ("paced: backlog at the end, s", [f"{r.paced.backlog_s:.2f}" for r in results]),
        ("published → stored p50 / p99 ms", [_ms(r.latency_ms) for r in results]),
        ("published → pushed p50 / p99 ms", [_ms(r.pushed_ms) for r in results]),
        ("transition → message p50 / p99 ms", [_ms(r.told_ms) for r in results]),
        ("… of 1,000 schools in one outage", [_ms(r.outage_told_ms) for r in results]),
        ("flood: offered readings/s", [f"{r.flood_offered_per_s:,.0f}" for r in results]),
        ("flood: stored readings/s", [f"{r.readings_per_s:,.0f}" for r in results]),
        ("bare COPY BINARY rows/s", [f"{r.copy_rows_per_s:,.0f}" for r in results]),
        ("ratio to COPY", [f"{r.ratio_to_copy:.2f}" for r in results]),
        ("broker alone messages/s", [f"{r.limits.broker_messages_per_s:,.0f}" for r in results]),
        ("paho + executemany readings/s", [f"{r.limits.executemany_readings_per_s:,.0f}" for r in results]),
        ("paho + COPY per batch readings/s", [f"{r.limits.copy_readings_per_s:,.0f}" for r in results]),
        ("processor starts in s", [f"{r.start_s:.1f}" for r in results]),
        ("generator uses cores", [f"{r.generator_cores:.2f}" for r in results]),
    ]
    return [_row(name, cells) for name, cells in rows]


def _processes(results: Sequence[BenchResult]) -> list[str]:
    rows = ["CPU µs a reading, in the flood; memory at its end, MiB"]
    for name in results[0].cpu_us_per_reading:
        cells = [f"{r.cpu_us_per_reading[name]:.2f} {r.memory_bytes[name] / _MIB:9,.0f}" for r in results]
        rows.append(_row(f"  {name}", cells))
    rows.append(_row("  together", [f"{sum(r.cpu_us_per_reading.values()):.2f}" + " " * 10 for r in results]))
    stages = dict.fromkeys(stage for r in results for stage in r.stage_cpu_us)
    rows += [
        _row(f"  stage {name}", [f"{r.stage_cpu_us.get(name, 0.0):.2f}" + " " * 10 for r in results])
        for name in stages
    ]
    rows += [
        f"{r.load}: received {r.counts.received:,} = stored {r.counts.stored:,} + duplicate "
        f"{r.counts.duplicate:,} + corrected {r.counts.corrected:,} + quarantined {r.counts.quarantined:,}"
        for r in results
    ]
    return rows


def _state(state: StateFigures) -> list[str]:
    return [
        f"state of {state.series:,} series: {state.bytes_per_series:.0f} bytes a series in memory, snapshots "
        f"of {state.snapshot_bytes / _MIB:.0f} MiB, encoded in {state.encode_s:.2f} s, "
        f"restored in {state.restore_s:.2f} s; fold {state.fold_us_per_reading:.2f} µs a reading"
    ]


def _ms(latency: Latency) -> str:
    return f"{latency.p50:,.0f} / {latency.p99:,.0f}"


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<34}" + "".join(f"{cell:>20}" for cell in cells)
