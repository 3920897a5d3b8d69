"""One ingest or three: the same publications give the same rows, scores, ledger and alerts."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from bus.codec import decode_entry, decode_rejected
from bus.device import DeviceLoop
from bus.jetstream import JetStreamLog
from contract.canary import canary_topic, canary_value
from contract.commit import Counts
from contract.entry import QUARANTINE_LOG, EntryKind, RawEntry, telemetry_log
from contract.fleet import partition_of
from eduops.machine.process import Server
from eduops.machine.servers.embedded_nats import prepare_nats
from ingest.acceptance.registry import Registry
from ingest.config import GatewayConfig
from ingest.gateway import Gateway
from ingest.sessions import former_sessions, inherited_sessions, open_session
from ingest.slices import Slicing
from tests.conftest import TestNats as RunningNats
from tests.fold_world import CATALOGUE, SCHOOL_RULES, fold_log, small_fleet, small_fold
from tests.running_system import PATIENCE_S, until

PARTITIONS = 3
SCHOOLS = 12
FLEET = small_fleet(SCHOOLS)
LOGS = [*(telemetry_log(p) for p in range(PARTITIONS)), QUARANTINE_LOG]
Publications = list[list[tuple[str, bytes]]]
"""By device, in the order in which it publishes them."""


class Result(NamedTuple):
    """What a way through ingest gave, in an order that does not depend on the way."""

    rows: list[tuple[int, int, float, str]]
    """Series, time, value and score, sorted."""
    counts: Counts
    refused: Counter[tuple[str, str]]
    """Refusals by topic and reason."""
    alerts: list[tuple[object, ...]]


def _publications(strangers: bool) -> Publications:
    """Return what every device publishes: rising and falling values, copies, late and bad ones."""
    now_s = time.time() - 90  # all well within what a busy line delays: judged as of their own time
    found: Publications = []
    for number, school in enumerate(FLEET.schools):
        topic = f"edu/v1/{FLEET.province}/{school.code}/gw-1/bandwidth"
        packs = [
            [
                {"bt": now_s + i, "n": "latency_ms", "v": 400 if i % 20 > 12 else 20 + number},
                {"n": "down_bps", "v": 5e7 + 1e5 * (i % 7) if i % 25 else 0},
            ]
            for i in range(60)
        ]
        packs[30:30] = [packs[10], packs[29]]  # a late pack that is a copy, and one at once again
        packs[40] = [{"bt": now_s + 5.5, "n": "latency_ms", "v": 33}]  # late, and new
        packs[50] = [{"n": "humidity", "v": 1}]
        found.append([(topic, json.dumps(pack).encode()) for pack in packs])
    found.append([(topic, b"nonsense")])
    if strangers:
        found.append([("edu/v1/79/00000000/gw-1/bandwidth", b"[]"), ("edu/v1/nowhere", b"[]")])
    for p in range(PARTITIONS):
        canary = str(canary_topic(FLEET.province, p, PARTITIONS))
        pack = [{"bt": now_s, "n": "down_bps", "v": canary_value(3)}]
        found.append([(canary, json.dumps(pack).encode())])
    return found


@asynccontextmanager
async def _gateways(
    log: JetStreamLog, broker: Any, slicing: Slicing, count: int, subjects: Sequence[str] = ()
) -> AsyncIterator[list[Gateway]]:
    stop = asyncio.Event()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        gateways = []
        for index in range(count):
            config = _config(broker, slicing, index, count)
            session = await stack.enter_async_context(open_session(config, FLEET))
            await session.ready()
            registry = Registry(FLEET, CATALOGUE, PARTITIONS)
            inherited = [await stack.enter_async_context(s) for s in inherited_sessions(config, subjects)]
            retiring = former_sessions(config, log.mqtt_store, subjects, ())
            more: dict[str, Any] = {"inherited": inherited} | ({"retiring": retiring} if subjects else {})
            gateways.append(Gateway(config, session, log, registry, stop, **more))
            tasks.create_task(gateways[-1].run())
        yield gateways
        stop.set()


def _config(broker: Any, slicing: Slicing, index: int, count: int) -> GatewayConfig:
    return GatewayConfig(
        broker.mqtt_host,
        broker.mqtt_port,
        slicing=slicing,
        mqtt_user=broker.ingest_user,
        mqtt_password=broker.ingest_password,
        partitions=PARTITIONS,
        slice_index=index,
        slice_count=count,
        strays=True,
        batch_ms=5,
        max_batch_messages=20,
    )


async def _publish(broker: Any, publications: Publications) -> None:
    async with DeviceLoop(broker.mqtt_host, broker.mqtt_port) as devices:
        for number, messages in enumerate(publications):
            device = devices.add(
                f"d{number}",
                generator=np.random.default_rng(number),
                user=broker.publisher_user,
                password=broker.publisher_password,
            )
            device.connect()
            for topic, payload in messages:
                device.publish(topic, payload)
        async with asyncio.timeout(PATIENCE_S):
            await devices.drained()


async def _result(nats: Any, broker: Any, slicing: Slicing, count: int, publications: Publications) -> Result:
    """Let a backlog grow while every ingest is away, then let them drain it together."""
    async with JetStreamLog.connect(nats.url, **nats.login()) as log:
        await log.create(LOGS, 64 << 20)
        async with _gateways(log, broker, slicing, count):
            pass
        await _publish(broker, publications)
        total = sum(map(len, publications))
        async with _gateways(log, broker, slicing, count) as gateways:
            await _until_acknowledged(gateways, total)
            assert all(g.counters.messages > 0 for g in gateways)
        return _folded([await _entries(log, name) for name in LOGS])


async def _until_acknowledged(gateways: Sequence[Gateway], count: int) -> None:
    def acknowledged() -> int:
        return sum(g.counters.acknowledged for g in gateways)

    await until(lambda: acknowledged() >= count, f"{count} are acknowledged", seen=acknowledged)


async def _entries(log: JetStreamLog, name: str) -> list[RawEntry]:
    last = await log.last_seq(name)
    reader = await log.reader(name, 0)
    found: list[RawEntry] = []
    while len(found) < last:
        found += await reader.fetch(1000, 5.0)
    await reader.close()
    return found


def _folded(logs: Sequence[list[RawEntry]]) -> Result:
    rows: list[tuple[int, int, float, str]] = []
    alerts: list[tuple[object, ...]] = []
    counts = Counts()
    refused = [r for entry in logs[-1] for r in decode_rejected(entry.payload)]
    for partition, raw in enumerate(logs[:-1]):
        entries = [decode_entry(entry) for entry in raw if entry.kind is EntryKind.READINGS]
        fold = small_fold(partition, PARTITIONS, SCHOOL_RULES, SCHOOLS)
        folded = fold_log(fold, [entries])
        kept = folded.rows.readings
        scores = map(repr, folded.rows.score.tolist())
        columns = (kept.series.tolist(), kept.time_us.tolist(), kept.value.tolist(), scores)
        rows += zip(*columns, strict=True)
        counts = counts.plus(folded.counts)
        alerts += [
            (t.rule, t.series, t.kind, t.opened_at_us, t.at_us, t.value, t.score) for t in folded.transitions
        ]
    shown = Counter((r.topic, str(r.reason)) for r in refused)
    return Result(sorted(rows), counts, shown, sorted(alerts, key=repr))


@pytest.fixture
def sliced_nats(tmp_path: Path) -> Any:
    """A nats-server that puts one of three slices in front of each topic."""
    prepared = prepare_nats(tmp_path / "sliced", sync_interval="2m", slices=3)
    server = Server(prepared.spec(), tmp_path / "sliced.log")
    server.start()
    yield RunningNats(prepared, server)
    server.kill()


async def test_three_ingests_of_a_mapping_broker_do_as_one(nats: Any, sliced_nats: Any) -> None:
    publications = _publications(strangers=True)
    one = await _result(nats, nats, Slicing.MAPPED, 1, publications)
    three = await _result(sliced_nats, sliced_nats, Slicing.MAPPED, 3, publications)
    _assert_same(one, three)
    assert one.refused["edu/v1/nowhere", "bad_topic"] == 1


async def test_three_ingests_of_any_other_broker_do_as_one(nats: Any, mosquitto: Any, tmp_path: Path) -> None:
    other_log = prepare_nats(tmp_path / "other", sync_interval="2m")
    server = Server(other_log.spec(), tmp_path / "other.log")
    server.start()
    publications = _publications(strangers=False)
    one = await _result(nats, nats, Slicing.BY_SCHOOL, 1, publications)
    three = await _result(RunningNats(other_log, server), mosquitto, Slicing.BY_SCHOOL, 3, publications)
    server.kill()
    _assert_same(one, three)


def _assert_same(one: Result, three: Result) -> None:
    assert three.rows == one.rows
    assert three.counts == one.counts
    assert three.refused == one.refused
    assert three.alerts == one.alerts
    assert {partition_of(s.code, 3) for s in FLEET.schools} == {0, 1, 2}
    assert len(one.alerts) >= SCHOOLS
    assert one.counts.duplicate > 0


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
async def test_another_number_of_ingests_drains_what_the_old_one_left(
    tmp_path: Path, before: int, after: int
) -> None:
    """The server is started again with other slices while messages wait in every session."""
    school_topics = [f"edu/v1/{FLEET.province}/{s.code}/gw-1/bandwidth" for s in FLEET.schools]
    async with _sliced(tmp_path, before) as (nats, log):
        async with _gateways(log, nats, Slicing.MAPPED, before):
            pass
        await _publish(nats, [[(topic, b'[{"n":"down_bps","v":1}]')] for topic in school_topics])
    async with _sliced(tmp_path, after) as (nats, log):
        subjects = await log.mqtt_store.subjects()
        async with _gateways(log, nats, Slicing.MAPPED, after, subjects) as gateways:
            await _publish(nats, [[(topic, b'[{"n":"down_bps","v":2}]')] for topic in school_topics])
            await until(lambda: _nothing_waits(log), "no session of either layout keeps anything")
        assert sum(g.counters.rejected.total() for g in gateways) == 0
        result = _folded([await _entries(log, name) for name in LOGS])
    assert Counter(row[2] for row in result.rows) == {1.0: SCHOOLS, 2.0: SCHOOLS}


async def _nothing_waits(log: JetStreamLog) -> bool:
    return (await log.mqtt_store.taken()).waiting == 0


@asynccontextmanager
async def _sliced(folder: Path, slices: int) -> AsyncIterator[tuple[RunningNats, JetStreamLog]]:
    prepared = prepare_nats(folder, sync_interval="2m", slices=slices)
    server = Server(prepared.spec(), folder / "nats.log")
    server.start()
    nats = RunningNats(prepared, server)
    async with JetStreamLog.connect(nats.url, **nats.login()) as log:
        await log.create(LOGS, 64 << 20)
        yield nats, log
    await asyncio.to_thread(server.kill)


async def test_a_device_cannot_choose_its_slice(sliced_nats: Any) -> None:
    school = FLEET.schools[0].code
    wrong = (partition_of(school, 3) + 1) % 3
    topic = f"edu/v1/{FLEET.province}/{school}/gw-1/bandwidth"
    config = _config(sliced_nats, Slicing.MAPPED, wrong, 3)
    own = _config(sliced_nats, Slicing.MAPPED, partition_of(school, 3), 3)
    async with open_session(config, FLEET) as other, open_session(own, FLEET) as session:
        await asyncio.gather(other.ready(), session.ready())
        await _publish(sliced_nats, [[(f"slice/{wrong}/{topic}", b"forged"), (topic, b"true")]])
        (message,) = await session.receive(10, 10.0)
        assert (message.topic, message.payload) == (topic, b"true")
        assert await other.receive(10, 0.2) == []
