"""What `eduops bench` publishes, and how it tells what it found."""

import json
import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerting.routing.facts import IncidentFacts
from alerting.routing.tree import routes_of
from config.files import load_configuration
from contract.catalogue import Catalogue
from contract.commit import Counts
from contract.errors import ConfigurationError
from contract.fleet import DeviceKind, Fleet
from contract.incident import CauseKind
from contract.routing.routes_file import parse_routes
from contract.rule import Rule
from device_simulator.world.fleet import generate_fleet
from eduops.bench.generator import pack_tail
from eduops.bench.limits import Ceilings
from eduops.bench.load import LOADS
from eduops.bench.processes import stages_in
from eduops.bench.report import BenchResult, Latency, Paced, render_bench
from eduops.bench.run import run_bench, run_loads
from eduops.bench.state import StateFigures, measure_state
from eduops.bench.subscriber import rows_of
from eduops.bench.told import told_plan, told_routes
from ingest.acceptance.accept import Message, accept
from ingest.acceptance.registry import Registry
from ingest.acceptance.validation import AcceptanceLimits

NOW_US = 1_790_000_000_000_000

RESULT = BenchResult(
    sync_interval="1s",
    load="city",
    seconds=20.0,
    readings_per_s=500.0,
    copy_rows_per_s=1000.0,
    limits=Ceilings(9000.0, 2000.0, 40_000.0),
    cpu_us_per_reading={"ingest": 1.5, "nats": 2.0},
    stage_cpu_us={"receive": 0.5, "fold": 0.25},
    latency_ms=Latency(10.0, 20.0),
    pushed_ms=Latency(30.0, 40.0),
    told_ms=Latency(800.0, 1200.0),
    outage_told_ms=Latency(1500.0, 1900.0),
    memory_bytes={"ingest": 1 << 20, "nats": 1 << 21},
    paced=Paced(1416.0, 1415.0, 0.05),
    start_s=2.5,
    state=StateFigures(1_050_000, 125.0, 41_000_000, 0.3, 0.2, 0.6),
    flood_offered_per_s=30_000.0,
    generator_cores=0.1,
    counts=Counts(received=41, stored=41),
)


@pytest.mark.parametrize("readings", [1, 4, 5, 50])
def test_packs_are_accepted_whole_and_in_rising_time(
    readings: int, city: Fleet, catalogue: Catalogue
) -> None:
    payload = b'[{"bt":%.6f,' % (NOW_US / 1e6) + pack_tail(readings)
    topic = f"edu/v1/{city.province}/{city.schools[0].code}/gw-1/bandwidth"
    accepted = accept([Message(topic, payload, NOW_US)], Registry(city, catalogue, 1), AcceptanceLimits())
    assert accepted.rejected == []
    (found,) = accepted.by_partition.values()
    assert len(found) == readings
    assert found.time_us.tolist() == sorted(found.time_us.tolist())
    assert len(set(zip(found.time_us.tolist(), found.series.tolist(), strict=True))) == readings
    assert found.time_us[-1] == NOW_US


def test_baselines_store_what_the_packs_hold() -> None:
    payload = b'[{"bt":%.6f,' % (NOW_US / 1e6) + pack_tail(50)
    rows = rows_of("edu/v1/79/a/gw-1/bandwidth", payload)
    other = rows_of("edu/v1/79/b/gw-1/bandwidth", payload)
    assert len(rows) == 50
    assert rows[-1][0] == datetime.fromtimestamp(NOW_US / 1e6, UTC)
    assert len({(moment, series) for moment, series, *_ in rows + other}) == 100
    assert all(math.isnan(score) for *_, score in rows)


def test_the_nation_brings_215_000_readings_a_second() -> None:
    assert LOADS["nation"].packs_per_s == 4_300
    assert LOADS["nation"].readings_per_s == 215_000


def test_json_keeps_its_names_and_tells_the_limits() -> None:
    found = json.loads(render_bench([RESULT], as_json=True))
    expected = {
        "load": "city",
        "readings_per_s": 500.0,
        "copy_rows_per_s": 1000.0,
        "ratio_to_copy": 0.5,
        "cpu_us_per_reading": 3.5,
        "latency_ms": {"p50": 10.0, "p99": 20.0},
        "pushed_ms": {"p50": 30.0, "p99": 40.0},
        "told_ms": {"p50": 800.0, "p99": 1200.0},
        "outage_told_ms": {"p50": 1500.0, "p99": 1900.0},
        "broker_messages_per_s": 9000.0,
        "baseline_executemany_readings_per_s": 2000.0,
        "baseline_copy_readings_per_s": 40_000.0,
        "stage_cpu_us": {"receive": 0.5, "fold": 0.25},
        "memory_bytes": {"ingest": 1 << 20, "nats": 1 << 21},
        "paced": {"offered_per_s": 1416.0, "stored_per_s": 1415.0, "backlog_s": 0.05},
    }
    assert {name: found[name] for name in expected} == expected
    assert found["state"].keys() >= {"bytes_per_series", "series", "snapshot_bytes", "encode_s", "restore_s"}


def test_several_loads_are_a_list_and_a_table_with_a_column_each() -> None:
    results = [RESULT, replace(RESULT, load="nation", readings_per_s=222_222.0)]
    assert [one["load"] for one in json.loads(render_bench(results, as_json=True))] == ["city", "nation"]
    table = render_bench(results, as_json=False)
    (stored,) = [line for line in table.splitlines() if line.startswith("flood: stored")]
    assert stored.split()[-2:] == ["500", "222,222"]
    assert "stage fold" in table


def test_stages_are_read_from_an_exposition() -> None:
    text = (
        "# TYPE eduops_stage_cpu_seconds_total counter\n"
        'eduops_stage_cpu_seconds_total{stage="decode"} 1.5\n'
        'eduops_stage_cpu_seconds_total{stage="append"} 2e-05\n'
        'eduops_stage_cpu_seconds_created{stage="append"} 17.0\n'
    )
    assert stages_in(text) == {"decode": 1.5, "append": 2e-05}


def test_state_of_a_small_fleet_is_folded_and_comes_back(tmp_path: Path) -> None:
    found = measure_state(load_configuration(tmp_path), partitions=2, schools=20)
    assert found.series == 20 * 19
    assert 60 < found.bytes_per_series < 500
    assert found.snapshot_bytes > 300 * 8


@pytest.mark.parametrize(("load", "seconds"), [("village", 20.0), ("city", 1.0)])
def test_senseless_runs_are_refused(load: str, seconds: float) -> None:
    with pytest.raises(ConfigurationError, match=r"village|too short"):
        run_bench(load, seconds)
    with pytest.raises(ConfigurationError, match=r"village|too short"):
        run_loads([load], seconds)


def test_schools_that_fail_by_themselves_have_a_contact_each(rules: tuple[Rule, ...]) -> None:
    city = generate_fleet(400)
    gateways = [device for device in city.devices if device.kind is DeviceKind.GATEWAY]
    plan = told_plan(city, gateways, rules)
    routing = parse_routes(told_routes(plan, city))
    apart = Counter(rule for _, rule in plan.singles)
    assert max(apart.values()) <= 2, "three would be thought to share a cause"
    for n, (gateway, rule) in enumerate(plan.singles):
        school = city.school_by_id[gateway.school_id]
        facts = IncidentFacts(1, rule, CauseKind.SCHOOL, school.isp, school=(school.code, school.name))
        (chosen,) = routes_of(facts, routing).chosen
        assert chosen.name == f"single {n}"
    (chosen,) = routes_of(IncidentFacts(1, "wan_down", CauseKind.ISP, "VNPT"), routing).chosen
    assert len(chosen.escalation.steps[0].contacts) == 50
