"""Faults do what their labels say, to whom they say, and packs tell what the world measured."""

import json
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.topic import Stream
from device_simulator.fault_board import FaultBoard, cut_positions
from device_simulator.world.city import Measured, World
from device_simulator.world.effects import apply
from device_simulator.world.faults import (
    Fault,
    FaultKind,
    FaultLabel,
    FaultReply,
    FaultRequest,
    decode_request,
    label_of,
    parse_duration_s,
    parse_fault,
    scattered,
)
from device_simulator.world.packs import encode_packs, garbage
from device_simulator.world.publishers import Publishers
from device_simulator.world.school_time.schedule import Cadence, Schedule

EVERYBODY = np.arange(40)


@pytest.fixture(scope="module")
def lesson_us(calendar: SchoolCalendar) -> int:
    """A lesson on an ordinary Wednesday."""
    return int(datetime(2026, 11, 25, 7, 50, tzinfo=calendar.timezone).timestamp()) * 1_000_000


@pytest.fixture(scope="module")
def world(city: Fleet, calendar: SchoolCalendar) -> World:
    return World(city, calendar)


def fault(city: Fleet, now_us: int, kind: str, **fields: object) -> Fault:
    found = parse_fault(msgspec.convert({"kind": kind, **fields}, FaultRequest), city, now_us)
    assert isinstance(found, Fault), found
    return found


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_kind_changes_only_its_schools_and_only_in_its_time(
    kind: FaultKind, city: Fleet, world: World, lesson_us: int
) -> None:
    cluster = city.ward_by_code[city.schools[7].ward_code].cluster_code
    given = fault(city, lesson_us, kind, cluster=cluster, isp=city.schools[7].isp, after_s=60, for_s=120)
    touched = False
    for stream in (Stream.BANDWIDTH, Stream.ELEARNING, Stream.ATTENDANCE):
        for after_s in (30, 100, 200):
            before = world.measure(stream, lesson_us + after_s * 1_000_000, EVERYBODY)
            after, wire = apply(before, [given], world)
            on_wire = (
                ~wire.linked | ~wire.sends | (wire.skew_us != 0) | (wire.copies > 1) | (wire.garbage > 0)
            )
            changed = np.array(
                [not np.array_equal(before.values[n], after.values[n], equal_nan=True) for n in before.values]
            ).any()
            differs = on_wire.copy()
            for name in before.values:
                old, new = before.values[name], after.values[name]
                differs |= ~((old == new) | (np.isnan(old) & np.isnan(new)))
            if after_s == 100:
                assert not differs[~np.isin(EVERYBODY, given.positions)].any()
                touched = touched or bool(differs.any())
            else:
                assert not changed
                assert not on_wire.any()
    assert touched


def test_a_missing_class_and_a_broken_reader_differ_in_traffic(
    city: Fleet, world: World, lesson_us: int
) -> None:
    school = city.schools[0].code
    lines = world.measure(Stream.BANDWIDTH, lesson_us, EVERYBODY)
    registers = world.measure(Stream.ATTENDANCE, lesson_us, EVERYBODY)
    for variant, same_traffic in (("real", False), ("reader", True)):
        given = fault(city, lesson_us, "attendance-drop", school=school, variant=variant)
        counts = apply(registers, [given], world)[0].values
        assert counts["attendance_ratio"][0] < registers.values["attendance_ratio"][0] - 0.3
        assert counts["present"][0] + counts["absent"][0] == counts["enrolled"][0]
        assert counts["late"][0] <= counts["present"][0]
        down = apply(lines, [given], world)[0].values["down_bps"][0]
        assert bool(down == lines.values["down_bps"][0]) is same_traffic


def test_a_copied_register_knows_nothing_of_who_is_missing(city: Fleet, world: World, lesson_us: int) -> None:
    school = city.schools[0].code
    given = fault(city, lesson_us, "attendance-drop", school=school, variant="copied", strength=0.5)
    for stream, name, changes in (
        (Stream.ATTENDANCE, "attendance_ratio", False),
        (Stream.BANDWIDTH, "down_bps", True),
        (Stream.ELEARNING, "active_users", True),
    ):
        before = world.measure(stream, lesson_us, EVERYBODY)
        after = apply(before, [given], world)[0].values[name]
        assert bool(after[0] < 0.6 * before.values[name][0]) is changes
        assert bool(after[0] == before.values[name][0]) is not changes
        np.testing.assert_array_equal(after[1:], before.values[name][1:])


def test_a_worn_line_gets_worse_evenly_and_ends_as_a_slow_link(
    city: Fleet, world: World, lesson_us: int
) -> None:
    hour_us, school = 3_600_000_000, city.schools[2].code
    worn = fault(city, lesson_us, "slow-degradation", school=school, for_s=7200)
    slow = fault(city, lesson_us, "slow-link", school=school, for_s=7200)

    def added_ms(given: Fault, time_us: int) -> float:
        before = world.measure(Stream.BANDWIDTH, time_us, EVERYBODY)
        after = apply(before, [given], world)[0]
        return float(after.values["latency_ms"][2] - before.values["latency_ms"][2])

    assert added_ms(worn, lesson_us) == 0.0
    assert added_ms(worn, lesson_us + hour_us) == pytest.approx(150.0, abs=10.0)
    last_us = lesson_us + 2 * hour_us - 1
    assert added_ms(worn, last_us) == pytest.approx(added_ms(slow, last_us), abs=0.1)


def test_a_stuck_sensor_repeats_its_first_value(city: Fleet, world: World, lesson_us: int) -> None:
    given = fault(city, lesson_us, "stuck-sensor", school=city.schools[3].code)
    seen = {
        float(
            apply(world.measure(Stream.BANDWIDTH, lesson_us + k * 10_000_000, EVERYBODY), [given], world)[
                0
            ].values["down_bps"][3]
        )
        for k in range(6)
    }
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "flood"}, "'flood' is unknown; choose one of link-cut"),
        ({"kind": "isp-outage"}, "needs a provider: "),
        ({"kind": "link-cut", "school": "nowhere"}, "No school matches school 'nowhere'."),
        ({"kind": "link-cut", "for_s": 0.0}, "lasts more than 0 s"),
        ({"kind": "silent-device", "variant": "camera"}, "it has gateway, attendance, elearning"),
        ({"kind": "attendance-drop", "strength": 2.0}, "not within 0.01 to 1"),
    ],
)
def test_a_wrong_request_is_answered_with_a_sentence(
    fields: dict[str, object], said: str, city: Fleet
) -> None:
    found = parse_fault(msgspec.convert(fields, FaultRequest), city, 0)
    assert isinstance(found, str)
    assert said in found


def test_filters_choose_by_provider_ward_cluster_and_number(city: Fleet) -> None:
    ward = city.ward_by_code[city.schools[5].ward_code]
    by_name = fault(city, 0, "slow-link", ward=ward.short_name)
    assert {city.schools[p].ward_code for p in by_name.positions} == {ward.code}
    outage = fault(city, 0, "isp-outage", isp="vnpt")
    assert {city.schools[p].isp for p in outage.positions} == {"VNPT"}
    assert len(fault(city, 0, "link-cut").positions) == 1
    assert len(fault(city, 0, "lms-outage").positions) == 40
    assert len(fault(city, 0, "link-cut", count=5, seed=3).positions) == 5
    assert fault(city, 0, "link-cut", count=5, seed=3) == fault(city, 0, "link-cut", count=5, seed=3)


def test_durations_are_read() -> None:
    assert [parse_duration_s(t) for t in ("90", "90s", "5m", "1.5h", "2d")] == [90, 90, 300, 5400, 172_800]
    with pytest.raises(ValueError, match="'soon' is not a duration"):
        parse_duration_s("soon")


def test_the_board_answers_notes_labels_and_forgets(city: Fleet, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    board = FaultBoard(city, labels_path=path)
    request = FaultRequest("link-cut", school=city.schools[2].code, after_s=10, for_s=20)
    reply = msgspec.json.decode(board.answer(msgspec.json.encode(request), 1_000_000), type=FaultReply)
    assert reply.label is not None
    assert reply.label.schools == (city.schools[2].code,)
    assert msgspec.json.decode(path.read_bytes(), type=FaultLabel) == reply.label
    assert board.active(5_000_000) == []
    assert cut_positions(board.active(15_000_000)) == {2}
    assert board.active(31_000_000) == []
    assert b"cannot be read" in board.answer(b'{"kind":"link-cut","extra":1}', 0)
    assert isinstance(decode_request(b"\xff"), str)


def test_everyday_faults_are_few_and_the_same_for_the_same_hour(city: Fleet) -> None:
    hours = [scattered(city, hour, 4.0, 79) for hour in range(100)]
    assert hours[3] == scattered(city, 3, 4.0, 79)
    assert 300 < sum(map(len, hours)) < 500
    assert all(0 <= f.start_us - 3 * 3_600_000_000 < 3_600_000_000 for f in hours[3])
    assert label_of(hours[3][0], city).kind == hours[3][0].kind


def test_packs_say_what_the_world_measured(
    city: Fleet, world: World, catalogue: Catalogue, lesson_us: int
) -> None:
    publishers = Publishers(city, catalogue)
    for stream in (Stream.BANDWIDTH, Stream.ELEARNING, Stream.ATTENDANCE):
        measured = world.measure(stream, lesson_us, EVERYBODY)
        stamps = np.full(40, lesson_us, np.int64)
        for i, pack in enumerate(encode_packs(measured, publishers.metrics[stream], stamps)):
            records = json.loads(pack or b"[]")
            said = {r["n"]: r["v"] for r in records}
            assert said == {n: c[i] for n, c in measured.values.items() if not np.isnan(c[i])}
            assert {r["u"] for r in records} <= {m.unit for m in publishers.metrics[stream]}
            assert not records or round(records[0]["bt"] * 1e6) == lesson_us


def test_nothing_measured_is_no_pack(catalogue: Catalogue) -> None:
    nothing = Measured(0, Stream.STATUS, np.arange(1), {"online": np.array([np.nan])})
    assert encode_packs(nothing, catalogue.of_stream(Stream.STATUS), np.zeros(1, np.int64)) == [None]


def test_garbage_is_never_the_pack_itself() -> None:
    pack = b'[{"n":"down_bps","u":"bit/s","v":1.0}]'
    assert all(garbage(k, pack) != pack for k in range(16))


def test_a_schedule_lets_every_device_speak_once_a_cadence(city: Fleet, catalogue: Catalogue) -> None:
    schedule = Schedule(Publishers(city, catalogue), Cadence())
    assert schedule.slot_us == 1_000_000
    spoken: dict[Stream, list[int]] = {}
    for slot in range(1200, 1260):
        for stream, at in schedule.due(slot):
            spoken.setdefault(stream, []).extend(at.tolist())
    assert sorted(spoken[Stream.BANDWIDTH]) == sorted(list(range(40)) * 6)
    assert sorted(spoken[Stream.ELEARNING]) == list(range(40))
