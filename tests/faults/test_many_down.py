"""Row 19: a thousand schools go down at once; a person sees a few lines, and every one is recorded."""

import time

import psycopg

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
PLACED = """
    SELECT count(DISTINCT school_id) FROM incident_member JOIN alert USING (alert_id)
    WHERE left_at IS NULL AND rule = 'wan_down'
"""
SHOWN = "SELECT count(*) FROM incident WHERE ended_at IS NULL AND alerts > 0"


def count(system: RunningSystem, query: str) -> int:
    """Return the number that a query counts, mostly of schools with a lost line."""
    with psycopg.connect(system.addresses["database_url"]) as conn:
        [(counted,)] = conn.execute(query).fetchall()
    return int(counted)


def test_a_thousand_schools_down_at_once(start: Start, record: Record) -> None:
    """All schools of some providers, and a part of another's, as the broker says it by last wills."""
    system = start("--schools", str(SCHOOLS))
    with psycopg.connect(system.addresses["database_url"]) as conn:
        down = conn.execute(FIRST_BY_PROVIDER, (DOWN,)).fetchall()
    assert len(down) == DOWN
    began_s = time.monotonic()
    wills = [(f"edu/v1/79/{school}/{device}/status", b'{"online":false}') for school, device in down]
    publish_all(Broker.of(system.addresses), wills)
    eventually(lambda: count(system, OPEN) >= DOWN, "every school's alert is open")
    took_s = time.monotonic() - began_s
    assert count(system, OPEN) == count(system, OPENED) == DOWN
    eventually(lambda: count(system, PLACED) >= DOWN, "every school's alert is in an incident")
    shown = count(system, SHOWN)
    assert 1 <= shown <= MOST_LINES
    record(19, f"{DOWN:,} of {SCHOOLS:,} schools down at once", None, took_s, f"{shown} lines; all recorded")
