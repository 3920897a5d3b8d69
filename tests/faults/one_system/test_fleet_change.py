"""The fleet changes in the running system: nobody restarts, nothing is lost, every code keeps its number."""

import csv
import io
import json
import urllib.request
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fault_table import Record
from tests.faults.checker import Broker, Gateway, NumberedDevice, assert_balanced, check, publishing
from tests.faults.one_system.conftest import SCHOOLS, SharedSystem
from tests.running_system import RunningSystem, eventually

READINGS = 100
SERVICES = ("ingest", "processor", "dashboard")


def get(system: RunningSystem, path: str) -> Any:
    """Return what the dashboard answers, None while it comes back."""
    try:
        asked = urllib.request.Request(system.url + path, headers=system.headers)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)
    except OSError:
        return None


def numbers(system: RunningSystem) -> dict[str, int]:
    with psycopg.connect(system.addresses["database_url"]) as connection:
        return dict(connection.execute("select code, id from school").fetchall())


def silent_gateway(system: RunningSystem, gateway: Gateway) -> None:
    """Say that a school's line is down, and wait for its alert."""
    import paho.mqtt.publish as publish

    broker = Broker.of(system.addresses)
    publish.single(
        gateway.topic.replace("/bandwidth", "/status"),
        '{"online": false}',
        qos=1,
        hostname=broker.host,
        port=broker.port,
        auth={"username": broker.user, "password": broker.password},
    )


@pytest.mark.timeout(240)
def test_schools_come_and_go_under_load(system: SharedSystem, record: Record, tmp_path: Path) -> None:
    before, pids = numbers(system), {name: system.processes()[name]["pid"] for name in SERVICES}
    rows = list(csv.reader(io.StringIO(system.command("fleet", "export").stdout)))
    *where, last = system.take(4)
    closing = last.topic.split("/")[3]
    silent_gateway(system, last)
    eventually(lambda: _alert_of(system, before[closing]) is not None, "the closing school has an alert")
    new = ["79099999", "Trường mới", *rows[1][2:]]
    changed = [rows[0], new, *reversed([row for row in rows[1:] if row[0] != closing])]
    assert len(changed) == len(rows) == SCHOOLS + 1
    file = tmp_path / "fleet.csv"
    file.write_text("\n".join(";".join(row) for row in changed), encoding="utf-8-sig")
    with publishing(Broker.of(system.addresses), where, every_s=0.02) as devices:
        for device in devices:
            device.more(READINGS)
        done = system.command("fleet", "import", str(file), "--yes")
        assert done.returncode == 0, done.stderr
        eventually(lambda: _version(system) == SCHOOLS + 1, "the wall knows the new fleet")
        newcomer = _device_of(system, new[0])
        newcomer.more(READINGS)
        for device in devices:
            device.more(READINGS)
            device.finish()
        newcomer.finish()
        newcomer.leave()
        account = check(system, [*devices, newcomer])
    assert account.stored == account.attempted
    assert_balanced(system.status())
    after = numbers(system)
    assert {code: after[code] for code in before} == before
    assert {name: system.processes()[name]["pid"] for name in SERVICES} == pids
    ended = _alert_of(system, before[closing])
    assert ended is not None
    assert ended["resolved_at_us"] is not None
    history = get(system, f"/api/alerts/{ended['alert_id']}")["events"]
    assert [event["note"] for event in history if event["kind"] == "resolved"] == ["school_closed"]
    assert get(system, f"/api/series/{closing}/gw-1/online") is not None
    record("fleet", "a school joins, one closes, rows in another order", account, 0.0, "no restart")


def _version(system: RunningSystem) -> int:
    """Return how many schools, former ones among them, the wall knows."""
    fleet = get(system, "/api/fleet") or {"schools": [], "former": []}
    return len(fleet["schools"]) + len(fleet["former"])


def _alert_of(system: RunningSystem, school_id: int) -> Any:
    found = get(system, "/api/alerts") or {"alerts": []}
    return next((alert for alert in found["alerts"] if alert["school_id"] == school_id), None)


def _device_of(system: RunningSystem, code: str) -> NumberedDevice:
    with psycopg.connect(system.addresses["database_url"]) as connection:
        row = connection.execute(
            "select d.id from device d join school s on s.id = d.school_id"
            " where s.code = %s and d.code = 'gw-1'",
            (code,),
        ).fetchone()
    assert row is not None
    return NumberedDevice(
        Broker.of(system.addresses), Gateway(f"edu/v1/79/{code}/gw-1/bandwidth", row[0] << 8 | 1)
    )
