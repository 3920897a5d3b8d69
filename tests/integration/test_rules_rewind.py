"""`eduops rules` over history in a real PostgreSQL."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

from contract.alert import Transition
from contract.commit import Commit
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.rule import AnomalyRule, parse_rules
from eduops.cli import app
from storage.database import connect
from storage.fleet import save_fleet
from storage.results import commit
from stream_processor.fold.constants import build_fold
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    columns,
    fold_log,
    packaged,
    series_named,
    small_fleet,
)

SCHOOLS = 8
MINUTES = 20
LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")


def the_log() -> list[Entry]:
    """Latency each ten seconds: of three schools 130 ms and of one 200 ms for two minutes, else 20 ms."""
    log: list[Entry] = []
    for second in range(0, 60 * MINUTES, 10):
        at_us = MONDAY_9H_US + second * SECOND_US
        slow = {2: 200.0, 3: 130.0, 5: 130.0, 7: 130.0} if 600 <= second < 720 else {}
        rows = [(at_us, series_named(s, "latency_ms"), slow.get(s, 20.0)) for s in range(1, SCHOOLS + 1)]
        rows += [(at_us, series_named(s, "down_bps"), 5e7 + second * s) for s in range(1, SCHOOLS + 1)]
        log += [ReadingsEntry(at_us, columns(rows)), TickEntry(at_us)]
    return log


@pytest.fixture
def told(postgres_url: str) -> tuple[Transition, ...]:
    """The history in the tables, as the live fold left it; returns what it told."""
    return asyncio.run(keep_history(postgres_url))


async def keep_history(postgres_url: str) -> tuple[Transition, ...]:
    fleet = small_fleet(SCHOOLS)
    rules = parse_rules(packaged("rules.toml"), CATALOGUE)
    folded = fold_log(build_fold(fleet, CATALOGUE, CALENDAR, rules, 0, 1), [the_log()])
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, fleet)
        end_us = MONDAY_9H_US + 60 * MINUTES * SECOND_US
        await commit(
            conn,
            Commit("telemetry-0", 0, 1, end_us, folded.counts, folded.rows, folded.transitions, folded.kpis),
        )
    return folded.transitions


def local(second: int) -> str:
    return f"{datetime.fromtimestamp(MONDAY_9H_US / 1e6 + second, LOCAL):%Y-%m-%dT%H:%M:%S}"


def rules(postgres_url: str, data: Path, *words: str) -> tuple[int, str]:
    env = {
        "EDUOPS_DATABASE_URL": postgres_url,
        "EDUOPS_NATS_URL": "nats://127.0.0.1:1",
        "EDUOPS_DATA": str(data),
    }
    span = ["--from", local(300), "--to", local(60 * MINUTES)]
    ended = CliRunner().invoke(app, ["rules", *words, *span], env=env)
    return ended.exit_code, ended.stdout + (str(ended.exception) if ended.exception else "")


def test_a_lower_threshold_is_counted_before_anybody_is_woken(
    postgres_url: str, told: tuple[Transition, ...], tmp_path: Path
) -> None:
    live = [t.school_id for t in told if t.rule == "latency_high" and t.kind == "opened"]
    assert live == [2]
    lower = tmp_path / "lower.toml"
    lower.write_text(packaged("rules.toml").replace("above = 150.0", "above = 110.0"), encoding="utf-8")
    explain = tmp_path / "explained.jsonl"
    code, text = rules(postgres_url, tmp_path, "test", str(lower), "--json", "--explain", str(explain))
    assert code == 0, text
    found = json.loads(text)
    latency = found["rules"]["latency_high"]
    assert (latency["now"]["openings"], latency["changed"]["openings"]) == (1, 4)
    assert (latency["changed"]["in_school_hours"], latency["new"], latency["gone"]) == (4, 3, 0)
    assert not found["is_estimate"]
    lines = [json.loads(line) for line in explain.read_text(encoding="utf-8").splitlines()]
    assert sorted((line["change"], line["school"]) for line in lines) == [
        ("new", "79000003"),
        ("new", "79000005"),
        ("new", "79000007"),
    ]


def test_people_read_a_table_and_the_rules_in_force_stay(
    postgres_url: str, told: tuple[Transition, ...], tmp_path: Path
) -> None:
    lower = tmp_path / "lower.toml"
    lower.write_text(packaged("rules.toml").replace("above = 150.0", "above = 110.0"), encoding="utf-8")
    code, text = rules(postgres_url, tmp_path, "test", str(lower))
    assert code == 0, text
    assert "raw readings throughout" in text
    assert "1 → 4" in text
    assert "new: latency_high 79000003" in text
    table, _, quiet = text.partition("nothing before or after: ")
    assert "traffic_unusual" in quiet
    assert "traffic_unusual" not in table
    with psycopg.connect(postgres_url) as conn:
        row = conn.execute("select count(*) from transition").fetchone()
    assert row == (len(told),)


def test_thresholds_are_proposed_within_a_budget(
    postgres_url: str, told: tuple[Transition, ...], tmp_path: Path
) -> None:
    out = tmp_path / "tuned.toml"
    code, text = rules(postgres_url, tmp_path, "tune", "--budget", "6", "--out", str(out), "--json")
    assert code == 0, text
    found = json.loads(text)
    assert found["rate_proposed"] <= found["budget"] == pytest.approx(2.0)
    proposed = {name: choice["z_proposed"] for name, choice in found["rules"].items()}
    tuned = parse_rules(out.read_text(encoding="utf-8"), CATALOGUE)
    assert {r.name: r.z for r in tuned if isinstance(r, AnomalyRule)} == proposed
    assert np.isfinite(list(proposed.values())).all()


def test_what_cannot_be_answered_is_said(
    postgres_url: str, told: tuple[Transition, ...], tmp_path: Path
) -> None:
    code, text = rules(postgres_url, tmp_path, "test")
    assert (code, "nothing is changed" in text) == (1, True)
    broken = tmp_path / "broken.toml"
    broken.write_text(packaged("rules.toml").replace("above = 150.0", "above = 'high'", 1), encoding="utf-8")
    code, text = rules(postgres_url, tmp_path, "test", str(broken))
    assert (code, "broken.toml" in text) == (1, True)
    env = {"EDUOPS_DATABASE_URL": postgres_url, "EDUOPS_NATS_URL": "nats://127.0.0.1:1"}
    good = tmp_path / "good.toml"
    good.write_text(packaged("rules.toml"), encoding="utf-8")
    words = ["rules", "test", str(good), "--from", "2020-01-01", "--to", "2020-01-02"]
    ended = CliRunner().invoke(app, words, env=env | {"EDUOPS_DATA": str(tmp_path)})
    assert ended.exit_code == 1
    assert "nothing is kept" in str(ended.exception)
