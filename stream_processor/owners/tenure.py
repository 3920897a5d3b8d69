"""Holding leases: which logs this process owns, an owner's task for each, and the way in and out.

Once a second the worker says that it lives and looks at the roll (`storage.lease`). It starts an
owner for every lease that it has, claims what is free up to its share, and lets go of what exceeds
it: the owner commits a snapshot, and then the lease is deleted, so the next owner replays nothing.
A worker that cannot renew in time ends its owners before its leases end.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from bus.pause import pause
from contract.errors import InfrastructureError
from contract.service.metrics import Meter
from storage.database import connect
from storage.lease import Roll, beat, claim, leave, release, take_seat
from stream_processor.config import ProcessorConfig
from stream_processor.owners.assignment import plan
from stream_processor.owners.owner import heed_cancellation

_logger: Final = logging.getLogger(__name__)

EARLY: Final = 0.2
"""Share of a lease before its end at which owners that could not be renewed stop."""
OWNED: Final = "eduops_processor_owned"

Own = Callable[[str, asyncio.Event], Coroutine[Any, Any, None]]
"""Owns a log until the event is set."""


@dataclass(eq=False)
class _Held:
    """A log that this process works on."""

    task: asyncio.Task[None]
    stop: asyncio.Event
    is_lost: bool = False
    """Cancelled because the lease is gone, not finished by ourselves."""


@dataclass(eq=False)
class Tenure:
    """The leases of one process."""

    config: ProcessorConfig
    groups: Sequence[Sequence[str]]
    """All logs; see `assignment.plan`."""
    own: Own
    meter: Meter
    _name: str = ""
    _held: dict[str, _Held] = field(default_factory=dict)
    _finished: set[str] = field(default_factory=set)
    """Logs whose owner ended in peace and whose lease is still to be deleted."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _deadline: asyncio.TimerHandle | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Hold a fair share of the logs until `stop`; outlives restarts of PostgreSQL.

        Raises:
            ExceptionGroup: of EduopsError; an owner cannot go on.
        """
        try:
            async with asyncio.TaskGroup() as group:
                while not stop.is_set():
                    try:
                        async with await connect(self.config.dsn) as conn:
                            await self._sit(conn, group, stop)
                    except (InfrastructureError, psycopg.Error, TimeoutError) as error:
                        heed_cancellation()
                        _logger.warning("event=leases_out_of_reach: %s", error)
                        await pause(stop, self.config.beat_s)
                for held in self._held.values():
                    held.stop.set()
        finally:
            self._disarm()

    async def _sit(self, conn: AsyncConnection[Any], group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        """Beat over one connection until `stop`, then give everything back."""
        async with asyncio.timeout(self.config.lease_s):
            name = await take_seat(conn, self.config.worker_id)
        if name != self._name:
            _logger.info("event=seat_taken worker=%s", name)
            self._lose(set(self._held), "another process has our name")
            self._finished.clear()
            self._name = name
        while not stop.is_set():
            async with asyncio.timeout(self.config.lease_s):
                await self._beat(conn, group)
            heed_cancellation()
            await self._pause(stop)
        for held in self._held.values():
            held.stop.set()
        if self._held:
            await asyncio.wait([held.task for held in self._held.values()])
        async with asyncio.timeout(self.config.lease_s):
            await release(conn, self._name, self._finished)
            await leave(conn, self._name)

    async def _beat(self, conn: AsyncConnection[Any], group: asyncio.TaskGroup) -> None:
        done = set(self._finished)
        await release(conn, self._name, done)
        self._finished -= done
        begun_s = asyncio.get_running_loop().time()
        roll = await beat(conn, self._name, self.config.lease_s)
        self._arm(begun_s + (1 - EARLY) * self.config.lease_s)
        todo = plan(self._name, roll.workers, roll.owners, self.groups)
        ours = {log for log, owner in roll.owners.items() if owner == self._name}
        ours |= await claim(conn, self._name, todo.claim, self.config.lease_s)
        self._lose(self._held.keys() - ours, "the lease is gone")
        for log in todo.release:
            if log in self._held:
                self._held[log].stop.set()
        for log in sorted(ours - self._held.keys() - self._finished - set(todo.release)):
            self._start(log, group, roll)
        # A lease of our name that nobody works on yet, from before a restart, may exceed our share.
        await release(conn, self._name, set(todo.release) & ours - self._held.keys())

    def _start(self, log: str, group: asyncio.TaskGroup, roll: Roll) -> None:
        _logger.info("event=log_taken log=%s worker=%s workers=%d", log, self._name, len(roll.workers))
        stop = asyncio.Event()
        task = group.create_task(self.own(log, stop), name=log)
        held = self._held[log] = _Held(task, stop)
        self.meter.put(OWNED, 1, log)
        task.add_done_callback(lambda _: self._end(log, held))

    def _end(self, log: str, held: _Held) -> None:
        del self._held[log]
        self.meter.put(OWNED, 0, log)
        if not held.is_lost and not held.task.cancelled() and held.task.exception() is None:
            _logger.info("event=log_given_back log=%s worker=%s", log, self._name)
            self._finished.add(log)
            self._wake.set()

    def _lose(self, logs: set[str], reason: str) -> None:
        for log in sorted(logs):
            held = self._held[log]
            if not held.is_lost:
                _logger.warning("event=log_lost log=%s worker=%s: %s", log, self._name, reason)
                held.is_lost = True
                held.task.cancel()

    def _arm(self, at_s: float) -> None:
        """Let all owners end at `at_s` on the clock of the loop, unless the leases are renewed before."""
        self._disarm()
        loop = asyncio.get_running_loop()
        reason = "the lease could not be renewed in time"
        self._deadline = loop.call_at(at_s, lambda: self._lose(set(self._held), reason))

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    async def _pause(self, stop: asyncio.Event) -> None:
        """Wait for the next beat, an owner that has finished, or `stop`."""
        self._wake.clear()
        waiting = [asyncio.create_task(event.wait()) for event in (stop, self._wake)]
        try:
            if not self._finished:
                await asyncio.wait(waiting, timeout=self.config.beat_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
