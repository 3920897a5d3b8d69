"""Who was told of an incident, and the inbox, over HTTP and live."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from config.inbox import InboxMessage, keep_message, kept_messages
from contract.incident import Cause, CauseKind
from contract.live import NOTICE_SUBJECT, NoticeTried
from contract.routing.delivery import AttemptOutcome, NoticeAttempt
from contract.routing.notice import NoticeReason
from storage.outbox import claim_notice, end_sent, open_outbox, put_off, write_attempt
from tests.dashboard_stage import Stage
from tests.outbox import incident_of, notice_of, put_incidents, put_notices


@pytest.fixture
def stage_settings(tmp_path: Path) -> dict[str, Any]:
    return {"inbox": tmp_path / "inbox"}


def message(n: int, to: str = "An") -> InboxMessage:
    return InboxMessage(f"key{n}", to, n, 1, f"Title {n}", "Body\nhttp://wall.example/", "")


async def test_the_fate_of_each_notice_and_no_address(
    stage: Stage, client: httpx.AsyncClient, postgres_url: str
) -> None:
    incident = incident_of(1, Cause(CauseKind.CITY))
    await put_incidents(stage.conn, incident)
    first, second = (
        notice_of(incident, "An"),
        notice_of(incident, "Bình", NoticeReason.DIGEST, incidents=("x",)),
    )
    await put_notices(stage.conn, first, second)
    async with await open_outbox(postgres_url, "test") as conn:
        for outcome in (AttemptOutcome.FAILED, AttemptOutcome.SENT):
            async with conn.transaction():
                claim = await claim_notice(conn)
                assert claim is not None
                attempt = NoticeAttempt(claim.attempts + 1, 0, "tgram", outcome, "it answered 500", "T", "B")
                await write_attempt(conn, claim.notice.notice_id, attempt, channel=0, tries=1)
                if outcome is AttemptOutcome.SENT:
                    await end_sent(conn, claim)
                else:
                    await put_off(conn, claim, 0.0, unreachable=True)
    answer = await client.get(f"/api/incidents/{incident.incident_id}/notices?lang=en")
    told = {notice["to"]: notice for notice in answer.json()["notices"]}
    assert told.keys() == {"An", "Bình"}
    sent = next(notice for notice in told.values() if notice["fate"] == "sent")
    assert sent["fate_words"] == "Sent"
    assert [(a["number"], a["channel"], a["outcome"]) for a in sent["attempts"]][-1][1:] == ("tgram", "sent")
    assert "://" not in answer.text
    assert (await client.get("/api/incidents/ffffffffffffffff/notices")).status_code == 404


async def test_the_inbox_is_newest_first_and_told_live(
    stage: Stage, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    assert (await client.get("/api/inbox")).json() == {"messages": []}
    for n in range(3):
        assert keep_message(tmp_path / "inbox", message(n))
    assert not keep_message(tmp_path / "inbox", message(1, "somebody else"))
    (tmp_path / "inbox" / "broken.json").write_text("{")
    found = (await client.get("/api/inbox")).json()["messages"]
    assert [one["key"] for one in found] == ["key2", "key1", "key0"]
    assert {one["to"] for one in found} == {"An"}
    address = stage.url.replace("http", "ws") + "/ws/live?alerts=1"
    async with (
        connect(address, additional_headers=stage.headers, origin=Origin(stage.url)) as socket,
        asyncio.timeout(60),
    ):
        await socket.recv()
        tried = NoticeTried("key9", "0000000000000001", "sent")
        await stage.live.publish(NOTICE_SUBJECT, msgspec.json.encode(tried))
        while msgspec.json.decode(await socket.recv()) != msgspec.to_builtins(tried):
            pass


def test_the_inbox_keeps_the_last_messages(tmp_path: Path) -> None:
    for n in range(8):
        keep_message(tmp_path, message(n), most=5)
    assert kept_messages(tmp_path, 100) == [message(n) for n in (7, 6, 5, 4, 3)]
