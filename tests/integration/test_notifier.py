"""The notifier at a real outbox: whom it tells, how often it tries, and what it writes down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from config.inbox import kept_messages
from contract.fleet import Fleet
from contract.incident import Incident
from contract.live import NOTICE_SUBJECT, NoticeTried
from contract.routing.delivery import AttemptOutcome
from contract.routing.notice import NoticeFate, NoticeReason
from contract.service.metrics import SERVICE_METRICS
from eduops.cli import app
from notifier.ways import TRIES
from storage.fleet import save_fleet
from tests.conftest import TestNats
from tests.outbox import (
    MINUTE_US,
    NOW_US,
    Post,
    incident_of,
    notice_of,
    open_post,
    put_incidents,
    put_notices,
    resolved,
)
from tests.webhook_receiver import REFUSED, TAKEN, Receiver, open_receiver

BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1200\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def post(nats: TestNats, postgres_url: str, tmp_path: Path, city: Fleet) -> AsyncIterator[Post]:
    async with open_post(nats, postgres_url, tmp_path, city) as opened:
        yield opened


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with open_receiver() as receiver:
        yield receiver


def channel(name: str, url: str) -> str:
    return f'[[channel]]\nname = "{name}"\nurl = "{url}"\nlanguage = "en"\n'


def hooked(name: str, receiver: Receiver) -> str:
    return channel(name, f"alertmanager+{receiver.url}")


async def opened(post: Post, number: int = 1, **more: object) -> Incident:
    incident = incident_of(number, post.isp, **more)
    await put_incidents(post.conn, incident)
    return incident


def counted(post: Post, name: str, *labels: str) -> float:
    metric = next(m for m in SERVICE_METRICS if m.name == name)
    return dict(post.meter.values(metric)).get(labels, 0.0)


async def test_a_notice_is_sent_once_and_its_answer_kept(post: Post, hook: Receiver) -> None:
    post.routes(hooked("ops", hook))
    notice = notice_of(await opened(post), "ops")
    async with post.live.subscribe(NOTICE_SUBJECT) as events, post.notifier():
        await put_notices(post.conn, notice)
        record = await post.until(notice, lambda r: r.fate is NoticeFate.SENT, "it is sent")
        async with asyncio.timeout(60):
            _, told = await anext(aiter(events))
    assert msgspec.json.decode(told, type=NoticeTried).fate == "sent"
    (attempt,) = record.attempts
    assert (attempt.channel, attempt.outcome, attempt.number) == ("alertmanager+http", AttemptOutcome.SENT, 1)
    assert attempt.title == "P1 New incident: FPT · Sài Gòn · 12 schools · WAN down"
    ((key, body),) = hook.tries
    assert key == notice.notice_id
    assert (body["version"], body["status"], body["receiver"]) == ("4", "firing", "ops")
    assert body["alerts"][0]["fingerprint"] == notice.incident_id
    assert counted(post, "eduops_notifier_attempts_total", "alertmanager+http", "sent") == 1
    assert counted(post, "eduops_notifier_notices_total", "sent") == 1


async def test_a_refusal_goes_to_the_next_channel_at_once(post: Post, hook: Receiver) -> None:
    hook.answer = BAD
    person = f'[[person]]\nname = "An"\nchannels = ["alertmanager+{hook.url}", "inbox://"]\n'
    post.routes(person)
    notice = notice_of(await opened(post), "An")
    async with post.notifier():
        await put_notices(post.conn, notice)
        record = await post.until(notice, lambda r: r.fate is NoticeFate.SENT, "it is sent")
    assert [(a.channel, a.outcome.value, a.answer) for a in record.attempts] == [
        ("alertmanager+http", "refused", "it answered 400"),
        ("inbox", "sent", ""),
    ]
    (kept,) = kept_messages(post.folder / "inbox", 10)
    assert (kept.key, kept.to, kept.title) == (
        notice.notice_id,
        "An",
        "P1 Sự cố mới: FPT · Sài Gòn · 12 trường · Mất kết nối WAN",
    )
    assert kept.body.endswith(f"http://wall.example/incidents/{notice.incident_id}")


async def test_what_may_pass_is_tried_again_and_then_the_next_channel(post: Post, hook: Receiver) -> None:
    hook.answer = REFUSED
    post.routes(f'[[person]]\nname = "An"\nchannels = ["alertmanager+{hook.url}", "inbox://"]\n')
    notice = notice_of(await opened(post), "An")
    async with post.notifier():
        await put_notices(post.conn, notice)
        record = await post.until(notice, lambda r: r.fate is NoticeFate.SENT, "it is sent")
    assert [a.outcome.value for a in record.attempts] == ["failed"] * TRIES + ["sent"]
    assert {key for key, _ in hook.tries} == {notice.notice_id}
    assert await post.answers() == []


async def test_retry_after_is_heeded(post: Post, hook: Receiver) -> None:
    hook.answer = TOO_MANY
    post.routes(hooked("ops", hook))
    notice = notice_of(await opened(post), "ops")
    async with post.notifier():
        await put_notices(post.conn, notice)
        record = await post.until(notice, lambda r: r.unreachable_at_us is not None, "the escalation goes on")
        other = notice_of(await opened(post, 2), "ops")
        await put_notices(post.conn, other)
        waits = await post.until(other, lambda r: r.next_try_at_us > r.made_at_us + MINUTE_US, "it waits too")
    assert record.next_try_at_us - record.attempts[0].at_us > 1_190_000_000
    assert len(hook.tries) == 1
    assert waits.attempts == ()


async def test_a_long_retry_after_goes_to_the_next_channel_at_once(post: Post, hook: Receiver) -> None:
    hook.answer = TOO_MANY
    post.routes(f'[[person]]\nname = "An"\nchannels = ["alertmanager+{hook.url}", "inbox://"]\n')
    notice = notice_of(await opened(post), "An")
    async with post.notifier():
        await put_notices(post.conn, notice)
        record = await post.until(notice, lambda r: r.fate is NoticeFate.SENT, "it is sent")
    assert [(a.channel, a.outcome.value) for a in record.attempts] == [
        ("alertmanager+http", "failed"),
        ("inbox", "sent"),
    ]
    assert record.attempts[1].at_us - record.attempts[0].at_us < 10_000_000
    assert await post.answers() == []


async def test_a_contact_whom_no_channel_reaches_is_given_up_and_the_log_told_once(
    post: Post, hook: Receiver
) -> None:
    hook.answer = BAD
    post.routes(hooked("ops", hook))
    notice, lost = notice_of(await opened(post), "ops"), notice_of(1, "somebody who left")
    async with post.notifier():
        await put_notices(post.conn, notice, lost)
        for one in (notice, lost):
            await post.until(one, lambda r: r.fate is NoticeFate.GIVEN_UP, "it is given up")
    told = sorted((a.notice_id, a.incident_id, a.to) for a in await post.answers())
    assert told == sorted((n.notice_id, n.incident_id, n.to) for n in (notice, lost))
    (attempt,) = (await post.record(lost)).attempts
    assert (attempt.channel, attempt.outcome) == ("", AttemptOutcome.REFUSED)


async def test_after_an_outage_the_newest_of_priority_1_is_first_and_what_is_over_is_said_once(
    post: Post, hook: Receiver
) -> None:
    post.workers, hook.answer = 1, REFUSED
    post.routes(hooked("ops", hook))
    minor = notice_of(await opened(post, 1, worst_priority=3), "ops", priority=3, at_us=NOW_US + 5)
    early = notice_of(await opened(post, 2), "ops", at_us=NOW_US + 1)
    late = notice_of(await opened(post, 3), "ops", at_us=NOW_US + 2)
    over = await opened(post, 4)
    first = notice_of(over, "ops", at_us=NOW_US)
    async with post.notifier():
        await put_notices(post.conn, minor, early, late, first)
        for one in (minor, early, late, first):
            await post.until(one, lambda r: r.unreachable_at_us is not None, "the log is told")
        await put_incidents(post.conn, resolved(over))
        end = notice_of(over, "ops", NoticeReason.RESOLVED, at_us=NOW_US + 20 * MINUTE_US)
        await put_notices(post.conn, end)
        hook.tries.clear()
        hook.answer = TAKEN
        for one in (minor, early, late, end):
            await post.until(one, lambda r: r.fate is NoticeFate.SENT, "it is sent")
    tried, order = [key for key, _ in hook.tries], [n.notice_id for n in (end, late, early, minor)]
    under_way = tried[0]  # one of the others may be, in the moment in which the channel answers again
    assert tried == order or tried[1:] == [key for key in order if key != under_way]
    said = hook.tries[tried.index(end.notice_id)][1]["commonAnnotations"]
    assert said["summary"].startswith("P1 Resolved: FPT")
    assert "Opened 09:12, resolved 09:32 (20 min)" in said["description"]
    assert "Earlier messages about it could not be sent." in said["description"]
    record = await post.record(first)
    assert (record.fate, record.said_with) == (NoticeFate.SAID_WITH, end.notice_id)
    told = [a.notice_id for a in await post.answers()]
    assert sorted(set(told)) == sorted(told)
    assert {n.notice_id for n in (minor, early, late, first)} <= set(told)


@pytest.mark.parametrize("came_late", [True, False])
async def test_a_reminder_right_after_a_late_message_says_nothing_new(
    post: Post, hook: Receiver, came_late: bool
) -> None:
    post.routes(hooked("ops", hook))
    incident = await opened(post)
    first = notice_of(incident, "ops")
    again = notice_of(incident, "ops", NoticeReason.REPEAT_INTERVAL, at_us=NOW_US + MINUTE_US)
    async with post.notifier():
        await put_notices(post.conn, first)
        await post.until(first, lambda r: r.fate is NoticeFate.SENT, "the first is sent")
        columns = ("made_at",) if came_late else ("made_at", "over_at")
        for column in columns:
            await post.conn.execute(f"update notice set {column} = {column} - interval '1 hour'")
        await put_notices(post.conn, again)
        record = await post.until(again, lambda r: r.fate is not NoticeFate.WAITING, "it has a fate")
    fate, said_with = (NoticeFate.SAID_WITH, first.notice_id) if came_late else (NoticeFate.SENT, "")
    assert (record.fate, record.said_with) == (fate, said_with)


async def test_two_notifiers_send_each_notice_once(post: Post, hook: Receiver) -> None:
    post.routes(hooked("ops", hook) + hooked("crew", hook))
    incidents = [await opened(post, n) for n in range(1, 31)]
    notices = [notice_of(i, to, at_us=NOW_US + n) for n, i in enumerate(incidents) for to in ("ops", "crew")]
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(post.notifier())
        await put_notices(post.conn, *notices)
        for one in notices:
            await post.until(one, lambda r: r.fate is NoticeFate.SENT, "it is sent")
    assert sorted(key for key, _ in hook.tries) == sorted(n.notice_id for n in notices)


async def test_a_lost_database_is_come_back_to(post: Post, hook: Receiver) -> None:
    post.routes(hooked("ops", hook))
    incident = await opened(post)
    async with post.notifier():
        await put_notices(post.conn, first := notice_of(incident, "ops"))
        await post.until(first, lambda r: r.fate is NoticeFate.SENT, "it is sent")
        await post.conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        second = notice_of(incident, "ops", NoticeReason.NEXT_STEP, at_us=NOW_US + 1)
        await put_notices(post.conn, second)
        await post.until(second, lambda r: r.fate is NoticeFate.SENT, "it is sent")


async def test_changed_routes_are_taken_up_and_wrong_ones_are_not(
    post: Post, hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    post.routes(channel("ops", "inbox://"))
    incident = await opened(post)
    async with post.notifier():
        post.routes(hooked("ops", hook))
        await put_notices(post.conn, first := notice_of(incident, "ops"))
        await post.until(first, lambda r: r.fate is NoticeFate.SENT, "it is sent")
        post.routes('[[channel]]\nname = "ops"\n')
        second = notice_of(incident, "ops", NoticeReason.NEXT_STEP, at_us=NOW_US + 1)
        await put_notices(post.conn, second)
        await post.until(second, lambda r: r.fate is NoticeFate.SENT, "it is sent")
    assert len(hook.tries) == 2
    assert "event=routes_refused" in caplog.text


async def test_a_digest_is_one_message_about_several_incidents(post: Post, hook: Receiver) -> None:
    post.routes(hooked("ops", hook))
    found = [await opened(post, n) for n in (1, 2, 3)]
    digest = notice_of(found[0], "ops", NoticeReason.DIGEST, incidents=tuple(i.incident_id for i in found))
    async with post.notifier():
        await put_notices(post.conn, digest, alone := notice_of(found[0], "ops"))
        for one in (digest, alone):
            await post.until(one, lambda r: r.fate is NoticeFate.SENT, "it is sent")
    body = dict(hook.tries)[digest.notice_id]
    assert [a["fingerprint"] for a in body["alerts"]] == [i.incident_id for i in found]
    assert body["commonAnnotations"]["summary"] == "Incidents in short: 3 (3 P1)"


async def test_a_trial_message_goes_through_every_channel(
    post: Post, hook: Receiver, nats: TestNats, city: Fleet
) -> None:
    await save_fleet(post.conn, city)
    post.routes(
        f'[[person]]\nname = "An"\nchannels = ["inbox://", "alertmanager+{hook.url}", "nothing://x"]\n'
    )
    settings = {
        "EDUOPS_DATABASE_URL": post.dsn,
        "EDUOPS_NATS_URL": nats.url,
        "EDUOPS_NATS_USER": nats.operator_user,
        "EDUOPS_NATS_PASSWORD": nats.operator_password,
        "EDUOPS_NOTIFY_LOOPBACK": "true",
    }
    words = ["notify", "test", "An", "--data", str(post.folder)]
    async with post.live.subscribe(NOTICE_SUBJECT) as events:
        result = await asyncio.to_thread(CliRunner().invoke, app, words, env=settings)
        async with asyncio.timeout(60):
            await anext(aiter(events))
    assert result.output.splitlines() == [
        "An (inbox): sent",
        "An (alertmanager+http): sent",
        "An (nothing): refused: no channel of the kind nothing:// is written like this (docs of Apprise)",
    ]
    assert result.exit_code == 1
    (kept,) = kept_messages(post.folder / "inbox", 10)
    assert (kept.title, kept.priority) == ("Tin thử", 0)
    ((key, body),) = hook.tries
    assert (key, body["status"]) == (kept.key, "resolved")
    stranger = await asyncio.to_thread(
        CliRunner().invoke, app, [*words[:2], "Bình", *words[3:]], env=settings
    )
    assert "no contact 'Bình'" in str(stranger.exception)
