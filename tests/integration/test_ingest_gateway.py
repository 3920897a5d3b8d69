"""The gateway between real brokers and a real log: MQTT in, logs out, acknowledged last."""

import asyncio
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.codec import decode_readings
from bus.jetstream import JetStreamLog
from contract.catalogue import Catalogue
from contract.entry import QUARANTINE_LOG, EntryKind, telemetry_log
from contract.errors import InfrastructureError
from contract.fleet import Fleet
from contract.reading import Readings
from contract.rejected import Reason
from contract.service.metrics import Meter
from contract.topic import PAYLOAD_LIMITS
from eduops.machine.ports import free_ports
from eduops.machine.process import Server
from eduops.machine.servers.embedded_nats import prepare_nats
from ingest.config import GatewayConfig
from ingest.gateway import run
from ingest.hooks import Hooks
from tests.conftest import TestNats as RunningNats
from tests.ingest_door import LOGS, PARTITIONS, Door, FaultyLog, pack, until_acknowledged, value_of
from tests.refusal_words import said
from tests.running_system import PATIENCE_S, until


async def test_readings_reach_the_log_of_their_school(door: Door, city: Fleet) -> None:
    sent = {float(i) for i in range(100)}
    async with door.gateway() as gateway:
        for value in sent:
            door.device.publish(door.topic(school=int(value) % len(city.schools)), pack(value))
        assert sorted(await door.values(sent)) == sorted(sent)
        await until_acknowledged(gateway, 100)
    of_school = city.partition_of_schools(PARTITIONS)
    for p in range(PARTITIONS):
        for entry in await door.all_entries(p):
            if entry.kind is EntryKind.READINGS:
                schools = decode_readings(entry.payload).value.astype(int) % len(city.schools)
                assert set(of_school[schools].tolist()) == {p}
    assert gateway.counters.received == gateway.counters.appended == 100
    assert gateway.counters.unacknowledged == 0


async def test_ticks_and_readings_never_go_back_in_time(door: Door) -> None:
    async with door.gateway():
        for i in range(50):
            door.device.publish(door.topic(school=i % 40), pack(i))
        await door.values({float(i) for i in range(50)})
        two_ticks = await door.entries(
            telemetry_log(0), lambda e: sum(x.kind is EntryKind.TICK for x in e) >= 2
        )
    async with door.gateway():
        entries = await door.entries(
            telemetry_log(0), lambda e: len(e) > len(two_ticks) and e[-1].kind is EntryKind.TICK
        )
    times = [entry.at_us for entry in entries]
    assert times == sorted(set(times))
    assert abs(times[-1] - time.time_ns() // 1000) < PATIENCE_S * 1_000_000


async def test_a_death_between_append_and_acknowledgement_loses_nothing(door: Door) -> None:
    appended = asyncio.Event()
    log = FaultyLog(door.log)

    async def hang(_: str) -> None:
        appended.set()
        await asyncio.Event().wait()

    log.after = hang
    async with door.gateway(log, dies=True) as gateway:
        door.device.publish(door.topic(), pack(7))
        async with asyncio.timeout(PATIENCE_S):
            await appended.wait()
        assert gateway.counters.acknowledged == 0
    async with door.gateway() as gateway:
        await until_acknowledged(gateway, 1)
    assert await door.values({7.0}) == [7.0, 7.0]


async def test_a_bad_message_is_acknowledged_only_once_it_is_in_quarantine(door: Door) -> None:
    log = FaultyLog(door.log)
    tries: list[str] = []
    healed = asyncio.Event()

    async def refuse(name: str) -> None:
        if name == QUARANTINE_LOG and not healed.is_set():
            tries.append(name)
            raise InfrastructureError("the store is full")

    log.before = refuse
    async with door.gateway(log) as gateway:
        door.device.publish(door.topic(), b"nonsense")
        door.device.publish(door.topic(), pack(5))
        await until(lambda: len(tries) >= 3, "it tries again", seen=lambda: tries)
        assert gateway.counters.acknowledged == 0
        healed.set()
        await until_acknowledged(gateway, 2)
        assert [r.reason for r in await door.rejected(1)] == [Reason.NOT_JSON]
        assert await door.values({5.0}) == [5.0]


async def test_a_stop_while_nothing_can_be_appended_leaves_the_messages_with_the_broker(door: Door) -> None:
    log = FaultyLog(door.log)
    tried = asyncio.Event()

    async def refuse(_: str) -> None:
        tried.set()
        raise InfrastructureError("the store is full")

    log.before = refuse
    async with door.gateway(log) as gateway:
        door.device.publish(door.topic(), pack(9))
        async with asyncio.timeout(PATIENCE_S):
            await tried.wait()
    assert gateway.counters.acknowledged == 0
    async with door.gateway():
        assert await door.values({9.0}) == [9.0]


async def test_a_restart_of_the_server_loses_nothing(door: Door) -> None:
    sent = {float(i) for i in range(60)}
    async with door.gateway():
        for value in sorted(sent):
            door.device.publish(door.topic(), pack(value))
            if value == 20:
                await door.values({0.0})
                await asyncio.to_thread(door.broker.restart)
        assert set(await door.values(sent)) == sent


async def test_while_the_broker_is_away_every_tick_of_the_slice_is_a_deaf_one(
    nats: Any, city: Fleet, catalogue: Catalogue
) -> None:
    (port,) = free_ports(1)
    nobody = GatewayConfig("127.0.0.1", port, partitions=PARTITIONS, slice_index=1, slice_count=2)
    stop = asyncio.Event()
    meter = Meter()
    async with JetStreamLog.connect(nats.url, **nats.login()) as log:
        await log.create(LOGS, 64 << 20)
        task = asyncio.create_task(run(nobody, log, city, catalogue, stop, meter=meter))
        reader = await log.reader(telemetry_log(1), 0)
        async with asyncio.timeout(PATIENCE_S):
            found = await reader.fetch(1, 5.0) + await reader.fetch(1, 5.0)
        stop.set()
        await task
        assert {entry.kind for entry in found} == {EntryKind.DEAF}
        assert await log.last_seq(telemetry_log(0)) == 0
    assert value_of(meter, "eduops_ingest_session_up") == 0


@pytest.mark.parametrize(("point", "copies"), [("received", 1), ("appended", 2)])
async def test_a_death_at_a_failpoint_loses_nothing(door: Door, point: str, copies: int) -> None:
    reached = asyncio.Event()

    def die(at: str) -> None:
        if at == point:
            reached.set()
            raise RuntimeError(at)

    async with door.gateway(reach=die, dies=True) as gateway:
        door.device.publish(door.topic(), pack(3))
        async with asyncio.timeout(PATIENCE_S):
            await reached.wait()
        assert gateway.counters.acknowledged == 0
    async with door.gateway() as gateway:
        await until_acknowledged(gateway, 1)
        assert await door.values({3.0}) == [3.0] * copies


async def test_the_meter_counts_what_the_gateway_did(door: Door) -> None:
    async with door.gateway() as gateway:
        for i in range(20):
            door.device.publish(door.topic(), pack(i))
        door.device.publish(door.topic(), b"nonsense")
        await until_acknowledged(gateway, 21)
        meter = gateway.counters.meter
        await until(
            lambda: value_of(meter, "eduops_stage_cpu_seconds_total", "decode") > 0, "decoding is counted"
        )
    assert value_of(meter, "eduops_ingest_messages_total") == 21
    assert value_of(meter, "eduops_ingest_acknowledged_total") == 21
    assert value_of(meter, "eduops_ingest_readings_total", "accepted") == 20
    assert value_of(meter, "eduops_ingest_readings_total", "rejected") == 1
    assert value_of(meter, "eduops_ingest_session_up") == 1
    assert all(value_of(meter, "eduops_stage_cpu_seconds_total", s) > 0 for s in ("receive", "append"))


async def test_each_reason_ends_in_quarantine_and_the_good_ones_do_not(door: Door) -> None:
    future_s = time.time() + 3600
    bad: list[tuple[str, bytes, Reason]] = [
        (door.topic().replace(door.fleet.schools[0].code, "00000000"), pack(1), Reason.UNKNOWN_SCHOOL),
        (door.topic(device="gw-77"), pack(1), Reason.UNKNOWN_DEVICE),
        (door.topic(stream="attendance"), pack(1), Reason.WRONG_STREAM),
        (door.topic(stream="weather"), pack(1), Reason.BAD_TOPIC),
        (door.topic(), pack(1, "humidity"), Reason.UNKNOWN_METRIC),
        (door.topic(), pack(1, u="furlong"), Reason.WRONG_UNIT),
        (door.topic(), pack(-5), Reason.OUT_OF_RANGE),
        (door.topic(), pack(1, t=future_s), Reason.FUTURE_TIME),
        (door.topic(), pack(1, t=3e8), Reason.TOO_OLD),
        (door.topic(), b'[{"n":"down_bps","v":nan}]', Reason.NOT_JSON),
        (door.topic(), b"\x00\xff garbage", Reason.NOT_JSON),
        (door.topic(), b"{}", Reason.NOT_SENML),
        (door.topic(), b" " * (1 << 20 | 1), Reason.OVERSIZED),
        (door.topic(), pack(1, bver=11), Reason.UNSUPPORTED_VERSION),
        (door.topic(), pack(1, bn="x/y/"), Reason.IDENTITY_MISMATCH),
        (door.topic(), b'[{"n":"down_bps","vb":true}]', Reason.NOT_A_NUMBER),
        (door.topic(), b'[{"n":"down_bps"}]', Reason.NO_VALUE),
        (
            door.topic(device="att-1", stream="attendance"),
            pack(1, "present", child="An"),
            Reason.UNKNOWN_FIELD,
        ),
        (
            door.topic(device="att-1", stream="attendance"),
            b'[{"n":"present","v":10.5}]',
            Reason.INCONSISTENT,
        ),
    ]
    assert {reason for _, _, reason in bad} == set(Reason)
    async with door.gateway() as gateway:
        for topic, payload, _ in bad:
            door.device.publish(topic, payload)
            door.device.publish(door.topic(), pack(42))
        await until_acknowledged(gateway, 2 * len(bad))
        found = await door.rejected(len(bad))
        assert [r.reason for r in found] == [reason for _, _, reason in bad]
        assert len(await door.values({42.0})) == len(bad)
    assert gateway.counters.received == 2 * len(bad)
    assert "An" not in "".join(said(r) + r.excerpt for r in found)


async def test_what_is_refused_for_its_time_is_logged_and_counts_for_nothing(door: Door) -> None:
    now_s = round(time.time())
    ahead, ancient = now_s + 3600, now_s - 400_000
    async with door.gateway() as gateway:
        for value, time_s in ((1.0, ahead), (2.0, ancient), (3.0, now_s), (-4.0, ahead)):
            door.device.publish(door.topic(), pack(value, t=time_s))
        await until_acknowledged(gateway, 4)
        await door.values({3.0})
        await door.rejected(3)
    logged = [entry for p in range(PARTITIONS) for entry in await door.all_entries(p)]
    told = [entry for entry in logged if entry.kind is EntryKind.MISTIMED]
    assert [entry.count for entry in told] == [0] * len(told)
    heard = Readings.concat([decode_readings(entry.payload) for entry in told])
    assert sorted(zip(heard.value.tolist(), heard.time_us.tolist(), strict=True)) == [
        (1.0, ahead * 1_000_000),
        (2.0, ancient * 1_000_000),
    ]
    assert (gateway.counters.received, sum(entry.count for entry in logged)) == (4, 1)


@pytest.mark.parametrize("readings", [1_400, 7_000])
async def test_a_backlog_in_one_pack_is_kept(door: Door, readings: int) -> None:
    now_s = time.time()
    backlog = [
        {"n": "down_bps", "u": "bit/s", "v": float(i), "t": round(now_s - readings + i, 3)}
        for i in range(readings)
    ]
    async with door.gateway() as gateway:
        door.device.publish(door.topic(), json.dumps(backlog).encode())
        await until_acknowledged(gateway, 1)
        assert (gateway.counters.received, gateway.counters.rejected.total()) == (readings, 0)
        wanted = {float(i) for i in range(readings)}
        assert await door.values(wanted) == sorted(wanted)


async def test_the_largest_message_that_can_be_allowed_passes_the_broker(door: Door) -> None:
    door.config = replace(door.config, max_payload_bytes=PAYLOAD_LIMITS[1])
    most, more = (b'[{"n":"down_bps","v":7}]'.ljust(PAYLOAD_LIMITS[1] + n) for n in (0, 1))
    async with door.gateway() as gateway:
        door.device.publish(door.topic(), most)
        door.device.publish(door.topic(), more)
        await until_acknowledged(gateway, 2)
        assert await door.values({7.0}) == [7.0]
        (refused,) = await door.rejected(1)
    assert gateway.counters.received == 2
    assert (refused.reason, refused.payload_bytes) == (Reason.OVERSIZED, PAYLOAD_LIMITS[1] + 1)
    assert said(refused) == "4,194,305 bytes; at most 4,194,304 are allowed"


async def test_the_service_stops_when_told(door: Door, catalogue: Catalogue) -> None:
    stop = asyncio.Event()
    service = asyncio.create_task(run(door.config, door.log, door.fleet, catalogue, stop))
    door.device.publish(door.topic(stream="status"), b'{"online":true}')
    assert await door.values({1.0}) == [1.0]
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await service


async def test_a_fresh_broker_is_capped_before_the_service_is_ready(
    nats: Any, city: Fleet, catalogue: Catalogue
) -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    async with JetStreamLog.connect(nats.url, **nats.login()) as log:
        await log.create(LOGS, 64 << 20)

        async def welcome() -> None:
            await log.mqtt_store.cap(1 << 20, 3600.0)
            ready.set()

        service = asyncio.create_task(
            run(_at(nats), log, city, catalogue, stop, hooks=Hooks(welcome=welcome))
        )
        async with asyncio.timeout(PATIENCE_S):
            await ready.wait()
        assert (await log.mqtt_store.held())[0].max_bytes == 1 << 20
        stop.set()
        await service


async def test_a_broker_that_cannot_be_capped_stops_the_service_with_a_sentence(
    tmp_path: Path, city: Fleet, catalogue: Catalogue
) -> None:
    prepared = prepare_nats(tmp_path, sync_interval="2m", max_store_bytes=16 << 20)
    server = Server(prepared.spec(), tmp_path / "nats.log")
    server.start()
    nats = RunningNats(prepared, server)
    async with JetStreamLog.connect(nats.url, **nats.login()) as log:
        await log.create(LOGS, 1 << 20)
        with pytest.raises(ExceptionGroup) as caught:
            await run(
                _at(nats),
                log,
                city,
                catalogue,
                asyncio.Event(),
                hooks=Hooks(welcome=lambda: log.mqtt_store.cap(1 << 30, 3600.0)),
            )
    server.kill()
    (error,) = caught.value.exceptions
    assert isinstance(error, InfrastructureError)
    assert re.search("cannot be limited to 1073741824 bytes: .*; raise max_file_store", str(error))


def _at(nats: Any) -> GatewayConfig:
    return GatewayConfig(
        nats.mqtt_host,
        nats.mqtt_port,
        mqtt_user=nats.operator_user,
        mqtt_password=nats.operator_password,
        partitions=PARTITIONS,
    )
