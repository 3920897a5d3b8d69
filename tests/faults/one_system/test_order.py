"""Rows 26 and 27: the same readings ten times, shuffled, and days late give one row and the same rollups.

Three gateways publish the same values at the same times: one in order, one every pack ten times, one
shuffled and ten times. What the tables say of the three must be equal.
"""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from typing import Any

import psycopg

from storage.database import connect
from storage.upkeep.maintenance import maintain
from tests.fault_table import Account, Record
from tests.faults.checker import Broker, Gateway, assert_balanced, publish_all
from tests.faults.one_system.conftest import SharedSystem
from tests.running_system import RunningSystem, eventually

HOUR_US = 3_600_000_000
READINGS = 600
PACK = 10
COPIES = 10

Pair = tuple[int, float]
"""Time in µs since 1970, and value."""


def message(gateway: Gateway, pairs: Sequence[Pair]) -> tuple[str, bytes]:
    """Return topic and payload of a pack; whole seconds, so that no rounding can make two of one."""
    pack = [
        {"n": "down_bps", "u": "bit/s", "v": value, "t": time_us // 1_000_000} for time_us, value in pairs
    ]
    return gateway.topic, json.dumps(pack).encode()


def packs(pairs: Sequence[Pair]) -> list[Sequence[Pair]]:
    """Return the readings in packs."""
    return [pairs[i : i + PACK] for i in range(0, len(pairs), PACK)]


def rows(url: str, statement: str, gateway: Gateway) -> list[tuple[Any, ...]]:
    """Return what the tables say of a gateway's traffic."""
    with psycopg.connect(url) as connection:
        return connection.execute(statement, {"series": gateway.series}).fetchall()


def stored(url: str, gateway: Gateway) -> list[tuple[Any, ...]]:
    """Return time and value of every row, by time."""
    return rows(
        url, "SELECT to_us(time), value FROM reading WHERE series = %(series)s ORDER BY 1, 2", gateway
    )


def rollups(url: str, gateway: Gateway) -> list[list[tuple[Any, ...]]]:
    """Return every bucket of the quarters and of the hours."""
    columns = "SELECT bucket, n, sum, min, max FROM"
    where = "WHERE series = %(series)s ORDER BY bucket"
    return [rows(url, f"{columns} {view} {where}", gateway) for view in ("reading_15m", "reading_1h")]


def roll_up(url: str) -> None:
    """Let maintenance run until no bucket of the tested hours waits to be rolled up again."""
    done = (
        "SELECT (SELECT rolled_before FROM horizon) > now() - interval '2 hours' AND NOT EXISTS (SELECT "
        "FROM touched_bucket WHERE width <> '1d' AND bucket < now() - interval '2 hours')"
    )

    async def once() -> bool:
        async with await connect(url) as connection:
            await maintain(connection, time.time_ns() // 1000)
            cursor = await connection.execute(done)
            return await cursor.fetchone() == (True,)

    eventually(lambda: asyncio.run(once()), "every touched bucket is rolled up")


def test_duplicates_and_disorder_change_nothing(system: SharedSystem, record: Record) -> None:
    url, chance = system.addresses["database_url"], random.Random(27)
    plain, tenfold, shuffled = system.take(3)
    oldest_us = (time.time_ns() // 1000 - 47 * HOUR_US) // 1_000_000 * 1_000_000
    step_us = 46 * HOUR_US // READINGS // 1_000_000 * 1_000_000
    pairs = [(oldest_us + i * step_us, float(chance.randrange(10**8))) for i in range(READINGS)]
    disorder = pairs * COPIES
    chance.shuffle(disorder)

    broker, began = Broker.of(system.addresses), ledger_of(system)
    publish_all(broker, (message(plain, pack) for pack in packs(pairs)))
    publish_all(broker, (message(tenfold, pack) for pack in packs(pairs) for _ in range(COPIES)))
    publish_all(broker, (message(shuffled, pack) for pack in packs(disorder)))
    after = drained(system, began["received"] + (2 * COPIES + 1) * READINGS)

    assert stored(url, plain) == sorted(pairs)
    assert stored(url, tenfold) == sorted(pairs)
    assert stored(url, shuffled) == sorted(pairs)
    assert after["duplicate"] - began["duplicate"] == 2 * (COPIES - 1) * READINGS
    roll_up(system.addresses["database_owner_url"])
    in_order = rollups(url, plain)
    assert len(in_order[1]) >= 46, "the readings spread over the hours"
    assert rollups(url, tenfold) == in_order
    assert rollups(url, shuffled) == in_order
    sent = COPIES * READINGS
    record(
        26, f"every pack {COPIES} times", Account(sent, sent, READINGS), note="one row each, equal rollups"
    )
    record(27, f"shuffled, {COPIES} times", Account(sent, sent, READINGS), note="one row each, equal rollups")


def test_two_days_late(system: SharedSystem, record: Record) -> None:
    url = system.addresses["database_url"]
    [gateway] = system.take(1)
    now_us = time.time_ns() // 1_000_000_000 * 1_000_000
    recent = [(now_us - 60_000_000 + i * 1_000_000, 5e7) for i in range(50)]
    late = [(now_us - 47 * HOUR_US + i * 1_000_000, 5e7) for i in range(50)]
    too_late = [(now_us - 48 * HOUR_US - (i + 60) * 1_000_000, 5e7) for i in range(50)]

    broker, began = Broker.of(system.addresses), ledger_of(system)
    for part in (recent, late, too_late):
        publish_all(broker, (message(gateway, pack) for pack in packs(part)))
    after = drained(system, began["received"] + 150)

    assert stored(url, gateway) == sorted(recent + late)
    scores = (
        "SELECT DISTINCT score = 'NaN' FROM reading WHERE series = %(series)s AND to_us(time) < %(before)s"
    )
    with psycopg.connect(url) as connection:
        found = connection.execute(scores, {"series": gateway.series, "before": recent[0][0]}).fetchall()
    assert found == [(True,)], "what comes after later readings is not scored"
    assert after["quarantined"] - began["quarantined"] == 50
    assert "too_old" in system.command("quarantine").stdout
    record(27, "47 hours late", Account(50, 50, 50), note="stored, not scored")
    record(27, "48 hours late and more", Account(50, 50, 0), note="50 quarantined as too_old")


def ledger_of(system: RunningSystem) -> dict[str, Any]:
    """Return the ledger as soon as it can be read."""
    return drained(system, 0)


def drained(system: RunningSystem, received: int) -> dict[str, Any]:
    """Return the ledger once at least so many readings were taken into account and none is in flight."""
    ledger: dict[str, Any] = {}

    def is_drained() -> bool:
        ledger.update(system.status())
        return ledger.get("in_flight") == 0 and ledger["received"] >= received

    eventually(is_drained, f"{received} readings are taken into account")
    assert_balanced(ledger)
    return ledger
