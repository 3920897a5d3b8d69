"""A disk that was full: the log's server starts anew once there is room again.

nats-server keeps the error of a failed write with the file it was writing, and refuses everything
for that file until it is started again, however much room there is by then (seen with 2.15.1:
docs/decisions/0020). Devices wait meanwhile with what was not acknowledged; nothing is lost.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Final

from bus.pause import pause
from contract.errors import InfrastructureError
from eduops.machine.output import ProcessOutput
from eduops.machine.prepare import Tell
from eduops.machine.supervisor import Supervisor

LOOK_S: Final = 2.0
NO_ROOM: Final = "no space left on device"
"""What the server writes for each message that it could not keep. Source: errno(3), ENOSPC, as Go says it."""
ROOM_BYTES: Final = 32 << 20
"""Room for a block of each of some logs: less, and the next message finds the disk full again."""


async def mend_full_log(
    store: Path, supervisor: Supervisor, output: ProcessOutput, tell: Tell, stop: asyncio.Event
) -> None:
    """Start the embedded NATS again after its disk was full, until `stop`; say both to a person."""
    told = False
    while not stop.is_set():
        if NO_ROOM not in output.last_lines("nats"):
            told = False
        elif shutil.disk_usage(store).free >= ROOM_BYTES:
            tell("nats: there is room on its disk again; it starts anew and drains what waited")
            try:
                await supervisor.restart("nats")
            except InfrastructureError as error:
                tell(f"nats: {error}; it is tried again")
        elif not told:
            told = True
            tell(
                f"nats: the disk of {store} is full; devices wait and nothing is lost: free some space there"
            )
        await pause(stop, LOOK_S)
