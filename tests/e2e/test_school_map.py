"""Schools at their places on the map of wards, in a real Chromium."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from eduops.stories.places import UNPLACED
from eduops.stories.registry import story_named
from tests.browser_page import open_page, set_size
from tests.story_pages import PATIENCE_MS, served_stories, tell

pytestmark = pytest.mark.browser
STORY = story_named("places")
DRAWN = """async () => {
  const { loadFleet } = await import('/assets/js/parts/fleet.js');
  const fleet = await loadFleet(), marks = {};
  for (const path of document.querySelectorAll('.school-mark')) {
    const { state } = path.dataset;
    marks[state] = (marks[state] ?? 0) + path.getAttribute('d').match(/M/g).length;
  }
  const placed = (await (await fetch('/api/wards')).json()).schools;
  const figures = [...document.querySelectorAll('.ward-mark[data-worst="1"] + .ward-count')]
    .map((one) => Number(one.textContent));
  return {
    marks, figures, schools: fleet.count, paths: document.querySelectorAll('.school-mark').length,
    placed: placed.filter((one) => one !== null).length, wards: fleet.wards().length,
  };
}"""
"""What stands on the map."""
FIRST_SCHOOL = """() => {
  const worst = [...document.querySelectorAll('.school-mark')].at(-1);
  const [, x, y] = worst.getAttribute('d').match(/M([\\d.]+) ([\\d.]+)/);
  const { left, top } = document.querySelector('.ward-map').getBoundingClientRect();
  return [left + Number(x), top + Number(y)];
}"""
COLOURS = """() => ['.school-mark[data-state="1"]', '.ward-mark[data-worst="1"]']
  .map((one) => getComputedStyle(document.querySelector(one)).fill)"""

EACH_STATE = """async () => {
  const { STATES } = await import('/assets/js/wall/cells.js');
  const { schoolPaths } = await import('/assets/js/wall/school_marks.js');
  const paths = schoolPaths(STATES.map((state, position) => ({ state, position, at: [0, 0] })), 40);
  document.querySelector('.ward-map').append(...paths);
  return paths.map((one) => {
    const { fill, stroke } = getComputedStyle(one);
    return [one.dataset.state, one.getAttribute('d'), fill === 'none' ? stroke : fill, fill === 'none'];
  });
}"""
"""State, shape, colour and whether it is hollow, of a school of each state; the last lies on top."""


@asynccontextmanager
async def the_map(browser: Browser) -> AsyncIterator[Page]:
    """Open the story's map for the length of the block."""
    assert STORY is not None
    async with served_stories() as url, open_page(browser, url) as page:
        await tell(page, STORY)
        await expect(page.locator(".school-mark").first).to_be_attached(timeout=PATIENCE_MS)
        yield page


async def test_every_school_with_a_place_is_one_mark_of_its_state(browser: Browser) -> None:
    async with the_map(browser) as page:
        drawn = await page.evaluate(DRAWN)
        assert 0 < drawn["placed"] < drawn["schools"]
        assert sum(drawn["marks"].values()) == drawn["placed"]
        # A path a state, in the whole and in the dense centre: never an element a school.
        assert drawn["paths"] <= 14
        # What has no place stands in its ward's figure.
        assert drawn["marks"]["1"] + sum(drawn["figures"]) == await p1_schools(page)
        assert 0 < len(drawn["figures"]) <= drawn["wards"] / UNPLACED + 1


async def p1_schools(page: Page) -> int:
    """Return how many schools the table of the honeycomb counts as P1, the first after all."""
    cells = await page.locator("#map-table tbody td:nth-child(3)").all_text_contents()
    assert cells
    return sum(int(cell.replace(".", "")) for cell in cells)


async def test_each_state_has_its_own_shape_or_colour_and_the_worst_lies_on_top(browser: Browser) -> None:
    async with the_map(browser) as page:
        marks = await page.evaluate(EACH_STATE)
        assert [state for state, *_ in marks] == ["n", "m", "c", "u", "3", "2", "1"]
        assert len({(shape, is_hollow) for _, shape, _, is_hollow in marks}) == len(marks)
        assert len({colour for state, _, colour, _ in marks if state in "123"}) == 3
        assert [state for state, *_, is_hollow in marks if is_hollow] == ["m", "c", "u"]


async def test_the_pointer_names_a_school_and_leads_to_its_page(browser: Browser) -> None:
    async with the_map(browser) as page:
        x, y = await page.evaluate(FIRST_SCHOOL)
        await page.mouse.move(x, y)
        await expect(page.locator("#view .tip")).to_have_text(re.compile(r"· P1$"))
        await expect(page.locator(".ward-map a:has(.school-ring)")).to_have_attribute(
            "href", re.compile("^/school/")
        )
        await page.mouse.move(2, 2)
        await expect(page.locator(".school-ring")).to_have_count(0)
        await page.mouse.move(x, y)
        await page.mouse.click(x, y)
        await page.wait_for_url(re.compile(r"/school/\w+$"))


async def test_an_earlier_minute_stays_in_the_links_of_the_map(browser: Browser) -> None:
    assert STORY is not None
    async with served_stories() as url, open_page(browser, url) as page:
        await page.goto(f"/stories/{STORY.name}?at=2026-11-23T09:05")
        await expect(page.locator(".school-mark").first).to_be_attached(timeout=PATIENCE_MS)
        x, y = await page.evaluate(FIRST_SCHOOL)
        await page.mouse.move(x, y)
        await page.mouse.move(x + 1, y)
        link = page.locator(".ward-map a:has(.school-ring)")
        await expect(link).to_have_attribute("href", re.compile(r"^/school/\w+\?at=2026-11-23T09(:|%3A)05"))


async def test_a_phone_and_an_old_picture_keep_what_they_were(browser: Browser) -> None:
    async with the_map(browser) as page:
        fresh = await page.evaluate(COLOURS)
        old = await page.evaluate(
            f"() => {{ document.documentElement.dataset.stale = 'stale'; return ({COLOURS})() }}"
        )
        assert fresh[0] == fresh[1] != old[0] == old[1]
        await set_size(page, 390, 844)
        await expect(page.locator(".school-mark")).to_have_count(0)
        figures = await page.locator(".ward-count").all_text_contents()
        assert sum(map(int, figures)) >= 600  # all schools again, not those without a place alone
