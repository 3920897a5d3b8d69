"""The whole processor over real servers: in at the log, out at tables and live events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import pytest

from bus.codec import encode_action, encode_readings, encode_rejected
from bus.jetstream import JetStreamLog
from bus.live import Live
from bus.memory import MemoryLog
from bus.rights import BrokerUser
from config.files import load_configuration
from contract.alert import Action, ActionKind, Alert, Ending
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.commit import Counts
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, EntryKind, telemetry_log
from contract.fleet import Fleet, Former
from contract.live import ALERT_SUBJECT, SUMMARY_SUBJECT, AlertChanged, Summary
from contract.rejected import Reason, Rejected
from contract.rule import Rule
from storage.alerts import alert_history, open_alerts
from storage.database import connect
from storage.results import load_position
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from stream_processor.owners.owner import Tally
from stream_processor.owners.quarantine import QuarantineOwner
from stream_processor.worker import ProcessorConfig, run
from tests.fold_world import MONDAY_9H_US, SECOND_US, columns, series_named, small_fleet
from tests.running_system import until as becomes_true

T = TypeVar("T")
LOG = telemetry_log(0)


class Bench:
    """A running processor with one partition, and what it says."""

    def __init__(self, log: JetStreamLog, live: Live, dsn: str) -> None:
        self.log = log
        self.live = live
        self.dsn = dsn
        self.now_us = MONDAY_9H_US

    async def tick(self, *rows: tuple[int, str, float]) -> None:
        """Let a second pass with readings of (school, metric, value)."""
        self.now_us += SECOND_US
        readings = columns([(self.now_us, series_named(s, metric), value) for s, metric, value in rows])
        if rows:
            await self.log.append(
                LOG, EntryKind.READINGS, encode_readings(readings), at_us=self.now_us, count=len(rows)
            )
        await self.log.append(LOG, EntryKind.TICK, b"", at_us=self.now_us)


async def until(events: AsyncIterator[tuple[str, bytes]], kind: type[T], met: Callable[[T], bool]) -> T:
    """Return the first event that meets a condition."""
    async with asyncio.timeout(20):
        async for _, payload in events:
            event = msgspec.msgpack.decode(payload, type=kind)
            if met(event):
                return event
    raise AssertionError("the events ended")


@pytest.fixture
def fleet() -> Fleet:
    """Four schools."""
    return small_fleet()


@asynccontextmanager
async def running(
    dsn: str, nats: Any, fleet: Fleet, catalogue: Catalogue, calendar: SchoolCalendar, rules: tuple[Rule, ...]
) -> AsyncIterator[Bench]:
    """Run a processor for the length of the block."""
    who, own = nats.login(), nats.login(BrokerUser.PROCESSOR)
    stop = asyncio.Event()
    async with (
        JetStreamLog.connect(nats.url, **who) as log,
        Live.connect(nats.url, **who) as live,
        JetStreamLog.connect(nats.url, **own) as own_log,
        Live.connect(nats.url, **own) as own_live,
    ):
        await log.create([LOG, QUARANTINE_LOG, ALERTS_LOG], 1 << 24)
        config = ProcessorConfig(partitions=1, dsn=as_role(dsn, DatabaseRole.PROCESSOR))
        routing = load_configuration(None).routing
        work = run(config, own_log, own_live, fleet, catalogue, calendar, rules, lambda: routing, stop)
        task = asyncio.create_task(work)
        try:
            yield Bench(log, live, dsn)
        finally:
            stop.set()
            await task


async def test_a_line_goes_down_is_acknowledged_and_comes_back(
    postgres_url: str,
    nats: Any,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> None:
    async with (
        running(postgres_url, nats, fleet, catalogue, calendar, rules) as bench,
        bench.live.subscribe(ALERT_SUBJECT) as changes,
        bench.live.subscribe(f"{SUMMARY_SUBJECT}.0") as summaries,
    ):
        await bench.tick((1, "online", 1.0), (1, "down_bps", 5e7), (2, "down_bps", 4e7))
        await bench.tick((1, "online", 0.0))
        (opened,) = await until(aiter(changes), list[AlertChanged], lambda c: c[0].event.kind == "opened")
        assert (opened.alert.rule, opened.alert.school_id, opened.alert.priority) == ("wan_down", 1, 1)
        summary = await until(aiter(summaries), Summary, lambda s: s.at_us == bench.now_us)
        assert summary.states == "1nuu"
        assert (summary.kpis["down_bps"].reporting, summary.kpis["down_bps"].total) == (2, 9e7)
        alert_id = opened.alert.alert_id
        action = Action("a-1", ActionKind.ACKNOWLEDGED, alert_id, "Lan", "đã gọi nhà mạng", bench.now_us)
        for _ in range(2):
            await bench.log.append(ALERTS_LOG, EntryKind.ACTION, encode_action(action), at_us=bench.now_us)
        (acknowledged,) = await until(
            aiter(changes), list[AlertChanged], lambda c: c[0].event.kind == "acknowledged"
        )
        assert acknowledged.alert.acknowledged_by == "Lan"
        await bench.tick((1, "online", 1.0))
        await until(aiter(changes), list[AlertChanged], lambda c: c[0].event.kind == "resolved")
        async with await connect(postgres_url) as conn:
            assert await open_alerts(conn) == []
            kinds = [event.kind for event in await alert_history(conn, alert_id)]
            assert kinds == ["opened", "acknowledged", "resolved"]


async def test_alerts_that_nothing_measures_any_more_end_with_their_reason(
    postgres_url: str,
    nats: Any,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> None:
    """A school closes, one becomes part of another, a gateway goes and a rule too; a fifth alert stays."""
    async with running(postgres_url, nats, fleet, catalogue, calendar, rules) as bench:
        for _ in range(4):
            await bench.tick(*((s, "online", 0.0) for s in (1, 2, 3)), (4, "loss_ratio", 0.9))
        await bench.tick((4, "online", 0.0))
        before = await alerts_of(postgres_url, 5)
    closed, merged, kept, last = fleet.schools
    gone = tuple(d for d in fleet.devices if d.school_id < 3 or (d.school_id == 3 and d.code == "gw-1"))
    following = Fleet(
        fleet.province,
        fleet.clusters,
        fleet.wards,
        (kept, last),
        tuple(d for d in fleet.devices if d not in gone),
        (Former(closed, bench.now_us), Former(merged, bench.now_us, kept.id)),
        gone,
    )
    fewer = tuple(rule for rule in rules if rule.name != "loss_high")
    async with running(postgres_url, nats, following, catalogue, calendar, fewer):
        (stays,) = await alerts_of(postgres_url, 1)
    assert (stays.school_id, stays.rule) == (4, "wan_down")
    async with await connect(postgres_url) as conn:
        ends = [(await alert_history(conn, alert.alert_id))[-1] for alert in before]
    reasons = {(a.school_id, a.rule): (e.kind, e.note) for a, e in zip(before, ends, strict=True)}
    assert reasons == {
        (1, "wan_down"): ("resolved", Ending.SCHOOL_CLOSED),
        (2, "wan_down"): ("resolved", Ending.SCHOOL_MERGED),
        (3, "wan_down"): ("resolved", Ending.DEVICE_RETIRED),
        (4, "loss_high"): ("resolved", Ending.RULE_GONE),
        (4, "wan_down"): ("opened", ""),
    }


async def alerts_of(dsn: str, count: int) -> list[Alert]:
    """Return the open alerts once there are so many."""
    found: list[Alert] = []

    async def are_there() -> bool:
        async with await connect(dsn) as conn:
            found[:] = await open_alerts(conn)
        return len(found) == count

    await becomes_true(are_there, f"{count} alerts are open", seen=lambda: found)
    return found


async def test_refused_readings_are_kept_and_counted(postgres_url: str) -> None:
    refused = [
        Rejected(Reason.OUT_OF_RANGE, "edu/v1/79/x/gw-1/bandwidth", "down_bps=-1", MONDAY_9H_US, 99)
    ] * 3
    log = MemoryLog()
    await log.create([QUARANTINE_LOG], 1 << 20)
    await log.append(
        QUARANTINE_LOG, EntryKind.REJECTED, encode_rejected(refused), at_us=MONDAY_9H_US, count=3
    )
    async with await connect(postgres_url) as conn:
        owner = QuarantineOwner(conn, Tally(QUARANTINE_LOG))
        await owner.load()
        await owner.take(await (await log.reader(QUARANTINE_LOG, owner.seq)).fetch(10, 1.0))
        position = await load_position(conn, QUARANTINE_LOG)
        kept = await (await conn.execute("select count(*) from quarantine")).fetchone()
    assert position.counts == Counts(3, quarantined=3)
    assert kept == (3,)


async def test_the_log_server_restarts_and_the_processor_goes_on(
    postgres_url: str,
    nats: Any,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> None:
    async with running(postgres_url, nats, fleet, catalogue, calendar, rules) as bench:
        async with bench.live.subscribe(f"{SUMMARY_SUBJECT}.0") as summaries:
            await bench.tick((1, "down_bps", 5e7))
            await until(aiter(summaries), Summary, lambda s: s.at_us == bench.now_us)
            await asyncio.to_thread(nats.restart)
            async with asyncio.timeout(30):
                summary = None
                while summary is None:
                    summary = await _tick_and_hear(bench, aiter(summaries))
        assert summary.kpis["down_bps"].reporting == 1
    async with await connect(postgres_url) as conn:
        counts = (await load_position(conn, LOG)).counts
    assert counts.received == counts.accounted


async def _tick_and_hear(bench: Bench, summaries: AsyncIterator[tuple[str, bytes]]) -> Summary | None:
    """Live events are lost while the line is down, so ask with another tick."""
    await bench.tick()
    try:
        async with asyncio.timeout(1):
            _, payload = await anext(summaries)
            return msgspec.msgpack.decode(payload, type=Summary)
    except TimeoutError:
        return None
