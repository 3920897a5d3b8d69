"""A notifier killed with −9 at each step of a send: nothing is lost, and one message at most comes twice."""

import asyncio
import signal
import sys
import time as clock
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, time
from pathlib import Path

import pytest

from config.files import load_configuration
from contract.figures.spans import SpanKind
from contract.fleet import Fleet
from contract.routing.delivery import AttemptOutcome
from contract.routing.notice import NoticeFate
from contract.routing.report import report_id_of
from storage.fleet import save_fleet
from storage.outbox import notice_records
from tests.conftest import TestNats as RunningNats
from tests.mailbox import open_mailbox
from tests.outbox import NOW_US, Post, incident_of, notice_of, open_post, put_incidents, put_notices
from tests.running_system import PATIENCE_S, ROOT, until
from tests.webhook_receiver import open_receiver

NOTICES = 6
DOUBLED = {"claimed": 0, "sent": 1, "noted": 1}
"""How many messages come twice when the third visit of a point kills the only worker: what was sent and
not committed."""


@asynccontextmanager
async def notifier(
    post: Post, nats: RunningNats, failpoint: str = "", **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `eduops notify` in a process of its own for the length of the block."""
    env = {
        "PATH": "/usr/bin:/bin",
        "EDUOPS_DATA": str(post.folder),
        "EDUOPS_DATABASE_URL": post.dsn,
        "EDUOPS_NATS_URL": nats.url,
        "EDUOPS_NATS_USER": nats.operator_user,
        "EDUOPS_NATS_PASSWORD": nats.operator_password,
        "EDUOPS_NOTIFY_WORKERS": "1",
        "EDUOPS_NOTIFY_LOOPBACK": "true",
        "EDUOPS_LOG_MAX_GIB": "0.01",
        "EDUOPS_FAILPOINT": failpoint,
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "eduops", "notify", env=env, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.parametrize("point", DOUBLED)
async def test_a_kill_at_each_step(
    nats: RunningNats, postgres_url: str, tmp_path: Path, city: Fleet, point: str
) -> None:
    async with open_post(nats, postgres_url, tmp_path, city) as post, open_receiver() as hook:
        await save_fleet(post.conn, city)
        post.routes(f'[[channel]]\nname = "ops"\nurl = "alertmanager+{hook.url}"\n')
        incidents = [incident_of(n, post.isp) for n in range(1, NOTICES + 1)]
        notices = [notice_of(incident, "ops", at_us=NOW_US + n) for n, incident in enumerate(incidents)]
        await put_incidents(post.conn, *incidents)
        await put_notices(post.conn, *notices)
        async with notifier(post, nats, f"{point}:kill:3") as killed, asyncio.timeout(PATIENCE_S):
            assert await killed.wait() == -signal.SIGKILL
        before = len(hook.tries)
        async with notifier(post, nats):
            for notice in notices:
                record = await post.until(notice, lambda r: r.fate is NoticeFate.SENT, "it is sent")
                assert [attempt.outcome for attempt in record.attempts] == [AttemptOutcome.SENT]
        times = Counter(key for key, _ in hook.tries)
        assert times.keys() == {notice.notice_id for notice in notices}
        assert sum(times.values()) - NOTICES == DOUBLED[point]
        assert max(times.values()) <= 2
        assert before == 2 + DOUBLED[point]


async def test_a_report_that_was_sent_and_not_noted_comes_once_more(
    nats: RunningNats, postgres_url: str, tmp_path: Path, city: Fleet
) -> None:
    friday_us = load_configuration(None).calendar.moment_us(date(2026, 11, 20), time(10))
    shown = {
        "EDUOPS_CLOCK_ORIGIN_US": str(friday_us),
        "EDUOPS_CLOCK_REAL_ORIGIN_US": str(clock.time_ns() // 1000),
    }
    report_id = report_id_of("morning", SpanKind.DAY, date(2026, 11, 19))
    async with open_post(nats, postgres_url, tmp_path, city) as post:
        with open_mailbox() as box:
            await save_fleet(post.conn, city)
            post.routes(
                f'[[channel]]\nname = "board"\nurl = "{box.url}"\n[[report]]\nname = "morning"\n'
                'span = "day"\nat = 07:30:00\ncontacts = ["board"]\n'
            )
            async with notifier(post, nats, "sent:kill:1", **shown) as killed, asyncio.timeout(PATIENCE_S):
                assert await killed.wait() == -signal.SIGKILL
            assert len(box.mails) == 1
            async with notifier(post, nats, **shown):

                async def is_sent() -> bool:
                    records = await notice_records(post.conn, [report_id])
                    return [one.fate for one in records] == [NoticeFate.SENT]

                await until(is_sent, "it is sent")
            assert len(box.mails) == 2
