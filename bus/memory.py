"""A log in memory: the shipped second backend, for laws and demonstrations in one process."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.log import check_position
from bus.pause import pause
from contract.entry import EntryKind, RawEntry
from contract.errors import InfrastructureError


@dataclass(slots=True)
class _Kept:
    """One log: its entries, oldest first, and what outlives their dropping."""

    max_bytes: int
    entries: list[RawEntry] = field(default_factory=list)
    last_seq: int = 0
    held_bytes: int = 0
    seq_by_id: dict[str, int] = field(default_factory=dict)
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    """Set and replaced at every append, so that every waiting reader wakes."""

    @property
    def first_seq(self) -> int:
        """Seq of the oldest entry kept; `last_seq + 1` if none is."""
        return self.last_seq - len(self.entries) + 1


class MemoryReader:
    """Reads a log of a `MemoryLog`."""

    def __init__(self, name: str, kept: _Kept, after: int) -> None:
        self._name = name
        self._kept = kept
        self._after = after

    async def fetch(self, max_entries: int, timeout_s: float) -> list[RawEntry]:
        """Return the next entries; see `bus.log.LogReader`."""
        kept = self._kept
        check_position(self._name, self._after, kept.first_seq, kept.last_seq)
        if kept.last_seq == self._after and not await pause(kept.grown, timeout_s):
            return []
        check_position(self._name, self._after, kept.first_seq, kept.last_seq)
        start = self._after + 1 - kept.first_seq
        entries = kept.entries[start : start + max_entries]
        self._after += len(entries)
        return entries

    async def close(self) -> None:
        """Do nothing: a memory reader holds nothing."""


class MemoryLog:
    """Keeps logs for as long as the process lives; implements `bus.log.Log`."""

    def __init__(self) -> None:
        self._logs: dict[str, _Kept] = {}

    async def create(self, logs: Sequence[str], max_bytes: int) -> None:
        """Create the logs that do not exist; see `bus.log.Log`."""
        for name in logs:
            self._logs.setdefault(name, _Kept(max_bytes)).max_bytes = max_bytes

    async def append(
        self,
        log: str,
        kind: EntryKind,
        payload: bytes,
        *,
        at_us: int,
        count: int = 0,
        message_id: str | None = None,
    ) -> int:
        """Append an entry and return its seq; see `bus.log.Log`."""
        kept = self._named(log)
        if message_id is not None and message_id in kept.seq_by_id:
            return kept.seq_by_id[message_id]
        if kept.held_bytes + len(payload) > kept.max_bytes:
            raise InfrastructureError(f"log {log} is full ({kept.max_bytes} bytes): nothing was appended")
        kept.last_seq += 1
        kept.entries.append(RawEntry(kept.last_seq, kind, at_us, count, bytes(payload)))
        kept.held_bytes += len(payload)
        if message_id is not None:
            kept.seq_by_id[message_id] = kept.last_seq
        grown, kept.grown = kept.grown, asyncio.Event()
        grown.set()
        return kept.last_seq

    async def reader(self, log: str, after: int) -> MemoryReader:
        """Return a reader from a position on; see `bus.log.Log`."""
        return MemoryReader(log, self._named(log), after)

    async def last_seq(self, log: str) -> int:
        """Return the seq of the newest entry, 0 for none; see `bus.log.Log`."""
        return self._named(log).last_seq

    async def at_us(self, log: str, seq: int) -> int | None:
        """Return the log time of an entry; see `bus.log.Log`."""
        kept = self._named(log)
        place = seq - kept.first_seq
        return kept.entries[place].at_us if 0 <= place < len(kept.entries) else None

    async def drop_through(self, log: str, seq: int) -> None:
        """Delete the entries up to and including `seq`; see `bus.log.Log`."""
        kept = self._named(log)
        done = bisect_right(kept.entries, seq, key=lambda entry: entry.seq)
        kept.held_bytes -= sum(len(entry.payload) for entry in kept.entries[:done])
        del kept.entries[:done]

    async def pending_readings(self, log: str, after: int) -> int:
        """Return the readings appended after a position; see `bus.log.Log`."""
        return sum(entry.count for entry in self._named(log).entries if entry.seq > after)

    def _named(self, log: str) -> _Kept:
        try:
            return self._logs[log]
        except KeyError:
            raise InfrastructureError(f"log {log} does not exist; create it first") from None
