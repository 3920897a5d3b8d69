"""Row 19: a thousand schools go down at once; a person sees a few lines, and every one is recorded."""

import time

import psycopg

from alerting.incidents.groups import Groups
from alerting.incidents.lines import group_alerts
from storage.alerts import open_alerts
from storage.database import connect
from storage.fleet import load_fleet
from tests.fault_table import Record
from tests.faults.checker import Broker, publish_all
from tests.faults.conftest import Start
from tests.running_system import RunningSystem, eventually

SCHOOLS = 1_500
DOWN = 1_000
MOST_LINES = 10
"""Lines on the wall. Source: EEMUA 191, ten alarms in ten minutes are a flood."""
FIRST_BY_PROVIDER = """
    SELECT s.code, d.code FROM school s JOIN device d ON d.school_id = s.id
    WHERE d.kind = 'gateway' ORDER BY s.isp, s.ward_code, s.code LIMIT %s
"""
OPENED = "SELECT count(DISTINCT school_id) FROM transition WHERE kind = 'opened' AND rule = 'wan_down'"
OPEN = "SELECT count(DISTINCT school_id) FROM alert WHERE resolved_at IS NULL AND rule = 'wan_down'"


def schools(system: RunningSystem, query: str) -> int:
    """Return how many schools have a lost line by one of the two tables."""
    with psycopg.connect(system.addresses["database_url"]) as conn:
        [(count,)] = conn.execute(query).fetchall()
    return int(count)


async def lines(system: RunningSystem) -> int:
    """Return how many lines the wall shows for all open alerts."""
    async with await connect(system.addresses["database_url"]) as conn:
        fleet = await load_fleet(conn)
        assert fleet is not None
        return len(group_alerts(await open_alerts(conn), Groups(fleet)))


async def test_a_thousand_schools_down_at_once(start: Start, record: Record) -> None:
    """All schools of some providers, and a part of another's, as the broker says it by last wills."""
    system = start("--schools", str(SCHOOLS))
    with psycopg.connect(system.addresses["database_url"]) as conn:
        down = conn.execute(FIRST_BY_PROVIDER, (DOWN,)).fetchall()
    assert len(down) == DOWN
    began_s = time.monotonic()
    wills = [(f"edu/v1/79/{school}/{device}/status", b'{"online":false}') for school, device in down]
    publish_all(Broker.of(system.addresses), wills)
    eventually(lambda: schools(system, OPEN) >= DOWN, "every school's alert is open")
    took_s = time.monotonic() - began_s
    assert schools(system, OPEN) == schools(system, OPENED) == DOWN
    shown = await lines(system)
    assert 1 <= shown <= MOST_LINES
    record(19, f"{DOWN:,} of {SCHOOLS:,} schools down at once", None, took_s, f"{shown} lines; all recorded")
