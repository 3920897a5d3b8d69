"""Small decisions of an owner: when a snapshot is due, and whose CPU time a stage counts."""

import asyncio
import time

import pytest

from contract.service.metrics import SERVICE_METRICS, Meter
from stream_processor.owners.partition import snapshot_pause_s
from stream_processor.owners.stage import STAGE_CPU, awaited_on_cpu


@pytest.mark.parametrize(("took_s", "pause_s"), [(0.0, 15.0), (0.25, 15.0), (0.75, 15.0), (3.0, 60.0)])
def test_snapshots_take_a_twentieth_of_the_time_at_most(took_s: float, pause_s: float) -> None:
    assert snapshot_pause_s(15.0, took_s) == pause_s


def burn(seconds: float) -> None:
    """Use CPU time of this thread."""
    until_s = time.thread_time() + seconds
    while time.thread_time() < until_s:
        pass


def counted(meter: Meter, stage: str) -> float:
    metric = next(m for m in SERVICE_METRICS if m.name == STAGE_CPU)
    return dict(meter.values(metric)).get((stage,), 0.0)


async def test_a_stage_counts_its_own_time_and_not_that_of_others() -> None:
    meter, others_are_done = Meter(), asyncio.Event()

    async def work() -> str:
        burn(0.02)
        await others_are_done.wait()
        burn(0.02)
        return "done"

    async def other() -> None:
        burn(0.5)
        others_are_done.set()

    async def counted_work() -> str:
        return await awaited_on_cpu(meter, "commit", work())

    result, _ = await asyncio.gather(counted_work(), other())
    assert result == "done"
    assert 0.04 <= counted(meter, "commit") < 0.3


async def test_what_ends_the_work_reaches_it_and_its_caller() -> None:
    meter = Meter()
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("broken")

    async def counted_work() -> None:
        await awaited_on_cpu(meter, "commit", work())

    task = asyncio.create_task(counted_work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"]
    with pytest.raises(ValueError, match="broken"):
        await awaited_on_cpu(meter, "commit", fails())
