"""Every story in a real Chromium: nothing clipped, nothing in another's way, accessible, and to the point."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from _pytest.mark import ParameterSet
from playwright.async_api import Browser, Page

from eduops.stories.registry import SITUATIONS, STORIES
from eduops.stories.story import ScreenStory
from tests.browser_page import (
    FIRST_SIZE,
    expect_accessible,
    expect_apart,
    expect_fitting,
    open_page,
    set_size,
    sizes_of,
)
from tests.story_pages import served_stories, tell

pytestmark = pytest.mark.browser
WALL_WIDTH = 1920
SCREENS = Path(__file__).parents[2] / "docs" / "screens"
READ_FIRST = """() => [...document.querySelectorAll('main *')]
  .filter(part => part.checkVisibility() && !part.closest('.visually-hidden'))
  .filter(part => [...part.childNodes].some(one => one.nodeType === 3 && one.textContent.trim()))
  .filter(part => parseFloat(getComputedStyle(part).fontSize) >= 8.5 * innerWidth / 384)
  .map(part => part.textContent.trim())"""
"""Texts as large as the name of an incident and larger: what two seconds are enough for."""
ALARMING = """() => ['.tile', '.alarm'].map(kind =>
  [...document.querySelectorAll(`${kind}[data-priority]`)].map(part => part.dataset.priority).join(''))"""
"""In whose colour and shape figures stand, and incidents."""


class Reading(NamedTuple):
    """What a stranger reads within two seconds."""

    where: str
    how_many: str
    figures: str
    """Priorities of the four figures; one that is well has none."""
    incidents: str


READINGS = {
    "calm": Reading("", "", "", ""),
    "one-school": Reading("THPT Nguyễn Thị Minh Khai", "", "", "1"),
    "one-ward": Reading("Phường Bình Tân", "46", "22", "1"),
    "one-provider": Reading("FPT", "666", "11", "11"),
    "platform": Reading("Nền tảng học trực tuyến", "1.181", "21", "2"),
    "all-dark": Reading("Lỗi tại trung tâm", "3.541/3.541 trường", "1", "11"),
}


ENGLISH_SIZES = [(1366, 768), (390, 844)]
"""Where it is tightest; the six situations alone are looked at in English as well."""
OFTEN = {"lost", "many", "past", "tiny", "incident-open", "pairing", "nowhere"}
"""States beside the six that every change may break: the others come with the slow tests."""


ENGLISH = {
    "incidents-many",
    "incident-open",
    "school-offline",
    "provider",
    "leadership-bad",
    "response",
    "users",
}
"""The most important pages beside the six: looked at in English too, where room is short."""


def marked(story: ScreenStory) -> ParameterSet:
    """Return a story as a case; most are slow, for each is drawn four times."""
    is_often = story in SITUATIONS or story.name in OFTEN
    return pytest.param(story, id=story.name, marks=[] if is_often else [pytest.mark.slow])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stories() -> AsyncIterator[str]:
    async with served_stories() as url:
        yield url


@pytest.mark.parametrize("story", [marked(story) for story in STORIES])
async def test_a_story_fits_at_every_size_and_is_accessible(
    stories: str, browser: Browser, story: ScreenStory
) -> None:
    async with opened(browser, stories, story, *FIRST_SIZE["vi"]) as page:
        await expect_accessible(page)
        async for width in sizes_of(page, "vi"):
            await expect_fitting(page, width)
            await expect_apart(page, width)
            if width >= WALL_WIDTH and story.name in READINGS:
                await expect_read(page, READINGS[story.name], width)
        if story in SITUATIONS or story.name in ENGLISH:
            await expect_english(page, story)


async def expect_english(page: Page, story: ScreenStory) -> None:
    """Expect that a story fits in English where room is short."""
    await tell(page, story, "en")
    assert await page.locator("html").get_attribute("lang") == "en"
    for width, height in ENGLISH_SIZES:
        await set_size(page, width, height)
        await expect_fitting(page, width)
        await expect_apart(page, width)


async def expect_read(page: Page, wanted: Reading, width: int) -> None:
    """Expect that a stranger reads in two seconds what is wrong, where and how bad."""
    read = await page.evaluate(READ_FIRST)
    assert {wanted.where, wanted.how_many} - {""} <= set(read), (page.url, width, read)
    assert await page.evaluate(ALARMING) == [wanted.figures, wanted.incidents], (page.url, width)


@pytest.mark.slow
async def test_a_bad_day_of_leadership_prints_on_two_pages(stories: str, browser: Browser) -> None:
    story = next(one for one in STORIES if one.name == "leadership-bad")
    async with opened(browser, stories, story, 1366, 768) as page:
        document = await page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", document)) == 2


def test_the_pictures_are_of_every_story() -> None:
    told = (SCREENS / "README.md").read_text(encoding="utf-8")
    for story in STORIES:
        assert f"({story.name}-1920.webp)" in told
        assert (SCREENS / f"{story.name}-1920.webp").is_file()


def test_all_six_situations_have_to_be_read() -> None:
    assert set(READINGS) == {story.name for story in SITUATIONS}


@asynccontextmanager
async def opened(
    browser: Browser, url: str, story: ScreenStory, width: int, height: int
) -> AsyncIterator[Page]:
    """Open a story in a window of its own."""
    async with open_page(browser, url, width, height, quiet=not story.complains) as page:
        if story.silent_s:
            await page.clock.install()
        await tell(page, story)
        yield page
