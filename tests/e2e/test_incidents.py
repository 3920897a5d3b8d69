"""The desk's pages of incidents in a real Chromium, behind the real owner of the alerts log."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from alerting.incidents.groups import Groups
from bus.codec import encode_transitions
from bus.log import LogReader
from contract.alert import Transition, TransitionKind
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import ALERTS_LOG, EntryKind
from contract.fleet import Fleet
from contract.live import NOTICE_SUBJECT, AlertChanged, NoticeTried
from contract.routing.delivery import AttemptOutcome, NoticeAttempt
from contract.rule import Rule
from storage.outbox import claim_notice, end_sent, open_outbox, write_attempt
from stream_processor.owners.alerts import AlertsOwner
from tests.alerts_owner import alerts_owner
from tests.browser_page import FIRST_SIZE, expect_accessible, expect_fitting, open_page, set_size, sizes_of
from tests.conftest import TestNats
from tests.dashboard_stage import Stage, acknowledged, open_stage, resolved
from tests.e2e.test_pages import PATIENCE_MS, Settings, settle, talking, whole_city
from tests.e2e.test_pages import settings as settings_of_the_city
from tests.unit.test_ops_dashboard_oncall import ROUTES

__all__ = ["settings_of_the_city", "whole_city"]
pytestmark = pytest.mark.browser
MINUTE_US = 60_000_000


@pytest.fixture
def settings(
    nats: TestNats,
    postgres_url: str,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> Settings:
    return nats, postgres_url, city, catalogue, calendar, rules


class Desk:
    """The owner of the alerts log, a step at a time."""

    def __init__(self, stage: Stage, owner: AlertsOwner, reader: LogReader) -> None:
        self._stage = stage
        self._owner = owner
        self._reader = reader

    async def open(self, *changes: AlertChanged) -> None:
        """Let partitions say that alerts opened, and a second pass."""
        said = [_opening(changed) for changed in changes]
        await self._append(EntryKind.TRANSITION, encode_transitions(said), said[0].detected_at_us)
        await self.pass_time(1)

    async def pass_time(self, seconds: int) -> None:
        """Let the log's time be so many seconds after the page's clock."""
        await self._append(EntryKind.TICK, b"", self._stage.now_us() + seconds * 1_000_000)
        await self.fold()

    async def fold(self) -> None:
        """Fold what is in the log and was not folded yet; there is something."""
        last = await self._stage.log.last_seq(ALERTS_LOG)
        while self._owner.seq < last:
            await self._owner.take(await self._reader.fetch(100, 30.0))

    async def _append(self, kind: EntryKind, payload: bytes, at_us: int) -> None:
        await self._stage.log.append(ALERTS_LOG, kind, payload, at_us=at_us)


def _opening(changed: AlertChanged) -> Transition:
    a = changed.alert
    return Transition(
        a.alert_id, TransitionKind.OPENED, a.rule, a.series, a.school_id, a.priority,
        a.opened_at_us, a.opened_at_us, a.detected_at_us, a.value, a.expected_low,
    )  # fmt: skip


async def desk_of(stage: Stage) -> Desk:
    owner = alerts_owner(stage.conn, stage.log, Groups(stage.fleet), stage.now_us, stage.live.publish)
    await owner.load()
    return Desk(stage, owner, await stage.log.reader(ALERTS_LOG, 0))


async def send_notices(stage: Stage, dsn: str) -> None:
    """Send what the outbox holds, as a notifier does, and tell it."""
    async with await open_outbox(dsn, "test") as conn:
        while True:
            async with conn.transaction():
                claim = await claim_notice(conn)
                if claim is None:
                    return
                key = claim.notice.notice_id
                attempt = NoticeAttempt(1, 0, "inbox", AttemptOutcome.SENT, "kept", "Title", "Body")
                await write_attempt(conn, key, attempt, channel=0, tries=1)
                await end_sent(conn, claim)
            tried = NoticeTried(key, claim.notice.incident_id, "sent")
            await stage.live.publish(NOTICE_SUBJECT, msgspec.json.encode(tried))


async def test_an_incident_opens_is_told_and_is_taken_by_keyboard_without_a_reload(
    settings: Settings, browser: Browser
) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        desk = await desk_of(stage)
        await settle(page, "/incidents?lang=en")
        lines = page.locator("tr.incident")
        await expect(page.locator("#incidents-none")).to_be_visible()
        changed = stage.opened(0)
        await desk.open(changed)
        await expect(lines).to_have_count(1)
        await expect(lines).to_contain_text("Nobody has it yet")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/incidents/{changed.alert.alert_id}")
        await page.evaluate("document.documentElement.dataset.loaded = 'once'")
        timeline, notices = page.locator("#timeline > li"), page.locator(".notices > li")
        await expect(timeline.last).to_contain_text("Began")
        await expect(page.locator("#said")).to_contain_text("WAN down")
        await desk.pass_time(60)
        await expect(page.locator("#timeline")).to_contain_text("Told inbox: it opened")
        await expect(notices).to_contain_text("Waiting")
        await send_notices(stage, settings[1])
        await expect(notices).to_contain_text("Sent")
        await expect(notices).to_contain_text("inbox · taken · kept")
        await page.keyboard.press("a")
        await page.keyboard.press("Enter")
        await expect(page.locator("#deed-result")).to_contain_text("waiting")
        await desk.fold()
        await expect(page.locator("#deed-result")).to_have_text("Lan has it")
        await expect(timeline.first).to_contain_text("Lan has it")
        await expect(page.locator("#said")).to_contain_text("Lan has it.")
        await expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
        assert await page.evaluate("document.documentElement.dataset.loaded") == "once"


async def test_an_incident_is_taken_from_its_line_and_the_list_says_what_came_of_it(
    settings: Settings, browser: Browser
) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        desk = await desk_of(stage)
        await settle(page, "/incidents?lang=en")
        await desk.open(stage.opened(0))
        line = page.locator("tr.incident")
        await expect(line).to_have_attribute("data-group", "open")
        await page.keyboard.press("j")
        await page.keyboard.press("a")
        await expect(page.locator("dialog [type=submit]")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#deed-result")).to_contain_text("waiting")
        await desk.fold()
        await expect(page.locator("#deed-result")).to_have_text("Lan has it")
        await expect(line).to_have_attribute("data-group", "acknowledged")
        await expect(page.locator(".incident-link")).to_be_focused()


async def test_a_choice_of_the_list_is_kept_renamed_and_deleted(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        desk = await desk_of(stage)
        await desk.open(stage.opened(0))
        await settle(page, "/incidents?lang=en&priority=1&sort=-since")
        views = page.locator("#views")
        await views.get_by_role("button", name="Keep this choice…").click()
        await page.get_by_role("textbox", name="Name").fill("Mine")
        await page.keyboard.press("Enter")
        own = views.locator("[aria-current]")
        await expect(own).to_have_text("Mine")
        await settle(page, "/incidents")
        await views.get_by_role("link", name="Mine").click()
        await page.wait_for_url("**/incidents?priority=1&sort=-since")
        await expect(own).to_have_text("Mine")
        await views.get_by_role("button", name="Rename…").click()
        await page.get_by_role("textbox", name="Name").fill("Urgent")
        await page.keyboard.press("Enter")
        await expect(own).to_have_text("Urgent")
        await views.get_by_role("button", name="Delete…").click()
        await page.locator("dialog [type=submit]").click()
        await expect(views.get_by_role("link")).to_have_count(0)
        await expect(views.get_by_role("button", name="Keep this choice…")).to_be_visible()


async def test_keys_can_be_turned_off_and_stay_so(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        desk = await desk_of(stage)
        changed = stage.opened(0)
        await desk.open(changed)
        await settle(page, f"/incidents/{changed.alert.alert_id}?lang=en")
        await expect(page.locator(".deeds kbd").first).to_be_visible()
        await page.locator(".keys-help summary").click()
        await page.get_by_label("Use keys of a single letter").uncheck()
        await settle(page, f"/incidents/{changed.alert.alert_id}")
        await expect(page.locator(".deeds .button").first).to_be_visible()
        await expect(page.locator(".deeds kbd").first).to_be_hidden()
        await page.keyboard.press("a")
        await expect(page.locator("dialog")).to_have_count(0)
        await page.locator(".keys-help summary").click()
        await page.get_by_label("Use keys of a single letter").check()
        await page.locator("#incident-name").click()
        await page.keyboard.press("a")
        await expect(page.locator("dialog")).to_have_count(1)


async def test_a_deed_that_cannot_be_says_why_where_it_was_done(settings: Settings, browser: Browser) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        desk = await desk_of(stage)
        changed = stage.opened(0)
        await desk.open(changed)
        await settle(page, f"/incidents/{changed.alert.alert_id}?lang=en")
        await page.get_by_role("button", name="End it").click()
        await page.locator("dialog [type=submit]").click()
        await expect(page.locator("dialog")).to_have_count(0)
        await desk.fold()
        result = page.locator("#deed-result")
        await expect(result).to_have_attribute("data-state", "refused")
        await expect(result).to_contain_text("the measurement says when it is over")


async def test_a_silence_is_seen_before_it_is_made_and_then_on_the_page(
    settings: Settings, browser: Browser
) -> None:
    async with open_stage(*settings) as stage, talking(stage), open_page(browser, stage.url) as page:
        desk = await desk_of(stage)
        changed = stage.opened(0)
        await desk.open(changed)
        await settle(page, f"/incidents/{changed.alert.alert_id}?lang=en")
        await expect(page.locator(".deeds .button").first).to_be_visible()
        await page.keyboard.press("s")
        dialog = page.locator("dialog")
        await expect(dialog.locator(".effect")).to_contain_text("It mutes 1 open alerts")
        await expect(dialog.locator(".matchers")).to_contain_text(f'school="{stage.fleet.schools[0].code}"')
        await dialog.locator("#action-note").fill("nhà mạng bảo trì")
        await dialog.locator("[type=submit]").click()
        await expect(dialog).to_have_count(0)
        await desk.fold()
        await expect(page.locator("#said")).to_contain_text("It is silenced")
        await settle(page, "/incidents?state=silenced")
        await expect(page.locator("tr.incident")).to_have_count(1)
        await page.locator("#filter-state").select_option("open")
        await expect(page.locator("#incidents-none")).to_be_visible()
        assert page.url.endswith("/incidents?state=open")


CARD = """
[[provider]]
name = "{}"
phone = "1800 1166"
contact = "Trung tâm điều hành mạng, trực 24/7"
contract = "12/HĐ-2026: 300 Mbit/s, khắc phục trong 4 giờ"
runbook = "https://intranet.example/su-co-duong-truyen"
"""


async def _fill(stage: Stage) -> Sequence[str]:
    """Write an outage, a school of its own that is taken, one that is over; return their ids."""
    isp = stage.fleet.schools[0].isp
    same = [i for i, s in enumerate(stage.fleet.schools) if s.isp == isp][:30]
    others = [i for i, s in enumerate(stage.fleet.schools) if s.isp != isp]
    longest = max(others, key=lambda i: len(stage.fleet.schools[i].name))
    outage = [stage.opened(i) for i in same]
    single = stage.opened(longest, "attendance_low", 2, value=0.4)
    over = stage.opened(others[0], "latency_high", 3)
    await stage.change(*outage, single, over)
    await stage.change(
        acknowledged(single, "Nguyễn Thị Hồng Nhung", stage.now_us()), resolved(over, stage.now_us())
    )
    return sorted(stage.incidents.kept)


async def _settled(page: Page, path: str) -> None:
    await settle(page, path)
    first = {"/incidents": "tr.incident", "/oncall": ".duty-days"}
    own = first.get(path.partition("?")[0], ".deeds .button")
    await expect(page.locator(own).first).to_be_visible(timeout=PATIENCE_MS)


async def test_an_incident_that_nobody_knows_is_said_in_a_sentence(
    settings: Settings, browser: Browser
) -> None:
    # The browser's console tells a 404.
    async with (
        open_stage(*settings) as stage,
        talking(stage),
        open_page(browser, stage.url, quiet=False) as page,
    ):
        await settle(page, "/incidents/ffffffffffffffff?lang=en")
        await expect(page.locator("#incident-missing")).to_contain_text("No incident has this id")


async def test_pages_of_the_desk_fit_and_are_accessible(
    settings_of_the_city: Settings, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "routes.toml").write_text(ROUTES, encoding="utf-8")
    isp = settings_of_the_city[2].schools[0].isp
    (tmp_path / "providers.toml").write_text(CARD.format(isp), encoding="utf-8")
    async with open_stage(*settings_of_the_city, own_config=tmp_path) as stage, talking(stage):
        ids, seen = await _fill(stage), 0
        async with open_page(browser, stage.url) as page:
            for language in FIRST_SIZE:
                paths = f"/oncall?lang={language}", "/incidents", *(f"/incidents/{one}" for one in ids)
                for path in paths:
                    await set_size(page, *FIRST_SIZE[language])
                    await _settled(page, path)
                    await _look(page, language)
                    seen += await page.get_by_role("link", name="1800 1166").count()
                for key in ("g", "s"):
                    await set_size(page, *FIRST_SIZE[language])
                    await page.keyboard.press(key)
                    await expect(page.locator("dialog")).to_be_visible()
                    await _look(page, language)
                    await page.keyboard.press("Escape")
            assert seen == len(FIRST_SIZE), "whom to call, on the page of the outage alone"


async def _look(page: Page, language: str) -> None:
    """Expect that a page, or a dialog on it, is accessible and fits at every size."""
    assert await page.evaluate("document.documentElement.lang") == language
    await expect_accessible(page)
    async for width in sizes_of(page, language):
        await expect_fitting(page, width)
