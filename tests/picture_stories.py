"""Pictures of the stories at four sizes, for docs/screens: `python -m tests.picture_stories`."""

import argparse
import asyncio
import base64
import shutil
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from eduops.stories.registry import SITUATIONS, STORIES
from eduops.stories.story import ScreenStory
from tests.browser_page import open_page, set_size
from tests.e2e.conftest import FLAGS
from tests.story_pages import served_stories, tell

FOLDER = Path(__file__).parents[1] / "docs" / "screens"
SIZES = {(390, 844): 1.0, (1366, 768): 0.6, (1920, 1080): 0.6, (3840, 2160): 0.3}
"""How much smaller each size is kept: what a page looks like, without its last pixels."""
OTHERS = {390: 0.7, 1920: 0.5}
"""The same by width of stories beside the six situations, which are kept at these alone."""
QUALITY = 30
"""Of WebP, 0 to 100."""
PHONE = 390
LONGEST = 1700
"""Most of a phone's page that is kept, px."""
DRAWN_S = 1.3
"""Until the next push: what is drawn by it has the new size."""


async def picture(browser: Browser, url: str, story: ScreenStory, folder: Path, *, everything: bool) -> None:
    """Keep a story; `everything` for all four sizes."""
    async with open_page(browser, url, *next(iter(SIZES)), quiet=False) as page:
        if story.silent_s:
            await page.clock.install()
        await tell(page, story)
        for (width, height), scale in SIZES.items():
            if not everything and story not in SITUATIONS:
                if width not in OTHERS:
                    continue
                scale = OTHERS[width]
            await set_size(page, width, height)
            await asyncio.sleep(DRAWN_S)
            await keep(page, folder / f"{story.name}-{width}.webp", width, height, scale)


async def keep(page: Page, path: Path, width: int, height: int, scale: float) -> None:
    """Keep the page as it is; of a phone's all of it."""
    if width == PHONE:
        whole = await page.evaluate("document.documentElement.scrollHeight")
        height = min(LONGEST, max(height, whole))
    line = await page.context.new_cdp_session(page)
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
    asked = {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": width == PHONE}
    taken = await line.send("Page.captureScreenshot", asked)
    await line.detach()
    await asyncio.to_thread(path.write_bytes, base64.b64decode(taken["data"]))


async def main(names: Sequence[str], folder: Path, *, everything: bool) -> None:
    """Keep the pictures of some stories, or of all."""
    async with served_stories() as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for story in STORIES:
            if not names or story.name in names:
                await picture(browser, url, story, folder, everything=everything)
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--everything", action="store_true", help="all stories at all four sizes")
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True)
    asyncio.run(main(given.names, given.out, everything=given.everything))
