"""The JetStream log against a real nats-server that is killed, restarted and filled."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bus.jetstream import JetStreamLog
from bus.log import LogReader
from bus.rights import BrokerUser
from contract.entry import EntryKind
from contract.errors import ConfigurationError, InfrastructureError
from eduops.machine.ports import free_ports
from eduops.machine.process import Server
from eduops.machine.servers.embedded_nats import prepare_nats

NAME = "telemetry-0"
ROOM_BYTES = 64 * 1024 * 1024


@pytest.fixture
async def log(nats: Any) -> AsyncIterator[JetStreamLog]:
    """A log of its own on the test's nats-server."""
    async with JetStreamLog.connect(nats.url, **nats.login()) as connected:
        await connected.create([NAME], ROOM_BYTES)
        yield connected


async def _read(reader: LogReader, until: Callable[[list[int]], bool]) -> list[int]:
    seqs: list[int] = []
    async with asyncio.timeout(30):
        while not until(seqs):
            seqs += [entry.seq for entry in await reader.fetch(1000, 1.0)]
    return seqs


async def test_a_killed_server_loses_no_acknowledged_append_and_the_reader_goes_on(
    log: JetStreamLog, nats: Any
) -> None:
    reader = await log.reader(NAME, 0)
    reading = asyncio.create_task(_read(reader, lambda seqs: len(seqs) == 300))
    acknowledged: list[int] = []
    for number in range(300):
        if number == 150:
            await asyncio.to_thread(nats.restart)
        payload = b"%d" % number
        acknowledged.append(await log.append(NAME, EntryKind.READINGS, payload, at_us=number, count=1))
    assert acknowledged == list(range(1, 301))
    assert await reading == acknowledged
    assert await log.pending_readings(NAME, 0) == 300


async def test_appends_in_flight_when_the_server_dies_are_kept_once(log: JetStreamLog, nats: Any) -> None:
    appends = [
        asyncio.create_task(log.append(NAME, EntryKind.READINGS, bytes(500), at_us=n, count=1))
        for n in range(2000)
    ]
    await asyncio.wait(appends, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(nats.restart)
    seqs = await asyncio.gather(*appends)
    assert sorted(seqs) == list(range(1, 2001))
    assert await log.last_seq(NAME) == 2000


async def test_a_reader_follows_entries_larger_than_its_window(log: JetStreamLog) -> None:
    payload = bytes(2 * 1024 * 1024)
    for number in range(25):
        await log.append(NAME, EntryKind.READINGS, payload, at_us=number)
    reader = await log.reader(NAME, 0)
    assert await _read(reader, lambda seqs: len(seqs) == 25) == list(range(1, 26))


async def test_an_entry_larger_than_the_server_takes_is_refused_by_name(log: JetStreamLog) -> None:
    with pytest.raises(InfrastructureError, match="max_payload"):
        await log.append(NAME, EntryKind.READINGS, bytes(16 * 1024 * 1024), at_us=0)


async def test_a_store_without_room_is_refused_with_what_to_do(log: JetStreamLog) -> None:
    with pytest.raises(InfrastructureError, match="max_file_store"):
        await log.create(["telemetry-1"], 10**15)


async def test_a_wrong_password_is_refused_with_the_address(nats: Any) -> None:
    with pytest.raises(InfrastructureError, match="out of reach"):
        async with JetStreamLog.connect(nats.url, user="processor", password="no", patience_s=1.0):
            pass
    gc.collect()  # a line that was left open would complain here


async def test_a_reader_whose_consumer_the_server_forgot_makes_another(log: JetStreamLog) -> None:
    reader = await log.reader(NAME, 0)
    await log.append(NAME, EntryKind.TICK, b"", at_us=0)
    assert await _read(reader, lambda seqs: len(seqs) == 1) == [1]
    api = log._api
    for name in (await api.ask(f"CONSUMER.NAMES.{NAME}"))["consumers"]:
        await api.ask(f"CONSUMER.DELETE.{NAME}.{name}")
    await log.append(NAME, EntryKind.TICK, b"", at_us=1)
    assert await _read(reader, lambda seqs: len(seqs) == 1) == [2]


async def test_a_closed_reader_leaves_no_consumer(log: JetStreamLog) -> None:
    reader = await log.reader(NAME, 0)
    assert await reader.fetch(1, 0.05) == []
    await reader.close()
    async with asyncio.timeout(30):  # the goodbye is not waited for
        while (await log._api.ask(f"CONSUMER.NAMES.{NAME}"))["consumers"]:
            pass


async def test_creating_what_exists_needs_no_room(tmp_path: Path) -> None:
    small = prepare_nats(tmp_path, sync_interval="2m", max_store_bytes=3 * ROOM_BYTES // 2)
    server = Server(small.spec(), tmp_path / "nats.log")
    await asyncio.to_thread(server.start)
    try:
        own = small.passwords
        async with JetStreamLog.connect(
            small.url, user=BrokerUser.OPERATOR, password=own[BrokerUser.OPERATOR]
        ) as connected:
            await connected.create([NAME], ROOM_BYTES)
            await connected.create([NAME], ROOM_BYTES)
            with pytest.raises(InfrastructureError, match="no room for log telemetry-1"):
                await connected.create(["telemetry-1"], ROOM_BYTES)
    finally:
        await asyncio.to_thread(server.kill)


async def test_a_log_created_from_a_position_goes_on_counting(log: JetStreamLog) -> None:
    await log.create_from("telemetry-7", ROOM_BYTES, 41)
    assert await log.last_seq("telemetry-7") == 40
    assert await log.pending_readings("telemetry-7", 40) == 0
    reader = await log.reader("telemetry-7", 40)
    assert await reader.fetch(1, 0.05) == []
    assert await log.append("telemetry-7", EntryKind.READINGS, b"x", at_us=0, count=3) == 41
    assert await _read(reader, lambda seqs: len(seqs) == 1) == [41]
    await log.create(["telemetry-7"], 2 * ROOM_BYTES)  # what every start does
    assert await log.last_seq("telemetry-7") == 41
    with pytest.raises(InfrastructureError, match="exists already"):
        await log.create_from("telemetry-7", ROOM_BYTES, 41)


async def test_replicas_of_a_server_that_stands_alone_are_refused_with_what_to_do(nats: Any) -> None:
    async with JetStreamLog.connect(nats.url, **nats.login(), replicas=3) as connected:
        with pytest.raises(ConfigurationError, match="log_replicas"):
            await connected.create([NAME], ROOM_BYTES)


async def test_the_first_of_several_addresses_that_answers_is_taken(nats: Any) -> None:
    [nobody] = free_ports(1)
    async with JetStreamLog.connect(f"nats://127.0.0.1:{nobody}, {nats.url}", **nats.login()) as connected:
        await connected.create([NAME], ROOM_BYTES)
        assert await connected.append(NAME, EntryKind.TICK, b"", at_us=0) == 1
