"""Simulated history as ordinary log entries: charts and baselines fill by the same code as live data."""

from collections.abc import Callable
from typing import Final, NamedTuple

from bus.codec import encode_readings
from bus.log import Log
from config.files import Configuration
from contract.entry import EntryKind, telemetry_log
from contract.fleet import Fleet
from contract.reading import Readings
from device_simulator.world.history import history_entries

HISTORY_STEP_S: Final = 1800
"""Seconds of log time between two steps of history."""


class SeedPlan(NamedTuple):
    """What history there should be; kept in the data folder, so that a killed seeding goes on."""

    now_us: int
    """Where live readings begin, log time."""
    days: float
    seed: int
    partitions: int


async def seed_history(
    log: Log, fleet: Fleet, configuration: Configuration, plan: SeedPlan, progress: Callable[[float], None]
) -> int:
    """Append the history and return how many readings that were; a killed run's are not repeated.

    Every step is one entry of readings and one tick a partition, and nothing else is in the logs
    yet, so a log's last seq says how far it came.
    """
    done = {p: await log.last_seq(telemetry_log(p)) for p in range(plan.partitions)}
    begin_us = plan.now_us - round(plan.days * 86_400e6)
    appended = seq = 0
    steps = history_entries(
        fleet,
        configuration.catalogue,
        configuration.calendar,
        plan.partitions,
        plan.now_us,
        days=plan.days,
        step_s=HISTORY_STEP_S,
        seed=plan.seed,
    )
    for at_us, by_partition in steps:
        for partition in range(plan.partitions):
            readings = by_partition.get(partition, Readings.empty())
            appended += await _append_step(log, partition, at_us, readings, done[partition] - seq)
        seq += 2
        progress((at_us - begin_us) / (plan.now_us - begin_us))
    return appended


async def _append_step(log: Log, partition: int, at_us: int, readings: Readings, present: int) -> int:
    """Append the two entries of a step without the first `present`; return the readings appended."""
    name = telemetry_log(partition)
    if present < 1:
        payload = encode_readings(readings)
        await log.append(name, EntryKind.READINGS, payload, at_us=at_us, count=len(readings))
    if present < 2:
        await log.append(name, EntryKind.TICK, b"", at_us=at_us)
    return len(readings) if present < 1 else 0
