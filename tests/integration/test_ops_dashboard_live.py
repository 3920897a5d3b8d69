"""The push: from the live subjects on a real NATS to a real websocket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from contract.alert import AlertEvent
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.entry import ALERTS_LOG
from contract.errors import InfrastructureError
from contract.fleet import Fleet
from contract.live import SILENCE_SUBJECT, AlertChanged, Kpi
from contract.routing.silence import SilenceMatcher
from contract.rule import Rule
from ops_dashboard.app import PUSHING
from ops_dashboard.live.feed import CHANGES_MAX
from tests.conftest import TestNats
from tests.dashboard_stage import Stage, acknowledged, open_stage, resolved
from tests.silence_words import HOUR_US, silence

PATIENCE_S = 30.0


@pytest.fixture
async def stage(
    nats: TestNats,
    postgres_url: str,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> AsyncIterator[Stage]:
    async with open_stage(
        nats, postgres_url, city, catalogue, calendar, rules, summary_stale_s=3.0, heal_s=600.0
    ) as opened:
        yield opened


def page(stage: Stage, query: str = "", **more: Any) -> connect:
    """Return a connection as a browser's page makes it."""
    more = {"origin": stage.url, "additional_headers": stage.headers, **more}
    return connect(stage.url.replace("http", "ws") + "/ws/live" + query, **more)


async def hear(socket: ClientConnection, **wanted: Any) -> dict[str, Any]:
    """Return the first message whose fields are as wanted; a callable is asked, anything else compared."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message: dict[str, Any] = msgspec.json.decode(await socket.recv())
            if all(w(message.get(n)) if callable(w) else message.get(n) == w for n, w in wanted.items()):
                return message


async def test_a_silence_is_counted_on_the_wall_from_its_word_to_its_end(stage: Stage) -> None:
    await stage.change(stage.opened(0), stage.opened(1))
    school = SilenceMatcher("school", stage.fleet.schools[0].code)
    made = silence("a", stage.now_us(), stage.now_us() + HOUR_US, school)
    async with page(stage) as socket:
        await hear(socket, kind="snapshot", open=lambda o: (o["muted"], o["sounding"]) == (0, 2))
        await stage.commit(ALERTS_LOG, silences=(made,))
        await stage.live.publish(SILENCE_SUBJECT, msgspec.msgpack.encode(made))
        told = await hear(socket, kind="snapshot", open=lambda o: o["muted"] == 1)
        assert told["open"]["sounding"] == 1
        assert sorted(line["silenced"] for line in told["open"]["lines"]) == [False, True]
        ended = msgspec.structs.replace(made, ended_at_us=stage.now_us())
        await stage.live.publish(SILENCE_SUBJECT, msgspec.msgpack.encode(ended))
        await hear(socket, kind="snapshot", open=lambda o: o["muted"] == 0)


async def test_hello_comes_first_then_whole_snapshots(stage: Stage) -> None:
    async with page(stage) as socket:
        hello = msgspec.json.decode(await socket.recv())
        assert hello == {
            "kind": "hello",
            "build": "build-1",
            "topology": stage.fleet.version,
            "province": stage.fleet.province,
            "partitions": 2,
        }
        await stage.say_summaries()
        snapshot = await hear(socket, kind="snapshot", states="n" * 40)
        assert snapshot["connected"].items() >= {"value": 1.0, "reporting": 40, "expected": 40}.items()
        assert snapshot["attendance"]["value"] == pytest.approx(0.95)
        assert snapshot["elearning"]["value"] == 40 * 88
        following = await hear(socket, kind="snapshot")
        assert following["sequence"] > snapshot["sequence"]
        assert snapshot.keys() == following.keys()


async def test_an_alert_is_told_through_its_life(stage: Stage) -> None:
    async with page(stage, "?alerts=1") as socket:
        await stage.say_summaries()
        await hear(socket, kind="snapshot", states="n" * 40)
        changed = stage.opened(3)
        await stage.change(changed)
        heard = await hear(socket, kind="changes")
        assert heard["changes"][0]["alert"]["alert_id"] == changed.alert.alert_id
        opened = await hear(socket, kind="snapshot")
        assert opened["states"][3] == "1"
        assert opened["open"]["by_priority"] == [1, 0, 0]
        assert opened["open"]["sounding"] == 1
        taken = acknowledged(changed, "An", stage.now_us())
        await stage.change(taken)
        known = await hear(socket, kind="snapshot", open=lambda o: o["unacknowledged"] == 0)
        assert known["open"]["lines"][0]["acknowledged_by"] == "An"
        assert known["states"][3] == "1"
        await stage.change(resolved(taken, stage.now_us()))
        calm = await hear(socket, kind="snapshot", open=lambda o: o["line_count"] == 0)
        assert calm["states"][3] == "n"


async def test_a_wall_hears_no_single_changes(stage: Stage) -> None:
    async with page(stage) as socket:
        await stage.change(stage.opened(0))
        while True:
            message = await hear(socket)
            assert message["kind"] in ("hello", "snapshot")
            if message["kind"] == "snapshot" and message["open"]["by_priority"] == [1, 0, 0]:
                return


async def test_an_incident_that_changed_is_told_by_its_id(stage: Stage) -> None:
    async with page(stage, "?alerts=1") as socket:
        changed = stage.opened(3)
        await stage.change(changed)
        told = await hear(socket, kind="incidents")
        assert told["ids"] == [changed.alert.alert_id]


async def test_a_flood_is_told_by_version(stage: Stage) -> None:
    async with page(stage, "?alerts=1") as socket:
        before = (await hear(socket, kind="snapshot"))["alerts_version"]
        first = stage.opened(0)
        many = [
            AlertChanged(first.alert, AlertEvent(first.alert.alert_id, "noted", stage.now_us(), "An", str(i)))
            for i in range(CHANGES_MAX + 1)
        ]
        await stage.change(first)
        await asyncio.gather(*(stage.live.publish("live.alert", msgspec.msgpack.encode([c])) for c in many))
        await hear(socket, kind="snapshot", alerts_version=lambda v: v > before)


async def test_open_alerts_and_silences_are_known_from_the_start(
    nats: TestNats,
    postgres_url: str,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> None:
    settings = (nats, postgres_url, city, catalogue, calendar, rules)
    async with open_stage(*settings) as first:
        await first.change(first.opened(0))
        at_us = first.now_us()
        made = silence("a", at_us - HOUR_US, at_us + HOUR_US, SilenceMatcher("rule", "wan_down"))
        await first.commit(ALERTS_LOG, silences=(made,))
    async with open_stage(*settings) as second, page(second) as socket:
        snapshot = await hear(socket, kind="snapshot", open=lambda o: o["by_priority"] == [1, 0, 0])
        assert snapshot["states"][0] == "1"
        assert snapshot["open"]["muted"] == 1


async def test_what_a_broken_line_swallowed_is_read_after_it(stage: Stage, nats: TestNats) -> None:
    async with page(stage) as socket:
        await stage.say_summaries()
        await hear(socket, kind="snapshot", states="n" * 40)
        nats.kill()
        await stage.change(stage.opened(5))  # committed, but nobody hears it
        await hear(socket, kind="snapshot", age_s=lambda age: age is not None and age > 3.0)
        nats.start()
        async with asyncio.timeout(PATIENCE_S):
            while (await hear(socket, kind="snapshot"))["open"]["by_priority"] != [1, 0, 0]:
                await stage.say_summaries()


async def test_a_silent_partition_is_unknown(stage: Stage) -> None:
    members = stage.fleet.partition_of_schools(2)
    async with page(stage) as socket:
        await stage.say_summaries()
        await hear(socket, kind="snapshot", states="n" * 40)
        while True:
            await stage.say_summaries(partitions=[0])
            snapshot = await hear(socket, kind="snapshot")
            if "u" in snapshot["states"]:
                break
        assert [state == "u" for state in snapshot["states"]] == [p == 1 for p in members]
        assert snapshot["connected"]["expected"] == 40
        assert snapshot["connected"]["value"] is None
        assert snapshot["open"]["live_partitions"] == 1


async def test_a_figure_below_its_coverage_is_unknown(stage: Stage) -> None:
    async with page(stage) as socket:
        await stage.say_summaries(kpis={"online": Kpi(20, 15, 15.0), "active_users": Kpi(20, 17, 900.0)})
        snapshot = await hear(socket, kind="snapshot", connected=lambda t: t["expected"] == 40)
        assert snapshot["connected"].items() >= {"value": None, "reporting": 30, "expected": 40}.items()
        assert snapshot["elearning"]["value"] == 1800.0
        assert snapshot["attendance"].items() >= {"value": None, "reporting": 0, "expected": 0}.items()


async def test_other_sites_cannot_listen(stage: Stage) -> None:
    address = stage.url.replace("http", "ws") + "/ws/live"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address, origin="https://elsewhere.example", additional_headers=stage.headers):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("size", [257, 100_000])
async def test_who_talks_too_much_is_cut_off(stage: Stage, size: int) -> None:
    async with page(stage) as socket:
        await socket.send("x" * size)
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket, kind="nothing")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_a_heartbeat_is_welcome(stage: Stage) -> None:
    async with page(stage) as socket:
        await socket.send("ping")
        first = await hear(socket, kind="snapshot")
        await hear(socket, kind="snapshot", sequence=lambda n: n > first["sequence"] + 1)


async def test_the_dashboard_ends_rather_than_serve_a_wall_that_nobody_renews(
    nats: TestNats,
    postgres_url: str,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> None:
    async def lose_the_push() -> None:
        async with (
            open_stage(nats, postgres_url, city, catalogue, calendar, rules) as stage,
            page(stage) as wall,
        ):
            next(task for task in asyncio.all_tasks() if task.get_name() == PUSHING).cancel()
            await asyncio.wait_for(wall.wait_closed(), PATIENCE_S)

    with pytest.raises(InfrastructureError, match=PUSHING):
        await lose_the_push()
