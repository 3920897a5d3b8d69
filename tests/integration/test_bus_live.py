"""Live events over a real nats-server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bus.live import Live
from contract.errors import InfrastructureError


@pytest.fixture
async def live(nats: Any) -> AsyncIterator[Live]:
    """A connection for live events."""
    async with Live.connect(nats.url, **nats.login()) as connected:
        yield connected


async def test_events_reach_who_listens(live: Live) -> None:
    async with live.subscribe("live.summary.*") as events:
        await live.publish("live.summary.0", b"a")
        await live.publish("live.alert", b"not mine")
        await live.publish("live.summary.1", b"b")
        stream = aiter(events)
        async with asyncio.timeout(10):
            assert [await anext(stream), await anext(stream)] == [
                ("live.summary.0", b"a"),
                ("live.summary.1", b"b"),
            ]


async def test_a_subscription_that_waits_behind_much_else_hears_what_is_said_once_it_stands(
    live: Live, nats: Any
) -> None:
    async with Live.connect(nats.url, **nats.login()) as other:
        for i in range(20):
            await other.publish("elsewhere", bytes(2**20))
            async with other.subscribe(f"live.{i}") as events:
                await live.publish(f"live.{i}", b"")
                async with asyncio.timeout(10):
                    assert await anext(aiter(events)) == (f"live.{i}", b"")


async def test_a_subscription_outlives_a_killed_server(live: Live, nats: Any) -> None:
    async with live.subscribe("live.x") as events:
        stream = aiter(events)
        await live.publish("live.x", b"before")
        async with asyncio.timeout(30):
            assert await anext(stream) == ("live.x", b"before")
            await asyncio.to_thread(nats.restart)
            waiting = asyncio.ensure_future(anext(stream))
            while not waiting.done():  # an event of the time without a line is lost: say it again
                await live.publish("live.x", b"after")
                await asyncio.wait([waiting], timeout=0.1)
            assert await waiting == ("live.x", b"after")


async def test_a_request_is_answered(live: Live) -> None:
    async def double(subject: str, payload: bytes) -> bytes:
        return subject.encode() + payload * 2

    await live.respond("control.fault", double)
    assert await live.request("control.fault", b"x", 5.0) == b"control.faultxx"


async def test_a_request_that_nobody_answers_says_so(live: Live) -> None:
    with pytest.raises(InfrastructureError, match="nobody answers on control"):
        await live.request("control.fault", b"", 5.0)


async def test_a_failing_handler_is_the_answer(live: Live) -> None:
    async def fail(_subject: str, _payload: bytes) -> bytes:
        raise ValueError("no such fault")

    await live.respond("control.fault", fail)
    with pytest.raises(InfrastructureError, match="no such fault"):
        await live.request("control.fault", b"", 5.0)


async def test_a_request_is_not_waited_for_for_ever(live: Live) -> None:
    async def never(_subject: str, _payload: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    await live.respond("control.fault", never)
    with pytest.raises(InfrastructureError, match="within"):
        await live.request("control.fault", b"", 0.1)
