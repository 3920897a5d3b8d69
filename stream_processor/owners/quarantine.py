"""The owner of the quarantine log: what ingest refused, kept in a table."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from bus.codec import decode_rejected
from contract.commit import Commit, Counts
from contract.entry import QUARANTINE_LOG, EntryKind, RawEntry
from contract.rejected import Rejected
from storage.results import load_position
from stream_processor.owners.owner import Tally, write


class QuarantineOwner:
    """Writes refused readings; its whole state is its position."""

    def __init__(self, conn: AsyncConnection[Any], tally: Tally) -> None:
        self._conn = conn
        self._tally = tally
        self.seq = 0

    @property
    def keep_after(self) -> int:
        """The position: nothing before it is needed again."""
        return self.seq

    async def load(self) -> None:
        """Read the position."""
        self.seq = (await load_position(self._conn, QUARANTINE_LOG)).seq

    async def take(self, raws: Sequence[RawEntry]) -> None:
        """Keep the entries' values and count them."""
        rejected: list[Rejected] = []
        for raw in raws:
            if raw.kind is EntryKind.REJECTED:
                rejected += decode_rejected(raw.payload)
        counts = Counts(received=sum(raw.count for raw in raws), quarantined=len(rejected))
        last = raws[-1]
        what = Commit(QUARANTINE_LOG, self.seq, last.seq, last.at_us, counts=counts, rejected=tuple(rejected))
        await write(self._conn, what, self._tally)
        self.seq = last.seq

    async def pass_time(self) -> None:
        """Do nothing: no refusal waits for the time."""

    async def finish(self) -> None:
        """Do nothing: every commit is complete."""
