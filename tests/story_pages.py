"""Stories in a browser: served in this process, opened, and looked at once all of them is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, expect

from eduops.machine.ports import free_ports
from eduops.stories.server import LIST_PATH, make_server
from eduops.stories.story import ScreenStory
from ops_dashboard.app import serve
from ops_dashboard.config import DashboardConfig

PATIENCE_MS = 30_000


@asynccontextmanager
async def served_stories() -> AsyncIterator[str]:
    """Serve the stories for the length of the block; yield their address."""
    (port,) = free_ports(1)
    config = DashboardConfig("", 1, "stories", port=port)
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(serve(make_server(config), config, stop, ready.set))
    await ready.wait()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await task


async def tell(page: Page, story: ScreenStory, language: str = "vi") -> None:
    """Go to a story, and wait until all of it is told.

    Where the line has been silent for a while, the page's clock must be ours (`page.clock.install`).
    """
    await page.goto(f"{LIST_PATH}/{story.name}?lang={language}")
    await expect(page.locator(story.shown).first).to_be_attached(timeout=PATIENCE_MS)
    if story.silent_s:
        await page.clock.fast_forward(round(story.silent_s * 1000))
    await page.evaluate("document.fonts.ready.then(() => true)")
