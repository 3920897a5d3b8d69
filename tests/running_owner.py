"""The owner of the alerts log, running beside a dashboard: what is appended is counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from alerting.incidents.groups import Groups
from contract.entry import ALERTS_LOG
from storage.database import connect
from stream_processor.owners.alerts import AlertsOwner
from tests.alerts_owner import alerts_owner
from tests.dashboard_stage import Stage


@asynccontextmanager
async def running_owner(stage: Stage, dsn: str) -> AsyncIterator[None]:
    """Fold the alerts log of a stage for the length of the block; a failure is the test's."""
    async with await connect(dsn) as conn:
        owner = alerts_owner(conn, stage.log, Groups(stage.fleet), stage.now_us, stage.live.publish)
        async with folding(owner, stage):
            yield


@asynccontextmanager
async def folding(owner: AlertsOwner, stage: Stage) -> AsyncIterator[None]:
    """Load an owner and let it fold what the alerts log of a stage holds, until the block ends."""
    await owner.load()
    reader = await stage.log.reader(ALERTS_LOG, owner.seq)
    stop = asyncio.Event()

    async def fold() -> None:
        while not stop.is_set():
            entries = await reader.fetch(100, 0.1)
            if entries:
                await owner.take(entries)
            await owner.pass_time()

    task = asyncio.create_task(fold())
    try:
        yield
    finally:
        stop.set()
        await task
