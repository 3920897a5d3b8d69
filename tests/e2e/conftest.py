"""A real Chromium for the page tests."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=document-user-activation-required",
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = os.environ.get("EDUOPS_TEST_BROWSER") or shutil.which("chromium") or shutil.which("chrome")
        path = found or playwright.chromium.executable_path
        if not await asyncio.to_thread(os.path.exists, path):
            pytest.skip("no Chromium: install Debian's chromium or run `playwright install chromium`")
        launched = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        await launched.close()
