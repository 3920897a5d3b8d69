"""Swaps of duty in real tables: by any owner, in any stretches, told twice or not; by command, and shown."""

import asyncio
import json
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from bus.codec import encode_swap_word
from bus.jetstream import JetStreamLog
from contract.entry import ALERTS_LOG, EntryKind
from contract.live import SWAP_SUBJECT
from contract.routing.swap import Swap, SwapEnded, SwapSet
from eduops.cli import app
from storage.database import connect
from storage.duty.swaps import swaps_since
from storage.people.audit import AuditChoice, read_audit
from tests.alerts_owner import fold_by_turns, fold_to_end
from tests.conftest import TestNats
from tests.incident_log import GROUPS, MINUTE_US, LogEntry, folded
from tests.unit.test_eduops_routes import OWN

T0 = 1_795_399_200_000_000


def an_hour() -> list[LogEntry]:
    """Return a log: three swaps, of which one ends by itself and one is ended, each said twice."""
    made = [
        LogEntry(at_us, SwapSet(Swap(name, "crew", "An", at_us, at_us + n * MINUTE_US, "Lan", "", at_us)))
        for name, at_us, n in (("a", T0, 2), ("b", T0 + 1, 60), ("c", T0 + 2, 90))
    ]
    end_us = T0 + 5 * MINUTE_US
    words = [*made, LogEntry(end_us, SwapEnded("b", "Minh", end_us))]
    return [*words, *(word._replace(at_us=end_us + 1) for word in words), LogEntry(end_us + MINUTE_US)]


async def fold_in(
    dsn: str, entries: Sequence[LogEntry], batch: int
) -> tuple[dict[str, Swap], dict[str, Swap]]:
    """Own the log to its end, a new owner for each batch; return what is stored, and what is published."""
    said = [
        (EntryKind.SWAP, encode_swap_word(word), at_us)
        if isinstance(word, SwapSet | SwapEnded)
        else (EntryKind.TICK, b"", at_us)
        for at_us, word in entries
    ]
    async with await connect(dsn) as conn:
        published = await fold_by_turns(conn, GROUPS, said, batch)
        stored = await swaps_since(conn, 0)
    assert {subject for subject, _ in published} == {SWAP_SUBJECT}
    heard = [msgspec.msgpack.decode(payload, type=Swap) for _, payload in published]
    return {one.swap_id: one for one in stored}, {one.swap_id: one for one in heard}


@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_owners_one_after_the_other_write_what_one_alone_does(postgres_url: str, batch: int) -> None:
    entries = an_hour()
    stored, heard = await fold_in(postgres_url, entries, batch)
    assert stored == heard == folded([entries]).swaps
    assert {name: one.ended_by for name, one in stored.items()} == {"a": None, "b": "Minh", "c": None}


async def test_duty_is_swapped_shown_and_given_back_by_command(
    nats: TestNats, postgres_url: str, tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    routes = (files("config") / "routes.toml").read_text("utf-8") + OWN
    chi = '[[person]]\nname = "Chi"\nchannels = ["inbox://"]\n'
    (tmp_path / "config" / "routes.toml").write_text(routes + chi, encoding="utf-8")
    user, password = nats.operator_user, nats.operator_password
    environment = {
        "EDUOPS_DATABASE_URL": postgres_url,
        "EDUOPS_NATS_URL": nats.url,
        "EDUOPS_NATS_USER": user,
        "EDUOPS_NATS_PASSWORD": password,
    }
    async with JetStreamLog.connect(nats.url, user=user, password=password) as log:
        await log.create([ALERTS_LOG], 1 << 20)

        async def said(*words: str, fails: bool = False) -> str:
            whole = [*words, "--data", str(tmp_path)]
            result = await asyncio.to_thread(CliRunner().invoke, app, whole, env=environment)
            if fails:
                return str(result.exception)
            assert result.exit_code == 0, result.exception or result.output
            async with await connect(postgres_url) as conn:
                await fold_to_end(conn, log, GROUPS, lambda: time.time_ns() // 1000)
            return result.output

        async def shown() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(await said("oncall", "--days", "2", "--json"))
            return found

        until = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 7200))
        swap = ("oncall", "swap", "crew", "Chi", "--until", until)
        assert "why duty is swapped" in await said(*swap, fails=True)
        assert "needs an end" in await said(*swap[:4], "--reason", "An ốm", fails=True)
        swap_id = (await said(*swap, "--reason", "An ốm")).strip()
        told = await shown()
        assert [turn["person"] for turn in told["rotas"]["crew"]] == ["Chi", "An"]
        assert [(one["swap_id"], one["state"]) for one in told["swaps"]] == [(swap_id, "active")]
        assert "crew: Chi" in await said("oncall")
        asked = ("routes", "test", "--isp", "VNPT", "--ward", "Tân Định", "--pupils", "900", "--hours", "1")
        assert "Chi (inbox)  crew, swapped by " in await said(*asked)
        await said("oncall", "end", swap_id)
        told = await shown()
        assert ([turn["person"] for turn in told["rotas"]["crew"]], told["swaps"]) == (["An"], [])
        assert "no swap that holds" in await said("oncall", "end", swap_id, fails=True)
    async with await connect(postgres_url) as conn:
        rows = await read_audit(conn, AuditChoice(action="oncall"), 10)
    assert [(row.action, row.subject) for row in rows] == [("oncall end", swap_id), ("oncall swap", swap_id)]
