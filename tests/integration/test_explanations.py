"""An alert explains itself and remembers what was said of the ones before, over the real API and database."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from bus.codec import decode_action
from contract.alert import Because
from contract.commit import Counts
from contract.entry import ALERTS_LOG
from contract.live import AlertChanged
from contract.reading import Readings, Scored
from contract.series import series_of
from eduops.cli import app
from evaluation.feedback.label_file import read_labels
from evaluation.feedback.windows import read_judged
from storage.fleet import save_fleet
from tests.dashboard_stage import Stage, acknowledged, dismissed, resolved
from tests.running_system import PATIENCE_S, until

DAY_US = 86_400_000_000


async def why(
    client: httpx.AsyncClient, changed: AlertChanged, holds: Callable[[dict[str, Any]], bool] = bool
) -> dict[str, Any]:
    """Return an alert's explanation once it is as expected: the board hears of alerts by the push."""
    found: dict[str, Any] = {}

    async def expected() -> bool:
        nonlocal found
        answer = await client.get(f"/api/alerts/{changed.alert.alert_id}")
        found = answer.json()["explanation"]
        return holds(found)

    await until(expected, "the explanation is as expected", seen=lambda: found)
    return found


def texts(found: dict[str, Any], kind: str, language: str = "en") -> list[str]:
    return [line["text"] for line in found["sentences"][language] if line["kind"] == kind]


def is_compared(found: dict[str, Any]) -> bool:
    return len(found["peers"]) > 0


async def hear(stage: Stage, position: int, *metrics: str, value: float = 0.5, age_us: int = 0) -> None:
    """Store a reading of some metrics of a school, of now or of some time ago."""
    school = stage.fleet.schools[position]
    devices = {"down_bps": "gw-1", "attendance_ratio": "att-1"}
    series = [
        series_of(stage.fleet.device_by_path[(school.code, devices[name])].id, stage.catalogue.named(name).id)
        for name in metrics
    ]
    n = len(series)
    readings = Readings(
        np.full(n, stage.now_us() - age_us, np.int64), np.array(series, np.int32), np.full(n, value)
    )
    scored = Scored(readings, np.full(n, np.nan, np.float32))
    await stage.commit("telemetry-0", counts=Counts(n, n), rows=scored)


async def test_an_alert_says_what_was_found_and_that_it_is_alone(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    slow = stage.opened(0, "latency_unusual", 3, value=60.0, low=20.0, high=40.0, score=0.75)
    await stage.say_summaries()
    await stage.change(slow, stage.opened(1))
    found = await why(client, slow, lambda f: is_compared(f) and f["peers"][0]["unknown"] == 0)
    assert (found["channel"], found["unit"], found["deviations"]) == ("anomaly", "ms", 12.0)
    assert (found["value"], found["expected_low"], found["expected_high"]) == (60.0, 20.0, 40.0)
    assert (found["verdict"], found["cause"], found["dismissals"]) == (None, None, [])
    assert found["since_us"] == slow.alert.opened_at_us
    assert [p["kind"] for p in found["peers"]] == ["isp", "ward"][: len(found["peers"])]
    assert found["peers"][0]["failing"] == 1
    assert "only this one of" in texts(found, "peers")[0]
    assert "chỉ trường này" in texts(found, "peers", "vi")[0]
    assert found["sentences"].keys() == {"vi", "en"}


async def test_a_provider_that_fails_is_the_cause(stage: Stage, client: httpx.AsyncClient) -> None:
    isp = stage.fleet.schools[0].isp
    same = [i for i, s in enumerate(stage.fleet.schools) if s.isp == isp]
    down = [stage.opened(i) for i in same]
    await stage.change(*down)
    found = await why(
        client, down[0], lambda f: f["cause"] is not None and f["cause"]["schools"] == len(same)
    )
    assert (found["cause"]["kind"], found["cause"]["isp"], found["cause"]["of"]) == ("isp", isp, len(same))
    assert texts(found, "cause") == [f"Shared cause: provider {isp}, {len(same)} of {len(same)} schools."]


async def test_a_cause_is_kept_when_its_alerts_are_over(stage: Stage, client: httpx.AsyncClient) -> None:
    isp = stage.fleet.schools[0].isp
    same = [i for i, s in enumerate(stage.fleet.schools) if s.isp == isp]
    down = [stage.opened(i) for i in same]
    await stage.change(*down)
    for n, one in enumerate(down):
        await stage.change(resolved(one, stage.now_us() + n))
    for one in (down[0], down[-1]):
        found = await why(client, one)
        assert (found["cause"]["kind"], found["cause"]["isp"]) == ("isp", isp)
        assert (found["cause"]["schools"], found["peers"]) == (len(same), [])
    # Another provider's alert of that time is over as well, and had no part in it.
    later = stage.opened(next(i for i in range(len(stage.fleet.schools)) if i not in same))
    await stage.change(later)
    await stage.change(resolved(later, stage.now_us()))
    assert (await why(client, later))["cause"] is None


async def test_absent_or_offline(stage: Stage, client: httpx.AsyncClient) -> None:
    low = stage.opened(0, "attendance_low", 2, value=0.4, low=0.9)
    await stage.change(low)
    unknown = await why(client, low, is_compared)
    assert unknown["verdict"] == "unknown"
    await hear(stage, 0, "down_bps")
    assert (await why(client, low))["verdict"] == "unknown"
    await hear(stage, 0, "attendance_ratio")
    pupils = await why(client, low)
    assert pupils["verdict"] == "attendance"
    assert "Call the school" in texts(pupils, "advice")[0]
    missing = stage.opened(0, "register_missing", 3, value=None, low=None)
    await stage.change(missing, stage.opened(1))
    reader = await why(client, low, lambda f: f["verdict"] != "attendance")
    assert reader["verdict"] == (await why(client, missing))["verdict"] == "reader"
    await stage.change(stage.opened(0))
    link = await why(client, low, lambda f: f["verdict"] != "reader")
    assert link["verdict"] == "link"
    assert link["sentences"]["vi"][0]["kind"] == "verdict"
    await stage.change(resolved(low, stage.now_us()))
    over = await why(client, low)
    assert (over["verdict"], over["peers"]) == ("link", [])


@pytest.mark.parametrize(("age_min", "verdict"), [(40, "attendance"), (50, "unknown")])
async def test_the_register_that_opened_an_alert_counts_after_the_hour_of_registers(
    stage: Stage, client: httpx.AsyncClient, age_min: int, verdict: str
) -> None:
    made = stage.opened(0, "attendance_low", 2, value=0.4, low=0.9)
    alert = msgspec.structs.replace(made.alert, opened_at_us=stage.now_us() - 45 * 60_000_000)
    low = AlertChanged(alert, made.event)
    await hear(stage, 0, "down_bps")
    await hear(stage, 0, "attendance_ratio", age_us=age_min * 60_000_000)
    await stage.change(low)
    assert (await why(client, low, is_compared))["verdict"] == verdict


async def test_attendance_is_explained_within_its_limits(stage: Stage, client: httpx.AsyncClient) -> None:
    low = stage.opened(0, "attendance_low", 2, value=0.011, low=0.961, high=0.999, score=0.9)
    await stage.change(low)
    answer = (await client.get(f"/api/alerts/{low.alert.alert_id}")).json()
    found = answer["explanation"]
    assert (found["value"], found["expected_low"], found["expected_high"]) == (0.05, 0.95, 0.95)
    assert found["score"] is found["deviations"] is answer["alert"]["score"] is None
    assert "5.0 %" in texts(found, "found")[0]


async def test_a_dismissal_is_an_entry_of_the_log(stage: Stage, client: httpx.AsyncClient) -> None:
    slow = stage.opened(0, "latency_high", 2, value=412.0)
    await stage.change(slow)
    body = {"actor": " Trần Văn An ", "because": "planned_work", "note": "thay switch"}
    answer = await client.post(f"/api/alerts/{slow.alert.alert_id}/dismiss", json=body)
    assert answer.status_code == 202
    reader = await stage.log.reader(ALERTS_LOG, 0)
    (entry,) = await reader.fetch(1, PATIENCE_S)
    await reader.close()
    action = decode_action(entry.payload)
    assert action.action_id == answer.json()["action_id"]
    assert (action.kind, action.actor, action.because, action.note) == (
        "dismissed",
        "Trần Văn An",
        "planned_work",
        "thay switch",
    )
    none = await client.post("/api/alerts/0123456789abcdef/dismiss", json=body)
    assert (none.status_code, none.json()["code"]) == (404, "unknown_alert")


async def test_who_dismisses_the_center_dismisses_its_whole_line(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    own = [stage.opened_about_the_center(p) for p in range(3)]
    await stage.change(*own)
    body = {"actor": "Lan", "because": "planned_work"}
    url = f"/api/alerts/{own[1].alert.alert_id}/dismiss"
    assert (await client.post(url, json=body)).status_code == 202
    assert await stage.log.last_seq(ALERTS_LOG) == len(own)


async def test_the_next_alarm_of_the_kind_tells_what_was_said(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    now_us = stage.now_us()
    isp = stage.fleet.schools[0].isp
    same = [i for i, s in enumerate(stage.fleet.schools) if s.isp == isp]
    first = stage.opened(0, "latency_high", 2, value=412.0)
    said = dismissed(first, "Lan", Because.PLANNED_WORK, now_us - 2 * DAY_US, "tủ mạng")
    elsewhere = [stage.opened(i, "latency_high", 2, value=300.0) for i in same[1:3]]
    recent = dismissed(elsewhere[0], "Minh", Because.OTHER, now_us - 3 * DAY_US)
    long_ago = dismissed(elsewhere[1], "Minh", Because.OTHER, now_us - 91 * DAY_US)
    other_rule = dismissed(stage.opened(0), "An", Because.SENSOR_FAULT, now_us)
    openings = [first, *elsewhere]
    await stage.change(*openings, said, recent, long_ago, other_rule, resolved(said, now_us))
    again = stage.opened(0, "latency_high", 2, value=500.0)
    await stage.change(again)
    found = await why(client, again)
    assert found["dismissals"] == [
        {"at_us": now_us - 2 * DAY_US, "actor": "Lan", "because": "planned_work", "note": "tủ mạng"}
    ]
    assert found["dismissed_nearby"] == 1
    assert texts(found, "dismissed", "vi")[0].startswith(
        "Lần trước không phải sự cố: Bảo trì có kế hoạch (Lan,"
    )
    own = (await client.get(f"/api/alerts/{first.alert.alert_id}")).json()
    assert own["explanation"]["dismissals"] == []
    assert own["alert"]["acknowledged_by"] == "Lan"
    assert [(e["kind"], e["because"]) for e in own["events"]] == [
        ("opened", ""),
        ("dismissed", "planned_work"),
        ("resolved", ""),
    ]


async def test_three_dismissals_are_told_and_the_last_comes_first(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    opened = stage.opened(0, "latency_high", 2, value=412.0)
    now_us = stage.now_us()
    told = [dismissed(opened, f"engineer {k}", Because.OTHER, now_us - k * DAY_US) for k in range(5)]
    again = stage.opened(0, "latency_high", 2, value=500.0)
    await stage.change(opened, *told, again)
    found = await why(client, again)
    assert [d["actor"] for d in found["dismissals"]] == ["engineer 0", "engineer 1", "engineer 2"]


async def test_the_series_of_answers_come_with_them(stage: Stage, tmp_path: Path, postgres_url: str) -> None:
    await save_fleet(stage.conn, stage.fleet)
    await hear(stage, 0, "attendance_ratio", value=0.99)
    now_us = stage.now_us()
    few = stage.opened(0, "attendance_low", 2, value=0.4, low=0.9)
    slow = stage.opened(0, "latency_high", 2, value=412.0)
    await stage.change(acknowledged(few, "Lan", now_us), acknowledged(slow, "Lan", now_us))
    settings = {"EDUOPS_DATABASE_URL": postgres_url, "EDUOPS_NATS_URL": "nats://127.0.0.1:1"}
    labels, folder = tmp_path / "labels.csv", tmp_path / "series"
    arguments = ["feedback", "export", str(labels), "--data", str(tmp_path), "--series", str(folder)]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=settings)
    assert result.exit_code == 0, result.output
    code = stage.fleet.schools[0].code
    files = {path.name: path for path in folder.iterdir()}
    assert files.keys() == {f"{code}.att-1.attendance_ratio.csv", f"{code}.gw-1.latency_ms.csv"}
    series = read_judged(files[f"{code}.att-1.attendance_ratio.csv"], labels)
    assert series.value.tolist() == [0.95]  # no more than pages may show
    # The register came after the alert, which is open still.
    assert series.windows.tolist() == [[0, 0]]


async def test_answers_become_labels(stage: Stage, tmp_path: Path, postgres_url: str) -> None:
    await save_fleet(stage.conn, stage.fleet)
    now_us = stage.now_us()
    problem = acknowledged(stage.opened(0), "Lan", now_us)
    not_one = dismissed(stage.opened(1, "latency_high", 2), "Minh", Because.SENSOR_FAULT, now_us, "mật")
    changed_mind = dismissed(acknowledged(stage.opened(2), "An", now_us), "An", Because.SCHOOL_EVENT, now_us)
    own = acknowledged(stage.opened_about_the_center(0), "Lan", now_us)
    await stage.change(problem, not_one, resolved(not_one, now_us), changed_mind, own, stage.opened(3))
    path = tmp_path / "labels.csv"
    settings = {"EDUOPS_DATABASE_URL": postgres_url, "EDUOPS_NATS_URL": "nats://127.0.0.1:1"}
    for names in ([], ["--with-names"]):
        arguments = ["feedback", "export", str(path), "--data", str(tmp_path), *names]
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=settings)
        assert result.exit_code == 0, result.output
        assert "1 problems, 2 not a problem" in result.output
        labels = {label.rule + label.school: label for label in read_labels(path)}
        codes = [school.code for school in stage.fleet.schools]
        assert {key: (one.kind.value, one.because) for key, one in labels.items()} == {
            f"wan_down{codes[0]}": ("problem", ""),
            f"latency_high{codes[1]}": ("not_a_problem", "sensor_fault"),
            f"wan_down{codes[2]}": ("not_a_problem", "school_event"),
        }
        assert "mật" not in path.read_text(encoding="utf-8")
        slow = labels[f"latency_high{codes[1]}"]
        assert (slow.device, slow.metric, slow.to_us) == ("gw-1", "latency_ms", now_us)
        assert [one.actor for one in labels.values()] == (["Lan", "Minh", "An"] if names else ["", "", ""])
