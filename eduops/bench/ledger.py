"""What `eduops bench` asks the ledger: how much is stored, and when all of what was offered is."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from psycopg import AsyncConnection

from contract.commit import Counts
from contract.entry import telemetry_log
from contract.errors import InfrastructureError
from eduops.machine.supervisor import is_alive
from storage.wall import ledger

DRAIN_S: Final = 180.0
"""How long a backlog may take; longer is a stall."""
_POLL_S: Final = 0.02
_CURRENT_US: Final = 1_500_000
"""Ticks come once a second; a partition whose last commit is younger than this keeps up."""

Processes = Mapping[str, dict[str, Any]]
"""The supervisor's record of each process, by name."""


def check_alive(processes: Processes) -> None:
    """Refuse to go on measuring a system of which a process has ended.

    Raises:
        InfrastructureError: it has.
    """
    ended = [name for name, entry in processes.items() if not is_alive(entry)]
    if ended:
        raise InfrastructureError(f"{', '.join(ended)} ended during the measurement; it counts for nothing")


async def counts(connection: AsyncConnection[Any]) -> Counts:
    """Return the ledger summed over all logs."""
    total = Counts()
    for position in (await ledger(connection)).values():
        total = total.plus(position.counts)
    return total


async def until_current(connection: AsyncConnection[Any], partitions: int, processes: Processes) -> None:
    """Wait until every partition's newest ticks are committed: its state is built, measuring may begin.

    Raises:
        InfrastructureError: they are not, in time, or a process ended.
    """
    deadline_s = time.monotonic() + DRAIN_S
    while True:
        positions = await ledger(connection)
        logs = [positions.get(telemetry_log(p)) for p in range(partitions)]
        oldest_us = min(position.log_time_us if position else 0 for position in logs)
        if time.time_ns() // 1000 - oldest_us < _CURRENT_US:
            return
        check_alive(processes)
        if time.monotonic() > deadline_s:
            raise InfrastructureError(f"the processor is not up to date after {DRAIN_S:g} s without any load")
        await asyncio.sleep(_POLL_S)


async def until_accounted(connection: AsyncConnection[Any], received: int, processes: Processes) -> Counts:
    """Wait until so many readings in all are accounted for.

    Raises:
        InfrastructureError: they are not, in time, or a process ended.
    """
    deadline_s = time.monotonic() + DRAIN_S
    while True:
        found = await counts(connection)
        if found.accounted >= received:
            return found
        check_alive(processes)
        if time.monotonic() > deadline_s:
            raise InfrastructureError(
                f"of {received:,} acknowledged readings {found.accounted:,} are accounted for "
                f"after {DRAIN_S:g} s"
            )
        await asyncio.sleep(_POLL_S)
