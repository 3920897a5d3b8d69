"""The running city against a real broker: cadence, last will, what was kept, faults on command, replay."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from bus.live import Live
from bus.mqtt import IngestSession
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.clock import LogClock
from contract.devices.credential import DeviceName, fleet_names
from contract.fleet import Fleet
from contract.topic import Stream
from device_simulator.lines import Login
from device_simulator.recordings import read_recording
from device_simulator.replay import Progress, ReplayConfig, publish
from device_simulator.shell import SimulatorConfig, run
from device_simulator.world.city import World
from device_simulator.world.faults import FAULT_SUBJECT, FaultReply, FaultRequest
from device_simulator.world.fleet import generate_fleet
from eduops.settings import load_settings
from eduops.simulated_devices import simulated_secrets
from storage.database import connect
from storage.devices.credentials import issue, rotate
from storage.fleet import save_fleet
from tests.conftest import TestNats as RunningNats
from tests.conftest import running_nats
from tests.device_secrets import issue_to_fleet, running_authoriser, secret_of

FLEET = generate_fleet(60)
LESSON_US = int(datetime(2026, 11, 25, 2, 30, tzinfo=UTC).timestamp()) * 1_000_000
"""09:30 in Ho Chi Minh City, a Wednesday."""
STRETCH = 20.0
Seen = list[tuple[str, Any]]
"""(topic, decoded payload) in order of arrival."""


def _config(nats: Any, **fields: Any) -> SimulatorConfig:
    clock = LogClock(LESSON_US, time.time_ns() // 1000, STRETCH)
    shared_as = Login(nats.publisher_user, nats.publisher_password)
    secrets = {DeviceName(*path): secret_of(DeviceName(*path)) for path in FLEET.device_by_path}
    return SimulatorConfig(
        nats.mqtt_host, nats.mqtt_port, secrets=secrets, shared_as=shared_as, clock=clock, **fields
    )


@pytest.fixture
async def nats(nats: RunningNats, postgres_url: str) -> AsyncIterator[RunningNats]:
    """A broker that knows the city's devices."""
    async with _knowing(nats, postgres_url, FLEET):
        yield nats


@pytest.fixture
def nats_alone(tmp_path: Path) -> Iterator[RunningNats]:
    """A broker whose devices nobody knows yet."""
    (tmp_path / "alone").mkdir()
    with running_nats(tmp_path / "alone") as running:
        yield running


@asynccontextmanager
async def _knowing(nats: RunningNats, postgres_url: str, fleet: Fleet) -> AsyncIterator[None]:
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, fleet)
    await issue_to_fleet(postgres_url)
    async with running_authoriser(nats, postgres_url):
        yield


@asynccontextmanager
async def _listening(nats: Any) -> AsyncIterator[Callable[[Callable[[Seen], bool]], Any]]:
    """Give a function that receives until a condition on all that has come holds, and returns it."""
    session = IngestSession(
        nats.mqtt_host,
        nats.mqtt_port,
        client_id="listener",
        **nats.login(),
    )
    seen: Seen = []
    async with session:
        await session.ready()

        async def until(condition: Callable[[Seen], bool]) -> Seen:
            async with asyncio.timeout(60):
                while not condition(seen):
                    messages = await session.receive(500, 0.5)
                    session.acknowledge(messages)
                    seen.extend((m.topic, json.loads(m.payload)) for m in messages)
            return seen

        yield until


@asynccontextmanager
async def _running(
    config: SimulatorConfig, catalogue: Catalogue, calendar: SchoolCalendar, live: Live | None = None
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run(config, FLEET, catalogue, calendar, live, stop))
    try:
        yield
    finally:
        stop.set()
        await task


def _topic(position: int, device: str, stream: Stream) -> str:
    return f"edu/v1/79/{FLEET.schools[position].code}/{device}/{stream}"


async def test_every_school_says_what_the_world_measures(
    nats: Any, catalogue: Catalogue, calendar: SchoolCalendar
) -> None:
    wanted = {_topic(i, "gw-1", Stream.BANDWIDTH) for i in range(60)}
    wanted |= {_topic(i, "lms-1", Stream.ELEARNING) for i in range(60)}
    wanted |= {_topic(i, "gw-1", Stream.STATUS) for i in range(60)}
    async with _listening(nats) as until, _running(_config(nats), catalogue, calendar):
        seen = await until(lambda seen: wanted <= {topic for topic, _ in seen})
    world = World(FLEET, calendar)
    for topic, payload in seen:
        if topic.endswith("/bandwidth"):
            position = next(i for i, s in enumerate(FLEET.schools) if s.code == topic.split("/")[3])
            time_us = round(payload[0]["bt"] * 1e6)
            down = world.measure(Stream.BANDWIDTH, time_us, np.array([position]))
            assert payload[0]["v"] == down.values["down_bps"][0]


async def test_a_cut_line_leaves_a_will_and_tells_its_past_when_it_is_back(
    nats: Any, catalogue: Catalogue, calendar: SchoolCalendar
) -> None:
    status, line = _topic(7, "gw-1", Stream.STATUS), _topic(7, "gw-1", Stream.BANDWIDTH)

    def online(seen: Seen) -> list[bool]:
        return [payload["online"] for topic, payload in seen if topic == status]

    async with (
        _listening(nats) as until,
        Live.connect(nats.url, **nats.login()) as live,
        _running(_config(nats), catalogue, calendar, live),
    ):
        await until(lambda seen: online(seen)[-1:] == [True] and any(t == line for t, _ in seen))
        request = FaultRequest("link-cut", school=FLEET.schools[7].code, for_s=60)
        answer = await live.request(FAULT_SUBJECT, msgspec.json.encode(request), 10.0)
        reply = msgspec.json.decode(answer, type=FaultReply)
        assert reply.label is not None
        assert reply.label.schools == (FLEET.schools[7].code,)
        seen = list(await until(lambda seen: online(seen)[-1:] == [False]))
        gone = len(seen)
        seen = list(await until(lambda seen: online(seen)[-1:] == [True]))
        refused = await live.request(FAULT_SUBJECT, b'{"kind":"flood"}', 10.0)
        assert "unknown" in msgspec.json.decode(refused, type=FaultReply).error
    after = seen[gone:]
    back = next(i for i, (topic, payload) in enumerate(after) if topic == status and payload["online"])
    stamps_us = [round(p[0]["bt"] * 1e6) for topic, p in after[:back] if topic == line]
    assert stamps_us == sorted(set(stamps_us)), "kept packs come oldest first, each once"
    kept = [t for t in stamps_us if reply.label.start_us <= t < reply.label.end_us]
    assert len(kept) >= 5
    silent = [p for topic, p in after[:back] if topic == line][: len(kept) - 1]
    assert all(p[0] == {"bt": p[0]["bt"], "n": "down_bps", "u": "bit/s", "v": 0.0} for p in silent)


async def test_devices_that_are_refused_are_issued_to_anew_or_fall_silent(
    nats_alone: RunningNats,
    postgres_url: str,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nats, issue_anew = (
        nats_alone,
        partial(simulated_secrets, load_settings(None, {"data": tmp_path}).but(database_url=postgres_url)),
    )
    rotated, taken = (DeviceName(FLEET.schools[i].code, "gw-1") for i in (7, 8))

    def online(seen: Seen, name: DeviceName) -> list[bool]:
        return [payload["online"] for topic, payload in seen if topic == f"{name.topics('79')}status"]

    async with await connect(postgres_url) as conn:
        await save_fleet(conn, FLEET)
    secrets = await issue_anew(fleet_names(FLEET))
    async with (
        await connect(postgres_url) as conn,
        running_authoriser(nats, postgres_url),
        _listening(nats) as until,
    ):
        config = replace(_config(nats), secrets=secrets, issue_anew=issue_anew)
        async with _running(config, catalogue, calendar):
            await until(lambda seen: online(seen, rotated)[-1:] == online(seen, taken)[-1:] == [True])
            await rotate(conn, {rotated: "another"}, timedelta(0))
            await issue(conn, {taken: "somebody else's"})
            await until(lambda seen: False in online(seen, rotated) and False in online(seen, taken))
            await until(lambda seen: online(seen, rotated)[-1])
            seen = await until(lambda _: "event=devices_not_simulated devices=1" in caplog.text)
    assert not online(seen, taken)[-1]


async def test_shared_lines_keep_packs_too(nats: Any, catalogue: Catalogue, calendar: SchoolCalendar) -> None:
    request = FaultRequest("link-cut", school=FLEET.schools[9].code, after_s=20, for_s=40)
    status, line = _topic(9, "gw-1", Stream.STATUS), _topic(9, "gw-1", Stream.BANDWIDTH)
    config = _config(nats, max_connections=5, faults=(request,))
    async with _listening(nats) as until, _running(config, catalogue, calendar):
        seen = await until(lambda seen: sum(topic == line for topic, _ in seen) >= 9)
    stamps_us = [round(p[0]["bt"] * 1e6) for topic, p in seen if topic == line]
    assert stamps_us == sorted(stamps_us)
    assert [b - a for a, b in pairwise(stamps_us)] == [10_000_000] * (len(stamps_us) - 1)
    assert all(payload["online"] for topic, payload in seen if topic == status)


async def test_a_broker_that_was_killed_gets_everything_in_the_end(
    nats: Any, catalogue: Catalogue, calendar: SchoolCalendar
) -> None:
    line = _topic(3, "gw-1", Stream.BANDWIDTH)
    async with _listening(nats) as until, _running(_config(nats), catalogue, calendar):
        before = len(await until(lambda seen: sum(topic == line for topic, _ in seen) >= 2))
        await asyncio.to_thread(nats.restart)
        seen = await until(lambda seen: sum(topic == line for topic, _ in seen[before:]) >= 6)
    stamps_us = sorted({round(p[0]["bt"] * 1e6) for topic, p in seen if topic == line})
    gaps = {b - a for a, b in pairwise(stamps_us)}
    assert gaps == {10_000_000}


async def test_a_replay_publishes_every_reading_with_its_own_time(
    nats_alone: RunningNats, postgres_url: str, catalogue: Catalogue, tmp_path: Path
) -> None:
    nats, path = nats_alone, tmp_path / "own.csv"
    rows = [f"{1000000000 + k},S{k % 7},latency_ms,{k % 50}" for k in range(500)]
    path.write_text("time,school,metric,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    recording = read_recording(path, catalogue)
    secrets = {DeviceName(*path): secret_of(DeviceName(*path)) for path in recording.fleet.device_by_path}
    config = ReplayConfig(nats.mqtt_host, nats.mqtt_port, secrets)
    told: list[Progress] = []
    async with _knowing(nats, postgres_url, recording.fleet), _listening(nats) as until:
        last = await publish(recording, config, catalogue, told.append, asyncio.Event())
        assert (last.readings, last.acknowledged) == (500, last.packs)
        seen = await until(lambda seen: sum(len(p) for _, p in seen) >= 500)
    found = {(topic.split("/")[3], p[0]["bt"] + r.get("t", 0.0), r["v"]) for topic, p in seen for r in p}
    assert found == {(f"S{k % 7}", 1000000000.0 + k, float(k % 50)) for k in range(500)}
    assert told[-1] == last
