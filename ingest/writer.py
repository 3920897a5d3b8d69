"""Appends to the logs in the one order that the fold relies on: log time never goes back."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from bus.codec import encode_readings, encode_rejected, encode_troubles
from bus.log import Log
from bus.pause import pause
from contract.entry import EntryKind, Trouble
from contract.errors import InfrastructureError
from contract.reading import Readings
from contract.rejected import Rejected
from contract.service.backoff import Backoff

_logger: Final = logging.getLogger(__name__)
_RETRY: Final = Backoff(first_s=0.05, longest_s=2.0)
"""Waits double from the first to the last: a restart of the server costs little, an outage no load."""
MAX_READINGS: Final = 25_000
"""Readings in one entry: 0.5 MB, half of what nats-server takes in a message unless told otherwise."""
MAX_REJECTED: Final = 300
"""Refusals in one entry: with excerpt, topic and detail each is below 2 kB."""


class LogWriter:
    """Appends for one gateway; readings and ticks of a log share one rising log time.

    Each log has its lock: two appends that ran together could land in either order. An append
    that fails is tried again under the lock and with the same message id, so that a first try
    which landed unheard is not kept twice.
    """

    def __init__(self, log: Log, name: str, now_us: Callable[[], int], stop: asyncio.Event) -> None:
        self._log = log
        self._now_us = now_us
        self._stop = stop
        self._run = f"{name}-{now_us()}"
        self._appends = 0
        self._locks: dict[str, asyncio.Lock] = {}
        self._last_us: dict[str, int] = {}
        self.retries = 0
        """Appends that had to be repeated."""

    async def open(self, telemetry: Sequence[str], quarantine: str) -> None:
        """Learn the log time at which each log ends; the clock may have been set back since.

        Raises:
            InfrastructureError: a log does not exist or the server does not answer.
        """
        for name in (*telemetry, quarantine):
            self._locks[name] = asyncio.Lock()
            self._last_us[name] = await self._end_us(name)

    async def append_mistimed(self, log: str, readings: Readings, not_before_us: int) -> bool:
        """Append what was refused for its time, trying until it is done; return False if stopped before."""
        entries = [(encode_readings(part), 0) for part in _parts(readings)]
        return await self._append(log, EntryKind.MISTIMED, entries, not_before_us)

    async def append_readings(self, log: str, readings: Readings, not_before_us: int) -> bool:
        """Append readings, trying until it is done; return False if the service stopped before."""
        entries = [(encode_readings(part), len(part)) for part in _parts(readings)]
        return await self._append(log, EntryKind.READINGS, entries, not_before_us)

    async def append_rejected(self, log: str, rejected: Sequence[Rejected], not_before_us: int) -> bool:
        """Append refusals, trying until it is done; return False if the service stopped before."""
        parts = [rejected[i : i + MAX_REJECTED] for i in range(0, len(rejected), MAX_REJECTED)]
        entries = [(encode_rejected(part), len(part)) for part in parts]
        return await self._append(log, EntryKind.REJECTED, entries, not_before_us)

    async def append_tick(self, log: str, *, hears: bool, troubles: Sequence[Trouble] = ()) -> None:
        """Append the time once: a tick that fails is worth nothing a second later.

        Args:
            log: Name of the log.
            hears: Whether devices can be heard at this moment.
            troubles: What else there is to say of the broker.

        Raises:
            InfrastructureError: the log did not take it.
        """
        async with self._locks[log]:
            if not self._stop.is_set():
                kind = EntryKind.TICK if hears else EntryKind.DEAF
                await self._log.append(log, kind, encode_troubles(troubles), at_us=self._stamp_us(log, 0))

    async def _append(
        self, log: str, kind: EntryKind, entries: Sequence[tuple[bytes, int]], not_before_us: int
    ) -> bool:
        async with self._locks[log]:
            for payload, count in entries:
                if not await self._append_one(log, kind, payload, count, self._stamp_us(log, not_before_us)):
                    return False
        return True

    async def _append_one(self, log: str, kind: EntryKind, payload: bytes, count: int, at_us: int) -> bool:
        self._appends += 1
        message_id = f"{self._run}-{self._appends}"
        failures = 0
        while True:
            try:
                await self._log.append(log, kind, payload, at_us=at_us, count=count, message_id=message_id)
            except InfrastructureError as error:
                self.retries += 1
                failures += 1
                wait_s = _RETRY.wait_s(failures)
                _logger.warning("event=append_failed log=%s retry_s=%.2f: %s", log, wait_s, error)
            else:
                return True
            if await pause(self._stop, wait_s):
                return False

    def _stamp_us(self, log: str, not_before_us: int) -> int:
        self._last_us[log] = max(self._last_us[log] + 1, self._now_us(), not_before_us)
        return self._last_us[log]

    async def _end_us(self, log: str) -> int:
        """Return the log time of a log's last entry, 0 if it has none any more."""
        seq = await self._log.last_seq(log)
        # Entries are dropped once a snapshot covers them; then nobody reads them again.
        return (await self._log.at_us(log, seq) if seq else None) or 0


def _parts(readings: Readings) -> list[Readings]:
    return [
        readings.take(np.arange(i, min(i + MAX_READINGS, len(readings))))
        for i in range(0, len(readings), MAX_READINGS)
    ]
