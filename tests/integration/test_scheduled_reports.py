"""Reports that come by themselves, at a real outbox and mail server: once, and seen where they fail."""

import asyncio
import time as clock
from collections.abc import AsyncIterator, Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from typer.testing import CliRunner

from config.files import load_configuration
from config.inbox import kept_messages
from config.routing import follow_routing
from contract.access.area import Area
from contract.access.permission import Role
from contract.clock import LogClock
from contract.commit import Commit
from contract.entry import ALERTS_LOG
from contract.figures.spans import SpanKind
from contract.figures.sums import COLUMNS, DayPart, FigureRow, FigureSums, GroupKind
from contract.fleet import Fleet
from contract.routing.delivery import AttemptOutcome, NoticeRecord
from contract.routing.notice import NoticeFate, NoticeReason
from contract.routing.report import ScheduledReport, report_id_of
from contract.routing.swap import Swap
from contract.texts import Language
from eduops.cli import app
from eduops.settings import load_settings
from eduops.verbs.reporting.lost import lost_findings
from notifier.reports import WAIT_US, ReportClock
from storage.database import connect
from storage.figures.rows import keep_day
from storage.fleet import save_fleet
from storage.outbox import notice_records
from storage.people.users import add_user
from storage.results import commit
from tests.conftest import TestNats
from tests.mailbox import Mailbox, attached_to, open_mailbox, text_of
from tests.outbox import Post, incident_of, notice_of, open_post, put_incidents, put_notices
from tests.running_system import until

THURSDAY, FRIDAY = date(2026, 11, 19), date(2026, 11, 20)
CALENDAR = load_configuration(None).calendar
MORNING_US = CALENDAR.moment_us(FRIDAY, time(9))
"""A school day, after the time of day of its report."""
OVER_US = CALENDAR.moment_us(THURSDAY + timedelta(1), time())
THURSDAYS = report_id_of("each morning", SpanKind.DAY, THURSDAY)


@pytest.fixture
async def post(nats: TestNats, postgres_url: str, tmp_path: Path, city: Fleet) -> AsyncIterator[Post]:
    async with open_post(nats, postgres_url, tmp_path, city) as opened:
        await save_fleet(opened.conn, city)
        opened.clock = LogClock(MORNING_US, clock.time_ns() // 1000)
        yield opened


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with open_mailbox() as box:
        yield box


def ordered(*urls: str, more: str = 'formats = ["pdf", "csv"]') -> str:
    """Return routes with a report each morning to one reader an address: r1, r2 …"""
    names = [f"r{n}" for n in range(1, len(urls) + 1)]
    readers = "".join(
        f'[[channel]]\nname = "{name}"\nurl = "{url}"\nlanguage = "en"\n'
        for name, url in zip(names, urls, strict=True)
    )
    return (
        f'{readers}[[report]]\nname = "each morning"\nspan = "day"\nat = 07:30:00\n'
        f"contacts = {names}\n{more}\n"
    )


async def keep_figures_of_thursday(post: Post, through_us: int = OVER_US) -> None:
    sums = FigureSums(**dict.fromkeys(COLUMNS, 400.0))
    groups = [(GroupKind.CITY, ""), *((GroupKind.CLUSTER, c.code) for c in post.fleet.clusters)]
    rows = [
        FigureRow(THURSDAY, part, kind, "", member, through_us, sums, ())
        for kind, member in groups
        for part in (DayPart.MORNING, DayPart.AFTERNOON)
    ]
    await keep_day(post.conn, THURSDAY, rows, MORNING_US, through_us)


async def records(post: Post) -> list[NoticeRecord]:
    return await notice_records(post.conn, [THURSDAYS])


async def wait_for(post: Post, fates: list[NoticeFate], what: str) -> list[NoticeRecord]:
    """Return what became of the notices of the report as soon as these are their fates."""
    found: list[NoticeRecord] = []

    async def holds() -> bool:
        found[:] = await records(post)
        return sorted(one.fate for one in found) == sorted(fates)

    await until(holds, what, seen=lambda: found)
    return found


def clock_of(post: Post, at_us: int) -> ReportClock:
    return ReportClock(post.dsn, follow_routing(post.folder / "config"), CALENDAR, lambda: at_us)


ROTA = (
    "".join(f'[[person]]\nname = "{name}"\nchannels = ["inbox://"]\n' for name in ("An", "Chi"))
    + '[[rota]]\nname = "crew"\n[[rota.layer]]\npeople = ["An"]\nhandover = 2026-11-02T08:00:00\n'
    + 'period = "7d"\n[[report]]\nname = "each morning"\nspan = "day"\nat = 07:30:00\n'
    + 'contacts = ["crew"]\nformats = ["pdf"]\n'
)


async def test_a_report_for_a_rota_goes_to_whoever_swapped_in(post: Post) -> None:
    post.routes(ROTA)
    await keep_figures_of_thursday(post)
    swap = Swap("a", "crew", "Chi", MORNING_US - 1, MORNING_US + WAIT_US, "Lan", "ốm", MORNING_US - 1)
    await commit(post.conn, Commit(ALERTS_LOG, 0, 1, MORNING_US, swaps=(swap,)))
    await clock_of(post, MORNING_US).look(post.conn)
    assert [one.notice.to for one in await records(post)] == ["Chi"]


async def test_a_report_comes_by_mail_with_the_files_of_the_verb(post: Post, mailbox: Mailbox) -> None:
    post.routes(ordered(mailbox.url))
    await keep_figures_of_thursday(post)
    async with post.notifier():
        (record,) = await wait_for(post, [NoticeFate.SENT], "it is sent")
    (mail,) = mailbox.mails
    files = attached_to(mail)
    assert list(files) == ["eduops-day-2026-11-19.pdf", "eduops-day-2026-11-19.csv"]
    assert files["eduops-day-2026-11-19.pdf"].startswith(b"%PDF-")
    assert mail["subject"] == record.attempts[0].title == "Day report, Thursday 19 Nov 2026"
    assert text_of(mail)[-1] == "http://wall.example/kpi?span=day&day=2026-11-19"
    assert (record.notice.reason, record.notice.route) == (NoticeReason.REPORT, "each morning")
    out = post.folder / "by-hand.csv"
    words = ["report", "day", "--csv", "--lang", "en", "--day", "2026-11-19", "--out", str(out)]
    env = {"EDUOPS_DATABASE_URL": post.dsn, "EDUOPS_NATS_URL": "nats://127.0.0.1:1"}
    by_hand = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--data", str(post.folder)], env=env)
    assert by_hand.exit_code == 0, by_hand.output
    assert files["eduops-day-2026-11-19.csv"] == out.read_bytes()


async def test_two_notifiers_and_one_that_comes_back_enter_it_once(post: Post) -> None:
    post.routes(ordered("inbox://", "inbox://"))
    await keep_figures_of_thursday(post)
    async with await connect(post.dsn) as other:
        clocks = [clock_of(post, MORNING_US) for _ in range(3)]
        await asyncio.gather(clocks[0].look(post.conn), clocks[1].look(other))
        await clocks[2].look(other)
    assert [one.notice.to for one in await records(post)] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("at", "is_due"),
    [(time(7, 29), False), (time(7, 30), True), (time(23, 59), True)],
    ids=["before", "at its time", "late on the same day"],
)
async def test_it_is_due_until_the_end_of_its_day(post: Post, at: time, is_due: bool) -> None:
    post.routes(ordered("inbox://"))
    await keep_figures_of_thursday(post)
    await clock_of(post, CALENDAR.moment_us(FRIDAY, at)).look(post.conn)
    assert len(await records(post)) == is_due
    await clock_of(post, CALENDAR.moment_us(FRIDAY + timedelta(1), time(0, 1))).look(post.conn)
    assert len(await records(post)) == is_due, "what nobody could send on its day is not sent on the next"


async def test_it_waits_for_the_figures_of_its_last_session_for_two_hours(post: Post) -> None:
    post.routes(ordered("inbox://"))
    due_us = CALENDAR.moment_us(FRIDAY, time(7, 30))
    await keep_figures_of_thursday(post, CALENDAR.moment_us(THURSDAY, time(15)))
    await clock_of(post, due_us + WAIT_US - 1).look(post.conn)
    assert await records(post) == []
    await clock_of(post, due_us + WAIT_US).look(post.conn)
    assert len(await records(post)) == 1


async def test_a_mail_server_that_is_away_is_tried_again(post: Post, mailbox: Mailbox) -> None:
    mailbox.answer = "451 try again later"
    post.routes(ordered(mailbox.url, more=""))
    await keep_figures_of_thursday(post)
    async with post.notifier():
        await until(lambda: mailbox.tries > 3, "it is tried again and again", seen=lambda: mailbox.tries)
        assert await post.answers() == [], "it is no incident: the alerts log does not hear of it"
        mailbox.answer = "250 OK"
        await wait_for(post, [NoticeFate.SENT], "it is sent")
    assert len(mailbox.mails) == 1


async def test_who_gets_none_is_named_to_the_first_route_and_by_the_doctor(post: Post) -> None:
    post.routes(ordered("nothing://x", "inbox://", more=""))
    await keep_figures_of_thursday(post)
    async with post.notifier():
        found = await wait_for(
            post, [NoticeFate.GIVEN_UP, NoticeFate.SENT, NoticeFate.SENT], "the loss is told"
        )
    lost = next(one.notice for one in found if one.notice.reason is NoticeReason.REPORT_LOST)
    told = next(m for m in kept_messages(post.folder / "inbox", 10) if m.key == lost.notice_id)
    assert (told.to, told.title) == ("nobody", "Báo cáo không tới nơi: each morning, 19/11/2026")
    assert "r1 (nothing): no channel of the kind nothing://" in told.body
    settings = load_settings(
        None,
        {
            "data": post.folder,
            "database_url": post.dsn,
            "clock_origin_us": MORNING_US,
            "clock_real_origin_us": clock.time_ns() // 1000,
        },
    )
    ((still, sentence),) = await lost_findings(settings)
    assert not still
    assert sentence.startswith(
        "the report each morning up to 2026-11-19 did not reach r1 (nothing: no channel"
    )


async def test_an_account_that_sees_a_part_gets_none_and_the_first_route_hears_of_it(
    post: Post, mailbox: Mailbox
) -> None:
    await add_user(post.conn, "mai", Role.LEADER, Area(clusters=(post.fleet.clusters[0].code,)), post.fleet)
    person = f'[[person]]\nname = "Mai"\nuser = "mai"\nchannels = ["{mailbox.url}"]\n'
    post.routes(person + ordered("inbox://").replace("['r1']", '["Mai", "r1"]'))
    await keep_figures_of_thursday(post)
    async with post.notifier():
        found = await wait_for(
            post, [NoticeFate.GIVEN_UP, NoticeFate.SENT, NoticeFate.SENT], "one is withheld, which is told"
        )
    (withheld,) = (one for one in found if one.notice.to == "Mai")
    assert withheld.attempts[0].answer == "the account mai may not see the figures of the whole city"
    assert mailbox.mails == []


async def test_one_that_cannot_be_made_is_tried_again_and_holds_nothing_else_up(
    post: Post, mailbox: Mailbox
) -> None:
    async def broken(conn: Any, report: ScheduledReport, language: Language) -> NoReturn:
        await conn.execute("select from nowhere")
        raise AssertionError

    post.workers = 1
    post.routes(ordered(mailbox.url))
    await keep_figures_of_thursday(post)
    async with post.notifier(broken):
        await until(lambda: _is_tried(post), "it is tried")
        incident = incident_of(1, post.isp)
        await put_incidents(post.conn, incident)
        await put_notices(post.conn, notice := notice_of(incident, "r1"))
        await post.until(notice, lambda r: r.fate is NoticeFate.SENT, "the notice is sent all the same")
    (record,) = await records(post)
    assert record.fate is NoticeFate.WAITING
    assert record.next_try_at_us > record.attempts[0].at_us + 50_000_000
    assert [(a.outcome, a.answer) for a in record.attempts] == [
        (AttemptOutcome.FAILED, "the report could not be made: UndefinedTable")
    ]


async def _is_tried(post: Post) -> bool:
    return any(one.attempts for one in await records(post))
