"""A page in a real Chromium and what is expected of each: nothing foreign, nothing clipped, accessible."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, Request

from tests.running_system import until
from tests.signed_in import cookies

SIZES = [(3840, 2160), (1920, 1080), (1366, 768), (390, 844)]
FIRST_SIZE = {"vi": (390, 844), "en": (3840, 2160)}
"""Size at which a page is loaded and looked at by axe, by language; it is then resized to the others, as
windows are."""
CLIPPED = """() => [...document.querySelectorAll('body *')]
  .filter(e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
  .filter(e => e.checkVisibility({visibilityProperty: true}))
  .filter(e => !(e instanceof SVGElement) && getComputedStyle(e).display !== 'inline')
  .filter(e => !e.closest('.visually-hidden, .skip, [class*=aria-description]'))
  .filter(e => !e.matches('[class*=ag-]') || e.matches('.ag-cell, .ag-header-cell-text'))
  .map(e => `${e.tagName}.${e.className}#${e.id} ${e.scrollWidth} > ${e.clientWidth} ${e.textContent}`)"""
"""Boxes whose content is wider than they are; AG Grid's own scrollers are meant to be."""
CUT = """() => [...document.querySelectorAll('body *')]
  .filter(e => e.clientHeight > 0 && e.scrollHeight > e.clientHeight + 2)
  .filter(e => ['hidden', 'clip'].includes(getComputedStyle(e).overflowY))
  .filter(e => e.checkVisibility({visibilityProperty: true}))
  .filter(e => !e.closest('.visually-hidden, .skip, [class*=aria-description]'))
  .map(e => `${e.tagName}.${e.className}#${e.id} ${e.scrollHeight} > ${e.clientHeight} ${e.textContent}`)"""
"""Boxes that hide what is higher than they are."""
OUTSIDE = """() => [...document.querySelectorAll('.tile *, .alarm *, .area, .header > :not(.skip)')]
  .map(e => [e, e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.right > innerWidth + 1 || box.left < -1))
  .map(([e]) => `${e.tagName}.${e.className} ${e.textContent}`)"""
MEETING = """() => {
  const apart = '.visually-hidden, .skip, .tip, .foot, select, [class*=ag-]';
  const parts = [...document.querySelectorAll('body *')].filter(e => !e.closest(apart)
    && [...e.childNodes].some(one => one.nodeType === 3 && one.textContent.trim())
    && e.checkVisibility({visibilityProperty: true, opacityProperty: true}));
  const boxes = parts.flatMap(part => [...part.childNodes].filter(one => one.nodeType === 3)
    .flatMap(text => {
      const range = document.createRange();
      range.selectNodeContents(text);
      return [...range.getClientRects()].map(box => ({ box, part, slack: box.height / 5 }));
    }))
    .filter(({ box, part }) => { // what lies behind something is so on purpose
      const seen = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      return seen && (part.contains(seen) || seen.contains(part));
    })
    .sort((a, b) => a.box.top - b.box.top);
  const words = ({ part }) => `${part.getAttribute('class')} ${part.textContent.slice(0, 40)}`;
  return boxes.flatMap((one, i) => boxes.slice(i + 1)
    .filter(two => two.part !== one.part && two.box.top < one.box.bottom - one.slack
      && two.box.bottom - two.slack > one.box.top
      && one.box.right - 1 > two.box.left && two.box.right - 1 > one.box.left)
    .map(two => `${words(one)} × ${words(two)}`));
}"""
"""Texts that stand in each other's way, as far as the window shows them; boxes of lines reach into each other
by a little."""
LATE = "was preloaded using link preload but not used within a few seconds"
"""Said of this machine, when a script that is there has not had its turn yet."""
AXE_RULES = {"resultTypes": ["violations"]}


@asynccontextmanager
async def open_page(
    browser: Browser, url: str, width: int = 1920, height: int = 1080, *, quiet: bool = True
) -> AsyncIterator[Page]:
    """Open a page that fails the test on any foreign request and, if `quiet`, on any complaint."""
    context = await browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce", base_url=url
    )
    page = await context.new_page()
    await sign_in(page, url)
    foreign: list[str] = []
    complaints: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            foreign.append(request.url)

    page.on("request", watch)  # a route would forbid the browser its cache

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and LATE not in message.text:
            complaints.append(message.text)

    page.on("console", complain)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await context.close()
    assert foreign == [], foreign
    assert complaints == [] or not quiet, complaints


async def sign_in(page: Page, url: str) -> None:
    """Let a page be signed in at a dashboard that may have begun after the page was opened."""
    await page.context.add_cookies([{"name": n, "value": v, "url": url} for n, v in cookies(url).items()])


async def sizes_of(page: Page, language: str) -> AsyncIterator[int]:
    """Yield each width once the page has that size, the one at which it was loaded first."""
    for width, height in sorted(SIZES, reverse=language == "en"):
        await set_size(page, width, height)
        yield width


async def set_size(page: Page, width: int, height: int) -> None:
    """Resize the window, and wait for what follows a frame later: charts and grids."""
    await page.set_viewport_size({"width": width, "height": height})
    await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def expect_fitting(page: Page, width: int) -> None:
    """Expect that nothing is clipped and nothing stands outside, as soon as the page has come to rest."""
    for look in (CLIPPED, CUT, OUTSIDE):
        found: list[str] = []

        async def fits(look: str = look, found: list[str] = found) -> bool:
            found[:] = await page.evaluate(look)
            return not found

        with suppress(AssertionError):
            await until(fits, "", patience_s=5.0)
        assert found == [], f"{page.url} at {width}: {found}"
    assert await page.evaluate("document.documentElement.scrollWidth") <= width, page.url


async def expect_apart(page: Page, width: int) -> None:
    """Expect that no text stands upon another."""
    found = await page.evaluate(MEETING)
    assert found == [], f"{page.url} at {width}: {found}"


async def expect_accessible(page: Page) -> None:
    """Expect no violation of axe's rules."""
    found = await Axe().run(page, options=AXE_RULES)
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
