"""The telemetry log as everybody sees it: append, read from a position, drop what is done.

Two backends keep it: `bus.jetstream` for services and `bus.memory` for laws and demonstrations
in one process. `tests/contract/` holds both to the same behaviour.
"""

from collections.abc import Sequence
from typing import Protocol

from contract.entry import EntryKind, RawEntry
from contract.errors import InfrastructureError


class LogReader(Protocol):
    """Reads one log in order, from one position on."""

    async def fetch(self, max_entries: int, timeout_s: float) -> list[RawEntry]:
        """Return the next entries, gapless and in order of seq.

        Waits until there is at least one entry, then returns what is at hand: at most `max_entries`.
        Returns `[]` after `timeout_s` without any. Outlives a restart of the server.

        Raises:
            InfrastructureError: entries were dropped before they were read, the log ends before the
                reader's position, or it lost its end and grew past the position again; the message
                names the missing range.
        """
        ...

    async def close(self) -> None:
        """Release what the server keeps for this reader."""
        ...


class Log(Protocol):
    """Named logs of entries; each entry has a seq, 1, 2, 3 … without gaps."""

    async def create(self, logs: Sequence[str], max_bytes: int) -> None:
        """Create the logs that do not exist and set the size limit of each, in bytes.

        Raises:
            InfrastructureError: the store has no room for them, or does not answer.
        """
        ...

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
        """Append an entry and return its seq once it is durable.

        An append with a `message_id` that the log has recently seen returns the seq of the first
        and appends nothing. Appends that run at the same time go out together, in no fixed order.

        Args:
            log: Name of the log, such as `telemetry-0`.
            kind: What the payload is.
            payload: The encoded content; see `bus.codec`.
            at_us: Log time, µs since 1970.
            count: Readings in the entry; 0 for ticks, transitions and actions.
            message_id: Identity of the entry, at most 128 printable characters without a space.

        Raises:
            InfrastructureError: the log is full, missing or out of reach; nothing is known to be kept.
        """
        ...

    async def reader(self, log: str, after: int) -> LogReader:
        """Return a reader whose first entry has the seq `after + 1`."""
        ...

    async def last_seq(self, log: str) -> int:
        """Return the seq of the newest entry ever appended, 0 for none.

        Raises:
            InfrastructureError: the log does not exist or is out of reach.
        """
        ...

    async def at_us(self, log: str, seq: int) -> int | None:
        """Return the log time of an entry, None where the log does not have it (any more).

        Raises:
            InfrastructureError: the log does not exist or is out of reach.
        """
        ...

    async def drop_through(self, log: str, seq: int) -> None:
        """Delete the entries up to and including `seq`; seqs never start again."""
        ...

    async def pending_readings(self, log: str, after: int) -> int:
        """Return the sum of `count` over the entries with a seq above `after`."""
        ...


def check_position(log: str, after: int, first_seq: int, last_seq: int) -> None:
    """Refuse a position from which the log cannot be read without a gap.

    Args:
        log: Name of the log, for the message.
        after: The position: seq of the last entry already read.
        first_seq: Seq of the oldest entry kept; `last_seq + 1` if none is.
        last_seq: Seq of the newest entry ever appended.

    Raises:
        InfrastructureError: entries after the position are gone, or the position is beyond the end.
    """
    if after > last_seq:
        raise InfrastructureError(
            f"log {log} ends at entry {last_seq}, but the reader stands at {after}: "
            "its store was replaced or lost its end"
        )
    if first_seq > after + 1:
        raise InfrastructureError(
            f"log {log} no longer has the entries {after + 1} to {first_seq - 1}: "
            "they were dropped before they were read"
        )
