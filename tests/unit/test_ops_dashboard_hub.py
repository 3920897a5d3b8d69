"""A page's queue: short, never waited for, honest about what it lost."""

import asyncio

from ops_dashboard.live.client import Client


async def drain(client: Client, count: int) -> list[bytes | None]:
    return [await client.next_message() for _ in range(count)]


async def test_messages_come_in_order() -> None:
    client = Client(4, wants_changes=True)
    client.offer(b"1", replaceable=True)
    client.offer(b"2", replaceable=False)
    assert await drain(client, 2) == [b"1", b"2"]


async def test_an_old_snapshot_makes_room() -> None:
    client = Client(2, wants_changes=False)
    for n in range(5):
        client.offer(b"%d" % n, replaceable=True)
    assert await drain(client, 2) == [b"3", b"4"]
    assert not client.dropped


async def test_changes_are_never_thrown_away_for_snapshots() -> None:
    client = Client(3, wants_changes=True)
    client.offer(b"change 1", replaceable=False)
    client.offer(b"old", replaceable=True)
    client.offer(b"change 2", replaceable=False)
    client.offer(b"new", replaceable=True)
    assert await drain(client, 3) == [b"change 1", b"change 2", b"new"]


async def test_who_does_not_keep_up_is_dropped() -> None:
    client = Client(2, wants_changes=True)
    for n in range(3):
        client.offer(b"%d" % n, replaceable=False)
    assert client.dropped
    assert await client.next_message() is None


async def test_a_waiting_writer_wakes_up() -> None:
    client = Client(2, wants_changes=False)
    waiting = asyncio.create_task(client.next_message())
    await asyncio.sleep(0)
    client.offer(b"now", replaceable=True)
    assert await waiting == b"now"
    waiting = asyncio.create_task(client.next_message())
    await asyncio.sleep(0)
    client.drop()
    assert await waiting is None
