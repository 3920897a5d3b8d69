"""A wait that ends early: how every loop of a shell sleeps and still stops at once."""

import asyncio


async def pause(event: asyncio.Event, seconds: float) -> bool:
    """Wait until an event, usually `stop`, is set, at most some seconds; return whether it was set.

    A wait of no time, or of less, lets other tasks run unless the event is set already.
    """
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            await event.wait()
    except TimeoutError:
        return False
    return True
