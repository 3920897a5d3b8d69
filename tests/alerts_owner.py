"""The owner of the alerts log, with the packaged routes and calendar."""

from collections.abc import Callable, Sequence
from typing import Any

from psycopg import AsyncConnection

from alerting.incidents.groups import Groups
from bus.log import Log
from bus.memory import MemoryLog
from config.files import load_configuration
from contract.entry import ALERTS_LOG, EntryKind, RawEntry
from stream_processor.owners.alerts import AlertsOwner
from stream_processor.owners.owner import Publish, Tally

_OWN = load_configuration(None)


async def no_listener(_subject: str, _payload: bytes) -> None:
    """Nobody watches the wall."""


def alerts_owner(
    conn: AsyncConnection[Any],
    log: Log,
    groups: Groups,
    now_us: Callable[[], int],
    publish: Publish = no_listener,
) -> AlertsOwner:
    """Return an owner that has read nothing yet."""
    tally = Tally(ALERTS_LOG)
    return AlertsOwner(conn, log, publish, groups, _OWN.calendar, lambda: _OWN.routing, now_us, tally)


async def fold_to_end(
    conn: AsyncConnection[Any], log: Log, groups: Groups, now_us: Callable[[], int]
) -> None:
    """Own the log until all that it holds by now is folded."""
    owner = alerts_owner(conn, log, groups, now_us)
    await owner.load()
    last, reader = await log.last_seq(ALERTS_LOG), await log.reader(ALERTS_LOG, owner.seq)
    while owner.seq < last:  # a fetch brings what has arrived, which may be less
        await owner.take(await reader.fetch(last - owner.seq, 5.0))


async def fold_by_turns(
    conn: AsyncConnection[Any],
    groups: Groups,
    entries: Sequence[tuple[EntryKind, bytes, int]],
    batch: int,
) -> list[tuple[str, bytes]]:
    """Own a log of entries (kind, payload, log time in µs) to its end, a new owner for each batch.

    Returns what is published, with its subject, in order.
    """
    log, published = MemoryLog(), list[tuple[str, bytes]]()
    await log.create([ALERTS_LOG], 1 << 20)
    for kind, payload, at_us in entries:
        await log.append(ALERTS_LOG, kind, payload, at_us=at_us)
    began_us = entries[0][2]

    async def publish(subject: str, payload: bytes) -> None:
        published.append((subject, payload))

    done = 0
    while done < len(entries):
        owner = alerts_owner(conn, log, groups, lambda: began_us, publish)
        await owner.load()
        reader = await log.reader(ALERTS_LOG, owner.seq)
        await owner.take(await reader.fetch(batch, 1.0))
        done = owner.seq
    return published


async def payloads_of(log: Log, kind: EntryKind) -> list[bytes]:
    """Return what a kind of entries of the alerts log says, in order."""
    if not (last := await log.last_seq(ALERTS_LOG)):
        return []
    reader, entries = await log.reader(ALERTS_LOG, 0), list[RawEntry]()
    while not entries or entries[-1].seq < last:  # a fetch brings what has arrived, which may be less
        entries += await reader.fetch(100, 5.0)
    await reader.close()
    return [entry.payload for entry in entries if entry.kind is kind]
