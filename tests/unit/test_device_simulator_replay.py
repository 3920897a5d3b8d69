"""Recorded data become fleets and packs; what cannot be used is told by its row."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from contract.calendar import Context, parse_calendar
from contract.catalogue import Catalogue
from contract.errors import ConfigurationError
from contract.topic import Stream
from device_simulator.recording import Recording
from device_simulator.recordings import read_recording
from device_simulator.replay import encode_batch

DATA = Path(__file__).parents[3] / "shared" / "data"


def recorded(name: str, catalogue: Catalogue, **span: datetime) -> Recording:
    if not (DATA / name).is_dir():
        pytest.skip(f"the data set {name} is not beside the project (../shared/data)")
    return read_recording(DATA / name, catalogue, start=span.get("start"), end=span.get("end"))


def test_new_york_is_read_whole(catalogue: Catalogue) -> None:
    found = recorded("nyc_attendance", catalogue)
    assert found.readings + found.bad_count == 631_518
    assert "did not submit" in found.bad[0].message
    assert len(found.fleet.schools) == 1745
    assert {c.name for c in found.fleet.clusters} >= {"Manhattan", "Bronx"}
    assert found.calendar_toml is not None
    calendar = parse_calendar(found.calendar_toml)
    local = datetime.fromtimestamp(found.first_us / 1e6, calendar.timezone)
    assert (local.year, local.month, local.day, local.hour) == (2013, 3, 15, 16)
    assert calendar.context_at(1, found.first_us // 60_000_000) is Context.SESSION


def test_a_slice_of_new_york_knows_the_storm_of_january_2014(catalogue: Catalogue) -> None:
    start, end = (datetime(2014, 1, d, tzinfo=UTC) for d in (20, 25))
    found = recorded("nyc_attendance", catalogue, start=start, end=end)
    means = {
        datetime.fromtimestamp(int(b.time_us[0]) / 1e6, UTC).day: float(b.value.mean())
        for b in found.batches()
    }
    assert min(means, key=lambda day: means[day]) == 22
    assert means[22] < 0.6


def test_abilene_is_a_week_of_five_minute_slots(catalogue: Catalogue) -> None:
    found = recorded("abilene_week", catalogue)
    assert (found.readings, len(found.fleet.schools)) == (2016 * 121, 121)
    assert found.last_us - found.first_us == 2015 * 300_000_000
    assert [d.code for d in found.fleet.devices[:1]] == ["gw-1"]


def test_moodle_is_one_school_with_two_metrics(catalogue: Catalogue) -> None:
    found = recorded("moodle_course_hourly", catalogue)
    assert found.readings == 2 * 5399
    assert len(list(found.batches())) == 5399
    assert [s.code for s in found.fleet.schools] == ["tud-course"]


def test_a_long_csv_keeps_good_rows_and_tells_bad_ones(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "time,school,metric,value\n"
        "2026-11-25T08:00:10+07:00,S1,down_bps,5\n"
        "1795568400,S2,active_users,3\n"
        "yesterday,S1,down_bps,5\n"
        "2026-11-25,S 1,down_bps,5\n"
        "2026-11-25,S1,speed,5\n"
        "2026-11-25,S1,loss_ratio,5\n"
        "2026-11-25,S1,down_bps,nan\n"
        "2026-11-25T01:00:00,S1,online,1\n",
        encoding="utf-8",
    )
    found = read_recording(path, catalogue)
    assert [row.line for row in found.bad] == [4, 5, 6, 7, 8]
    assert found.bad[3].message == "loss_ratio 5 is not within 0 to 1 /."
    assert found.readings == 3
    assert {d.code for d in found.fleet.devices} == {"gw-1", "lms-1"}
    packs = [p for batch in found.batches(moments=2) for p in encode_batch(batch, found, catalogue)]
    assert {str(topic) for topic, _ in packs} == {
        "edu/v1/recorded/S1/gw-1/bandwidth",
        "edu/v1/recorded/S2/lms-1/elearning",
        "edu/v1/recorded/S1/gw-1/status",
    }
    status = next(json.loads(p) for topic, p in packs if topic.stream is Stream.STATUS)
    assert status == {"online": True, "t": 1795568400.0}


def test_many_moments_of_a_school_share_a_pack_with_their_own_times(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    path = tmp_path / "own.csv"
    rows = [f"{1795568400 + k * 7},S{k % 2},down_bps,{k}" for k in range(10)]
    path.write_text("time,school,metric,value\n" + "\n".join(reversed(rows)) + "\n", encoding="utf-8")
    found = read_recording(path, catalogue)
    assert np.diff(found.columns.time_us).min() > 0
    (batch,) = found.batches(moments=20)
    told = {}
    for topic, payload in encode_batch(batch, found, catalogue):
        records = json.loads(payload)
        base = records[0]["bt"]
        told[topic.school] = [(base + r.get("t", 0.0), r["v"]) for r in records]
    assert told["S1"] == [(1795568400.0 + k * 7, float(k)) for k in range(1, 10, 2)]


def test_what_is_no_recording_says_so(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(ConfigurationError, match="nothing to replay"):
        read_recording(tmp_path, catalogue)
    path = tmp_path / "x.csv"
    path.write_text("time,value\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="lacks the columns school, metric"):
        read_recording(path, catalogue)
    path.write_text("time,school,metric,value\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no reading is left"):
        read_recording(path, catalogue)
