"""A notifier killed with −9 at each step of a send: nothing is lost, and one message at most comes twice."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contract.fleet import Fleet
from contract.routing.delivery import AttemptOutcome
from contract.routing.notice import NoticeFate
from storage.fleet import save_fleet
from tests.conftest import TestNats as RunningNats
from tests.outbox import NOW_US, Post, incident_of, notice_of, open_post, put_incidents, put_notices
from tests.running_system import PATIENCE_S, ROOT
from tests.webhook_receiver import open_receiver

NOTICES = 6
DOUBLED = {"claimed": 0, "sent": 1, "noted": 1}
"""How many messages come twice when the third visit of a point kills the only worker: what was sent and
not committed."""


@asynccontextmanager
async def notifier(
    post: Post, nats: RunningNats, failpoint: str = ""
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
