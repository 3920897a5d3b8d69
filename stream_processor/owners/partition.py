"""The owner of one telemetry log: replays to where it stood, then folds, commits and publishes."""

import asyncio
import time
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from bus.codec import decode_entry
from bus.log import Log
from contract.alert import Transition, TransitionKind
from contract.canary import system_series
from contract.commit import Commit, Position
from contract.entry import Entry, RawEntry, telemetry_log
from contract.errors import InfrastructureError
from contract.live import SUMMARY_SUBJECT
from contract.reading import Held
from contract.service.reach import Reach, pass_by
from storage.alerts import open_alerts
from storage.recovery import earlier_words, stored_after, told_open, transitions_after, unresolved
from storage.results import load_position, look_up
from stream_processor.config import ProcessorConfig
from stream_processor.fold.arrival.sift import must_look_up
from stream_processor.fold.arrival.words import add_words
from stream_processor.fold.catch_up import catch_up
from stream_processor.fold.constants import Fold
from stream_processor.fold.reconcile import close_untold, held_open, orphans
from stream_processor.fold.snapshot import decode, encode
from stream_processor.fold.state import State
from stream_processor.fold.step import Output, advance, readings_of
from stream_processor.owners.announce import announce
from stream_processor.owners.lost_end import step_back, write_step_back
from stream_processor.owners.owner import Publish, Tally, write
from stream_processor.owners.stage import on_cpu

STATE_BYTES: Final = "eduops_processor_state_bytes"
SERIES: Final = "eduops_processor_series"
RESTORE_SECONDS: Final = "eduops_processor_restore_seconds"
SNAPSHOT_BYTES: Final = "eduops_processor_snapshot_bytes"
STATE_GAUGES: Final = (STATE_BYTES, SERIES, RESTORE_SECONDS, SNAPSHOT_BYTES)
"""Gauges of a partition while it is owned."""
SNAPSHOT_SHARE: Final = 0.05
"""Most of an owner's time that snapshots may take."""
TELL_AGAIN_S: Final = 150.0
"""Real seconds of transitions that a start appends to the alerts log again: more than any
`sync_interval` lets a power cut take back (2m)."""
REPLAY_PATIENCE_S: Final = 10.0
"""Longest wait for an entry that is known to exist."""


class PartitionOwner:
    """A partition's state in memory, in step with its position in the table.

    After an exception the state may be ahead of the position: the owner is to be dropped, and the
    next one loads what was committed.
    """

    def __init__(
        self,
        conn: AsyncConnection[Any],
        log: Log,
        publish: Publish,
        fold: Fold,
        config: ProcessorConfig,
        tally: Tally,
        reach: Reach = pass_by,
    ) -> None:
        self._conn = conn
        self._log = log
        self._publish = publish
        self._fold = fold
        self._config = config
        self._tally = tally
        self._reach = reach
        self._name = telemetry_log(fold.layout.partition)
        self._state: State = fold.initial_state()
        self._log_time_us = 0
        self._snapshot_due_s = time.monotonic() + config.snapshot_every_s
        self.seq = 0
        self.keep_after = 0

    async def load(self) -> None:
        """Read snapshot and position, and fold what lies between them once more, in silence.

        Where the log has lost its end, what it lacks is read from the tables.

        Raises:
            SnapshotVersionError: the snapshot cannot be read by this version.
            InfrastructureError: the log no longer has the entries after the snapshot.
        """
        begun_s = time.monotonic()
        position = await load_position(self._conn, self._name)
        if position.snapshot is not None:
            # In a thread: of a nation's partition it takes a good part of a second.
            self._state = await asyncio.to_thread(decode, self._fold, position.snapshot)
        again = await step_back(self._log, self._name, position, self._config.clock.factor)
        through = position.seq if again is None else again
        self.seq, self.keep_after = position.snapshot_seq, position.snapshot_seq
        if through > self.seq:
            await self._replay(through)
        self._log_time_us = position.log_time_us
        if again is not None:
            await self._catch_up(position, again)
        # Those that a power cut took from the alerts log; it drops the others by their identity.
        told_us = position.log_time_us - round(TELL_AGAIN_S * self._config.clock.factor * 1e6)
        await self._announce(await self._transitions_after(max(0, told_us)))
        await self._reconcile()
        if self.seq > self.keep_after:
            # Owners that die one after the other, each before its first snapshot, must not replay ever more.
            self._snapshot_due_s = time.monotonic()
        meter = self._tally.meter
        meter.put(RESTORE_SECONDS, time.monotonic() - begun_s, self._name)
        meter.put(STATE_BYTES, self._state.nbytes, self._name)
        meter.put(SERIES, len(self._fold.layout), self._name)

    async def take(self, raws: Sequence[RawEntry]) -> None:
        """Fold entries, commit what follows from them, and tell the dashboard."""
        meter = self._tally.meter
        with on_cpu(meter, "decode"):
            entries = [decode_entry(raw) for raw in raws]
        held = await self._look_up(entries)
        output = await asyncio.to_thread(self._advance, entries, held)
        self._reach("folded")
        await self._announce(output.transitions)
        self._reach("announced")
        await self._commit(raws, output)
        self._reach("committed")
        if output.summary is not None:
            summary = msgspec.structs.replace(output.summary, seq=self.seq)
            subject = f"{SUMMARY_SUBJECT}.{self._fold.layout.partition}"
            await self._publish(subject, msgspec.msgpack.encode(summary))

    async def pass_time(self) -> None:
        """Do nothing: ingest ticks."""

    async def finish(self) -> None:
        """Commit a snapshot of the state as it is, so that the next start replays nothing."""
        if self.seq > self.keep_after:
            snapshot = await self._encode()
            what = Commit(self._name, self.seq, self.seq, self._log_time_us, snapshot=snapshot)
            await write(self._conn, what, self._tally)
            self.keep_after = self.seq

    def _advance(self, entries: Sequence[Entry], held: NDArray[np.int8] | None = None) -> Output:
        """Fold entries, in a thread: a backlog of few series is many rounds, and leases want renewing."""
        with on_cpu(self._tally.meter, "fold"):
            return advance(self._fold, self._state, entries, held)

    async def _replay(self, through: int) -> None:
        reader = await self._log.reader(self._name, self.seq)
        try:
            while self.seq < through:
                most = min(self._config.batch_entries, through - self.seq)
                raws = await reader.fetch(most, REPLAY_PATIENCE_S)
                if not raws:
                    raise InfrastructureError(f"log {self._name} does not give entry {self.seq + 1} again")
                await asyncio.to_thread(self._advance, [decode_entry(raw) for raw in raws])
                self.seq = raws[-1].seq
        finally:
            await reader.close()

    async def _catch_up(self, position: Position, again: int) -> None:
        """Bring the state up to what the tables hold, and step the position back to entry `again`."""
        layout = self._fold.layout
        readings = await stored_after(self._conn, layout.series, self._state.mark_us)
        transitions = await self._transitions_after(self._state.now_us)
        self._state = catch_up(self._fold, self._state, readings, transitions, position.log_time_us)
        words = await earlier_words(self._conn, layout.series, self._state.mark_us)
        add_words(layout, self._state, words)
        snapshot = await self._encode()
        tally = self._tally
        self._log_time_us = await write_step_back(self._conn, self._log, tally, position, again, snapshot)
        self.seq, self.keep_after = again, again

    async def _reconcile(self) -> None:
        """Let the tables and the state hold the same alerts open; what nothing can end any more, ends."""
        held = held_open(self._fold, self._state)
        stored_open = await unresolved(self._conn, await open_alerts(self._conn))
        close_untold(self._state, held, await told_open(self._conn, list(held)))
        ends = tuple(orphans(self._fold, held.keys(), stored_open, self._log_time_us))
        if ends:
            await self._announce(ends)
            what = Commit(self._name, self.seq, self.seq, self._log_time_us, transitions=ends)
            await write(self._conn, what, self._tally)

    async def _transitions_after(self, detected_us: int) -> list[Transition]:
        """Return the stored transitions of this partition that were decided later, oldest first."""
        layout = self._fold.layout
        found = await transitions_after(self._conn, detected_us)
        slots = layout.slots_of(np.array([t.series for t in found], np.int32))
        own = system_series(layout.partition)
        return [t for t, slot in zip(found, slots, strict=True) if slot >= 0 or t.series == own]

    async def _look_up(self, entries: Sequence[Entry]) -> NDArray[np.int8] | None:
        readings = readings_of(entries)
        unsure = must_look_up(self._fold.layout, self._state, readings)
        if not unsure.any():
            return None
        held = np.full(len(readings), Held.NOTHING, np.int8)
        held[unsure] = await look_up(self._conn, readings.take(unsure))
        return held

    async def _announce(self, transitions: Sequence[Transition]) -> None:
        """Append transitions to the alerts log; the same ones again after a crash are the same entries.

        They go in the order of their log times, an alert's end after its opening: incidents follow from it.
        """
        for _, together in groupby(sorted(transitions, key=_turn), _turn):
            await asyncio.gather(*(announce(self._log, t) for t in together))

    async def _commit(self, raws: Sequence[RawEntry], output: Output) -> None:
        begun_s = time.monotonic()
        snapshot = await self._encode() if begun_s >= self._snapshot_due_s else None
        what = Commit(
            log=self._name,
            after=self.seq,
            through=raws[-1].seq,
            log_time_us=raws[-1].at_us,
            counts=output.counts._replace(received=sum(raw.count for raw in raws)),
            rows=output.rows,
            corrections=output.corrections,
            transitions=output.transitions,
            kpis=output.kpis,
            snapshot=snapshot,
        )
        await write(self._conn, what, self._tally)
        self.seq, self._log_time_us = what.through, what.log_time_us
        if snapshot is not None:
            self.keep_after = self.seq
            now_s = time.monotonic()
            self._snapshot_due_s = now_s + snapshot_pause_s(self._config.snapshot_every_s, now_s - begun_s)

    async def _encode(self) -> bytes:
        """Return a snapshot, made in a thread: the other partitions of this process go on meanwhile."""
        begun_s = time.monotonic()
        snapshot = await asyncio.to_thread(self._encode_on_cpu)
        meter = self._tally.meter
        meter.observe("eduops_processor_snapshot_seconds", time.monotonic() - begun_s)
        meter.put(SNAPSHOT_BYTES, len(snapshot), self._name)
        return snapshot

    def _encode_on_cpu(self) -> bytes:
        with on_cpu(self._tally.meter, "snapshot"):
            return encode(self._fold, self._state)


def _turn(transition: Transition) -> tuple[int, bool]:
    return transition.detected_at_us, transition.kind is TransitionKind.RESOLVED


def snapshot_pause_s(every_s: float, took_s: float) -> float:
    """Return the seconds until the next snapshot, from what the last one took with its commit.

    A snapshot shortens a restart, and costs time and write-ahead log. So it comes every `every_s`,
    but never so often that it takes more than `SNAPSHOT_SHARE` of the time. Measured on a quiet
    machine of two cores with a quarter of the nation (269,000 series, 34 MB of state): 19 MB, encoded
    in 0.07 s, 0.25 s with its commit, so the usual 15 s stand; four times that or a slow disk stretch them.
    """
    return max(every_s, took_s / SNAPSHOT_SHARE)
