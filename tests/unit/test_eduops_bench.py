"""What `eduops bench` publishes, and how it tells what it found."""

import json

import pytest

from contract.catalogue import Catalogue
from contract.commit import Counts
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from eduops.bench import BenchResult, Latency, render_bench, run_bench
from eduops.bench_generator import Offered, pack_tail
from ingest.accept import Message, accept
from ingest.judgement import Limits
from ingest.registry import Registry

NOW_US = 1_790_000_000_000_000


@pytest.mark.parametrize("readings", [1, 4, 5, 50])
def test_packs_are_accepted_whole_and_in_rising_time(
    readings: int, city: Fleet, catalogue: Catalogue
) -> None:
    payload = b'[{"bt":%.6f,' % (NOW_US / 1e6) + pack_tail(readings)
    topic = f"edu/v1/{city.province}/{city.schools[0].code}/gw-1/bandwidth"
    accepted = accept([Message(topic, payload, NOW_US)], Registry(city, catalogue, 1), Limits())
    assert accepted.rejected == []
    (found,) = accepted.by_partition.values()
    assert len(found) == readings
    assert found.time_us.tolist() == sorted(found.time_us.tolist())
    assert len(set(zip(found.time_us.tolist(), found.series.tolist(), strict=True))) == readings
    assert found.time_us[-1] == NOW_US


def test_json_has_the_five_figures() -> None:
    offered = Offered(packs=10, probes=1, seconds=1.0, cpu_s=0.1)
    result = BenchResult(
        load="city",
        readings_per_s=500.0,
        copy_rows_per_s=1000.0,
        cpu_us_per_reading={"ingest": 1.5, "nats": 2.0},
        latency_ms=Latency(10.0, 20.0),
        memory_bytes={"ingest": 1 << 20, "nats": 1 << 20},
        paced=offered,
        flood=offered,
        readings_per_pack=4,
        counts=Counts(received=41, stored=41),
    )
    assert json.loads(render_bench(result, as_json=True)) == {
        "readings_per_s": 500.0,
        "copy_rows_per_s": 1000.0,
        "ratio_to_copy": 0.5,
        "cpu_us_per_reading": 3.5,
        "latency_ms": {"p50": 10.0, "p99": 20.0},
    }
    assert "nats" in render_bench(result, as_json=False)


@pytest.mark.parametrize(("load", "seconds"), [("village", 20.0), ("city", 1.0)])
def test_senseless_runs_are_refused(load: str, seconds: float) -> None:
    with pytest.raises(ConfigurationError, match=r"village|too short"):
        run_bench(load, seconds)
