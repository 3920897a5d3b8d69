"""How a try to connect is given up."""

import asyncio

from bus.connection import given_up


async def test_what_takes_its_first_cancellation_for_itself_is_ended_all_the_same() -> None:
    cancelled = 0

    async def stubborn() -> None:
        nonlocal cancelled
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled += 1
                if cancelled == 3:
                    raise

    task = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    await given_up(task)
    assert (task.cancelled(), cancelled) == (True, 3)


async def test_it_ends_with_whoever_waits_for_it() -> None:
    task = asyncio.ensure_future(asyncio.sleep(60))
    waiting = asyncio.ensure_future(given_up(task, 60.0))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=5.0)
    assert (waiting.cancelled(), task.cancelled()) == (True, True)


async def test_what_ends_by_itself_is_not_cancelled() -> None:
    task = asyncio.ensure_future(asyncio.sleep(0, "done"))
    await given_up(task, 5.0)
    assert task.result() == "done"
