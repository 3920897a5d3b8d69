"""How a running verb stops: at the first signal gently, at the second at once."""

import asyncio
import signal
from collections.abc import Awaitable, Callable


def run_until_stopped(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until done; Ctrl-C and SIGTERM set the stop event, a second one breaks off."""
    asyncio.run(_with_stop(run))


async def _with_stop(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    task = asyncio.ensure_future(run(stop))

    def on_signal() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    await task
