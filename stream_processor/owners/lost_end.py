"""A log that ends before its owner's position, or has other entries there: its store lost its end.

With `sync_interval` above `always` a power cut takes back the last entries of a log, although the
tables hold what followed from them. Entries appended afterwards get the same numbers again, so an
owner who simply went on would pass over them. Instead the position steps back to entries that are
surely the old ones. Reading a few of them twice changes nothing (law 3).
"""

import logging
from typing import Any, Final

from psycopg import AsyncConnection

from bus.log import Log
from contract.commit import Commit, Position
from storage.results import load_position
from stream_processor.owners.owner import Tally, write

_logger: Final = logging.getLogger(__name__)

MARGIN_S: Final = 10.0
"""Real seconds of entries read twice: the clocks of two ingests, and what one had stamped and not yet
appended when the power failed, differ by less (appends are asked again every 2 s)."""

TOLD_AGAIN_S: Final = 300.0
"""The same for the alerts log: transitions that are told again say the log time at which they were decided,
up to 150 s (`partition.TELL_AGAIN_S`) before their partition's end, and a tick may be a minute ahead."""


async def step_back(
    log: Log, name: str, position: Position, factor: float, margin_s: float = MARGIN_S
) -> int | None:
    """Return the entry after which a log must be read again, None where it still holds the position.

    Args:
        log: the store of logs.
        name: which of them.
        position: where its owner stands.
        factor: log seconds in a real second.
        margin_s: real seconds of entries read twice.

    Raises:
        InfrastructureError: the log does not exist or is out of reach.
    """
    last = await log.last_seq(name)
    if last >= position.seq and await log.at_us(name, position.seq) in (None, position.log_time_us):
        return None
    before_us = position.log_time_us - round(margin_s * factor * 1e6)
    low, high = 0, min(last, position.seq)
    while low < high:
        middle = (low + high + 1) // 2
        at_us = await log.at_us(name, middle)
        if at_us is None or at_us <= before_us:  # None: dropped long ago
            low = middle
        else:
            high = middle - 1
    _logger.error(
        "event=log_lost_its_end log=%s position=%d last_entry=%d: a power cut took back the end of the "
        "log's store; it is read again after entry %d; what was committed is in the tables, what was not "
        "is sent again only by devices that had no acknowledgement; sync_interval=always prevents this",
        name,
        position.seq,
        last,
        low,
    )
    return low


async def write_step_back(
    conn: AsyncConnection[Any], log: Log, tally: Tally, position: Position, seq: int, snapshot: bytes | None
) -> int:
    """Set a log's position back to `seq` and return the log time there, 0 for none.

    Raises:
        PositionMovedError: another owner committed this log.
    """
    at_us = await log.at_us(tally.log, seq) or 0
    await write(conn, Commit(tally.log, position.seq, seq, at_us, snapshot=snapshot), tally)
    return at_us


async def settle(
    conn: AsyncConnection[Any], log: Log, tally: Tally, factor: float, margin_s: float = MARGIN_S
) -> None:
    """Step back, if that must be, on a log whose owner has no state but the tables and its small snapshot.

    Raises:
        PositionMovedError: another owner committed this log.
        InfrastructureError: the log does not exist or is out of reach.
    """
    position = await load_position(conn, tally.log)
    seq = await step_back(log, tally.log, position, factor, margin_s)
    if seq is not None:
        await write_step_back(conn, log, tally, position, seq, position.snapshot)
