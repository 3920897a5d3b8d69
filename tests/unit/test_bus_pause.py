"""A wait that ends early."""

import asyncio

import pytest

from bus.pause import pause


async def test_a_pause_ends_when_the_event_comes() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(pause(stop, 3600.0))
    await asyncio.sleep(0)
    stop.set()
    assert await waiting is True


async def test_an_event_that_came_and_went_has_come() -> None:
    woken = asyncio.Event()
    waiting = asyncio.create_task(pause(woken, 3600.0))
    await asyncio.sleep(0)
    woken.set()
    woken.clear()
    assert await waiting is True


@pytest.mark.parametrize("seconds", [0.01, 0.0, -5.0])
async def test_a_pause_ends_by_itself_and_lets_others_run(seconds: float) -> None:
    others: list[str] = []
    asyncio.get_running_loop().call_soon(others.append, "ran")
    assert await pause(asyncio.Event(), seconds) is False
    assert others == ["ran"]


async def test_a_pause_can_be_cancelled() -> None:
    waiting = asyncio.create_task(pause(asyncio.Event(), 3600.0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
