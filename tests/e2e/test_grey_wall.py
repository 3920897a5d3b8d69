"""A wall in front of a real system that stands still: it turns grey by its own clock, and says why."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.test_pages import open_page
from tests.running_system import PATIENCE_S, RunningSystem

PATIENCE_MS = PATIENCE_S * 1000
GREY_MS = 40_000
"""The wall promises fifteen seconds; the rest is for a machine that does other things."""


@pytest.fixture(scope="module")
def system(servers_folder: Path) -> Iterator[RunningSystem]:
    running = RunningSystem(servers_folder / "grey", "--at", "2026-11-25T09:00")
    yield running
    running.end()


async def expect_live(page: Page) -> None:
    await expect(page.locator("html")).to_have_attribute("data-stale", "ok", timeout=PATIENCE_MS)
    await expect(page.locator("#stale-bar")).to_be_hidden()


async def expect_grey(page: Page, sentence: str) -> None:
    await expect(page.locator("html")).to_have_attribute("data-stale", "stale", timeout=GREY_MS)
    await expect(page.locator("#stale-bar")).to_contain_text(sentence)
    assert "grayscale(1)" in await page.locator("main").evaluate("e => getComputedStyle(e).filter")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "path", "sentence"),
    [
        ("dashboard", "/?lang=vi", "SỐ LIỆU CŨ"),
        ("processor", "/?lang=en", "STALE DATA"),
        pytest.param("nats", "/?lang=vi", "SỐ LIỆU CŨ", marks=pytest.mark.slow),
        pytest.param("ingest", "/alerts?lang=en", "STALE DATA", marks=pytest.mark.slow),
    ],
)
async def test_the_wall_turns_grey_by_itself_and_comes_back(
    system: RunningSystem, browser: Browser, name: str, path: str, sentence: str
) -> None:
    async with open_page(browser, system.url, quiet=False) as page:
        await page.goto(path)
        await expect_live(page)
        with system.paused(name):
            await expect_grey(page, sentence)
        await expect_live(page)


@pytest.mark.browser
async def test_the_wall_goes_on_without_its_database(system: RunningSystem, browser: Browser) -> None:
    """The dashboard alone has lost PostgreSQL: what the log says is still shown, old alerts included."""
    async with open_page(browser, system.url, quiet=False) as page:
        await page.goto("/")
        await expect_live(page)
        pid = system.processes()["postgres"]["pid"]
        os.kill(pid, signal.SIGKILL)
        await page.reload()
        await expect(page.locator("#tile-alerts .tile-coverage")).not_to_be_empty(timeout=PATIENCE_MS)
        await expect_live(page)
