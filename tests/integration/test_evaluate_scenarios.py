"""`eduops evaluate scenarios` end to end, on a city small enough for every day."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contract.errors import ConfigurationError
from eduops.cli import app

FIGURES = (
    "event_recall",
    "false_incidents_per_1000_school_days",
    "incidents_per_outage",
    "median_delay_intervals",
    "median_beyond_intervals",
)
SMALL = ("--schools", "20", "--days", "3", "--interval", "15m", "--severity", "calm")


def run(*more: str) -> str:
    """Return what the command prints."""
    result = CliRunner().invoke(app, ["evaluate", "scenarios", *SMALL, *more])
    assert result.exit_code == 0, result.output
    return result.stdout


def found(*more: str) -> dict[str, Any]:
    """Return its JSON, without what depends on the machine."""
    document: dict[str, Any] = json.loads(run("--json", *more))
    del document["cost"]
    return document


def test_figures_have_their_exact_names_over_all_and_by_kind(tmp_path: Path) -> None:
    explain = tmp_path / "explained.jsonl"
    document = found("--seed", "3", "--explain", str(explain))
    assert set(FIGURES) <= document.keys()
    assert 0.0 <= document["event_recall"] <= 1.0
    assert {"threshold", "anomaly", "silence"} <= document["event_recall_by_channel"].keys()
    assert {"link-cut", "lms-outage", "exam-surge"} <= document["by_kind"].keys()
    for kind in document["by_kind"].values():
        assert set(FIGURES) <= kind.keys()
    assert document["by_kind"]["link-cut"]["event_recall"] == 1.0
    assert document["by_kind"]["link-cut"]["median_delay_intervals"] <= 1.0
    lines = [json.loads(line) for line in explain.read_text(encoding="utf-8").splitlines()]
    false = [line for line in lines if line.get("false")]
    assert len(false) == document["false_incidents"]
    due = [line for line in lines if line.get("duty") == "find"]
    assert len(due) == document["events"]
    assert sum(line["found"] for line in due) == document["found"]
    right = {i["incident"] for line in due for i in line["incidents"]} - {i["incident"] for i in false}
    assert document["precision"] == len(right) / (len(right) + document["false_incidents"])
    assert document["false_incidents_per_week"] == pytest.approx(document["false_incidents"] * 7 / 3)


def test_a_seed_is_one_result_however_the_log_is_cut_into_partitions() -> None:
    short = ("--seed", "5", "--days", "1", "--interval", "30m")
    once, parted = found(*short), found(*short, "--partitions", "2")
    assert parted.pop("terms") != once.pop("terms")
    assert parted == once


def test_seeds_are_pooled() -> None:
    document = found(
        "--seed", "3", "--seeds", "2", "--days", "1", "--interval", "30m", "--severity", "real", "--mild"
    )
    first, second = document["by_seed"]["3"], document["by_seed"]["4"]
    assert document["events"] == first["events"] + second["events"]
    assert first != second
    assert {"register-unsent", "chronic-line"} & document["by_kind"].keys()


@pytest.mark.parametrize("interval", ["7m", "1s", "soon"])
def test_an_interval_that_divides_no_day_is_refused(interval: str) -> None:
    result = CliRunner().invoke(app, ["evaluate", "scenarios", "--interval", interval])
    assert result.exit_code != 0


def test_bare_rules_leave_all_to_the_detector_and_a_file_of_rules_takes_the_place_of_ours(
    tmp_path: Path,
) -> None:
    bare = found("--seed", "3", "--days", "1", "--bare", "--detector", "peer-ew-z", "--z-times", "0.5")
    assert set(bare["event_recall_by_channel"]) == {"anomaly"}
    rules = tmp_path / "rules.toml"
    one = (files("config") / "rules.toml").read_text(encoding="utf-8").split("[[rule]]")[1]
    rules.write_text(f"[[rule]]{one}", encoding="utf-8")
    alone = found("--seed", "3", "--days", "1", "--rules", str(rules))
    assert set(alone["event_recall_by_channel"]) == {"threshold"}


def test_detectors_are_compared_at_one_budget_with_factors_from_other_seeds() -> None:
    names = ("--detector", "ew", "--detector", "peer-ew-z", "--detector", "peer-record-range")
    cheap = ("--bare", "--mild", "--seed", "9", "--budget", "5", "--interval", "30m")
    document = json.loads(run("--json", *cheap, "--days", "2", *names))
    assert document["calibration_seeds"] == [7, 8]
    assert document["seeds"] == [9]
    found = {one["detector"]: one for one in document["detectors"]}
    assert list(found) == ["ew", "peer-ew-z", "peer-record-range"]
    for one in found.values():
        assert set(FIGURES) <= one.keys()
        assert one["events"] == found["ew"]["events"]
        if one["meets_budget"]:
            assert one["calibration_false_incidents_per_1000_school_days"] <= 5.0
    assert found["ew"]["value_recall"] > 0.0
    assert set(document["not_beaten"]) == {"ew"}
    few = ("--detector", "ew", "--detector", "peer-ew-z", "--calibrate-seeds", "1")
    text = run(*cheap, "--days", "1", *few)
    assert "of 1 peers by value recall" in text


def test_a_curve_is_the_same_cities_at_each_factor() -> None:
    words = ("--seed", "5", "--days", "1", "--interval", "30m", "--mild")
    points = json.loads(run("--json", "--curve", *words))
    factors = [point["terms"]["z_times"] for point in points]
    assert factors == sorted(factors, reverse=True)
    assert len({point["events"] for point in points}) == 1
    as_it_is = points[factors.index(1.0)]
    del as_it_is["cost"]
    steps = [step for kind in as_it_is.pop("by_kind_and_size").values() for step in kind.values()]
    assert sum(step["events"] for step in steps) == as_it_is["events"]
    assert as_it_is == found(*words)
    alerts = [point["false_alerts_per_1000_school_days"] for point in points]
    assert (points[0]["found"], alerts[0]) <= (points[-1]["found"], alerts[-1])
    assert points[0]["by_kind"]["link-cut"] == points[-1]["by_kind"]["link-cut"], "a cut has no z"


def test_several_detectors_want_a_budget_and_a_budget_wants_seeds_before() -> None:
    wrong = (("--detector", "all"), ("--budget", "1", "--seed", "1"), ("--budget", "1", "--curve"))
    for words in wrong:
        result = CliRunner().invoke(app, ["evaluate", "scenarios", *SMALL, *words])
        assert result.exit_code == 1
        assert isinstance(result.exception, ConfigurationError)
