"""Row 21: a webhook that answers 500, hangs or drips: others are told, none is lost, none comes twice."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from contract.fleet import Fleet
from contract.routing.notice import NoticeFate
from storage.fleet import save_fleet
from tests.conftest import TestNats as RunningNats
from tests.fault_table import Record
from tests.outbox import NOW_US, incident_of, notice_of, open_post, put_incidents, put_notices
from tests.webhook_receiver import HANG, REFUSED, TAKEN, open_receiver

NOTICES = 6
BAD_S = 25.0
"""So long it is bad: longer than two attempts, of which each takes at most 10 s."""
OTHERS_S = 15.0
"""By then others have it, also by their next channel: one attempt that hangs, and what sending takes."""
BAD = {
    "answers 500": (REFUSED, b"", 0.0),
    "hangs": (HANG, b"", 0.0),
    "drips": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.2),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", BAD)
async def test_what_waits_for_a_bad_webhook_is_told_once_it_is_well(
    nats: RunningNats, postgres_url: str, tmp_path: Path, city: Fleet, record: Record, how: str
) -> None:
    async with open_post(nats, postgres_url, tmp_path, city) as post, open_receiver() as hook:
        await save_fleet(post.conn, city)
        post.routes(
            f'[[channel]]\nname = "ops"\nurl = "alertmanager+{hook.url}"\n'
            '[[channel]]\nname = "crew"\nurl = "inbox://"\n'
            f'[[person]]\nname = "An"\nchannels = ["alertmanager+{hook.url}", "inbox://"]\n'
        )
        hook.answer, hook.endless, hook.pause_s = BAD[how]
        incidents = [incident_of(n, post.isp) for n in range(1, NOTICES + 1)]
        await put_incidents(post.conn, *incidents)
        ops, crew = (
            [notice_of(i, to, at_us=NOW_US + n) for n, i in enumerate(incidents)] for to in ("ops", "crew")
        )
        by_inbox = notice_of(incidents[0], "An", at_us=NOW_US)
        async with post.notifier():
            began_s = time.monotonic()
            await put_notices(post.conn, *ops, *crew, by_inbox)
            for one in (*crew, by_inbox):
                await post.until(one, lambda r: r.fate is NoticeFate.SENT, "others are told")
            others_s = time.monotonic() - began_s
            for one in ops:
                await post.until(one, lambda r: r.unreachable_at_us is not None, "the log is told")
            await asyncio.sleep(max(0.0, BAD_S - (time.monotonic() - began_s)))
            tried = len(hook.tries)
            hook.answer, hook.endless = TAKEN, b""
            for one in ops:
                await post.until(one, lambda r: r.fate is NoticeFate.SENT, "it is sent")
            took_s = time.monotonic() - began_s - BAD_S
        answers = [answer.notice_id for answer in await post.answers()]
    assert others_s < OTHERS_S
    taken = Counter(key for key, _ in hook.tries[tried:])
    assert taken == dict.fromkeys((notice.notice_id for notice in ops), 1)
    assert sorted(answers) == sorted(taken), "the escalation of each went on, once"
    record(21, f"a webhook that {how}", None, took_s, f"others had theirs after {others_s:.1f} s; none lost")
