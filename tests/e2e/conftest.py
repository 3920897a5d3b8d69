"""A real Chromium for the page tests: started once, a fresh context for each page."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

HERE = Path(__file__).parent
BROWSERS = ("chromium-headless-shell", "chromium", "chrome")
"""The first that is there; the shell is the same browser without windows, and needs a fifth less."""
CLOSE_S = 10.0
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=document-user-activation-required",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # A browser speaks on the event loop that started it.
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The worker's browser; a page of it comes from `open_page`."""
    playwright = await async_playwright().start()
    named = os.environ.get("EDUOPS_TEST_BROWSER")
    path = named or next(filter(None, map(shutil.which, BROWSERS)), playwright.chromium.executable_path)
    if not await asyncio.to_thread(os.path.exists, path):
        await playwright.stop()
        pytest.skip("no Chromium: install Debian's chromium or run `playwright install chromium`")
    launched = await playwright.chromium.launch(executable_path=path, args=FLAGS)
    yield launched
    # Its driver was seen to wait for ever for a browser that had gone; it ends with this process in any case.
    for close in (launched.close, playwright.stop):
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await close()
