"""The world tells a believable story: school days, nights, weekends, holidays, registers."""

from datetime import datetime

import numpy as np
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.topic import Stream
from device_simulator.world.city import Column, World
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.history import history_entries


def at(text: str, calendar: SchoolCalendar) -> int:
    """Return µs of a local time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=calendar.timezone).timestamp()) * 1_000_000


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return generate_fleet(600)


@pytest.fixture(scope="module")
def world(fleet: Fleet, calendar: SchoolCalendar) -> World:
    return World(fleet, calendar)


def look(world: World, stream: Stream, time_us: int) -> dict[str, Column]:
    return dict(world.measure(stream, time_us, np.arange(len(world.fleet.schools))).values)


@pytest.mark.parametrize(
    "quiet",
    ["2026-11-25 02:00", "2026-11-29 09:30", "2027-02-05 09:30", "2026-11-24 09:30", "2026-07-15 09:30"],
)
def test_night_sunday_holiday_and_summer_are_quiet(
    world: World, calendar: SchoolCalendar, quiet: str
) -> None:
    busy = look(world, Stream.BANDWIDTH, at("2026-11-25 09:30", calendar))["down_bps"].sum()
    assert look(world, Stream.BANDWIDTH, at(quiet, calendar))["down_bps"].sum() < 0.05 * busy


def test_only_secondary_schools_are_busy_on_saturday(
    world: World, calendar: SchoolCalendar, fleet: Fleet
) -> None:
    down = look(world, Stream.BANDWIDTH, at("2026-11-28 09:30", calendar))["down_bps"] / fleet.pupils
    assert down[fleet.level_index >= 2].mean() > 10 * down[fleet.level_index < 2].mean()


def test_lunch_and_exams_lie_between_night_and_lessons(world: World, calendar: SchoolCalendar) -> None:
    night, lunch, lesson, exam = (
        look(world, Stream.BANDWIDTH, at(t, calendar))["down_bps"].sum()
        for t in ("2026-11-25 02:00", "2026-11-25 12:15", "2026-11-25 09:30", "2026-12-23 09:30")
    )
    assert night < lunch < exam < lesson


def test_a_normal_day_breaks_no_threshold(world: World, calendar: SchoolCalendar) -> None:
    start_us = at("2026-11-25 06:00", calendar)
    for minute in range(0, 16 * 60, 20):
        line = look(world, Stream.BANDWIDTH, start_us + minute * 60_000_000)
        assert line["latency_ms"].max() < 100
        assert line["loss_ratio"].max() < 0.03
        assert look(world, Stream.ELEARNING, start_us + minute * 60_000_000)["success_ratio"].min() > 0.97


def test_learners_and_traffic_rise_together_and_learn_on_in_the_evening(
    world: World, calendar: SchoolCalendar
) -> None:
    start_us = at("2026-11-25 06:00", calendar)
    times = [start_us + k * 1_200_000_000 for k in range(36)]
    traffic = [look(world, Stream.BANDWIDTH, t)["down_bps"].sum() for t in times]
    users = [look(world, Stream.ELEARNING, t)["active_users"].sum() for t in times]
    assert float(np.corrcoef(traffic, users)[0, 1]) > 0.9
    evening = at("2026-11-25 20:15", calendar)
    assert look(world, Stream.ELEARNING, evening)["active_users"].sum() > 0.5 * max(users)
    assert look(world, Stream.BANDWIDTH, evening)["down_bps"].sum() < 0.05 * max(traffic)


def test_delays_of_one_provider_move_together(world: World, calendar: SchoolCalendar, fleet: Fleet) -> None:
    start_us = at("2026-11-25 02:00", calendar)
    delays = np.array(
        [np.log(look(world, Stream.BANDWIDTH, start_us + k * 600_000_000)["latency_ms"]) for k in range(60)]
    )
    isp = np.array([s.isp for s in fleet.schools])
    moves = np.corrcoef(np.array([delays[:, isp == name].mean(axis=1) for name in ("VNPT", "Viettel")]))
    own = np.corrcoef(delays[:, isp == "VNPT"].T[:30]).mean()
    assert own > 0.3
    assert abs(moves[0, 1]) < 0.6


def test_registers_fill_up_and_their_counts_agree(
    world: World, calendar: SchoolCalendar, fleet: Fleet
) -> None:
    early = look(world, Stream.ATTENDANCE, at("2026-11-25 07:30", calendar))
    late = look(world, Stream.ATTENDANCE, at("2026-11-25 08:20", calendar))
    primary = fleet.level_index == 1
    assert np.nansum(early["enrolled"][primary]) < 0.8 * np.nansum(late["enrolled"][primary])
    assert np.nansum(late["enrolled"][primary]) == fleet.pupils[primary].sum()
    for counts in (early, late):
        known = ~np.isnan(counts["enrolled"])
        assert (counts["present"] + counts["absent"] == counts["enrolled"])[known].all()
        assert (counts["late"] <= counts["present"])[known].all()
        ratio = counts["present"][known] / counts["enrolled"][known]
        assert np.abs(ratio - counts["attendance_ratio"][known]).max() < 1e-4
        assert 0.94 < float(np.median(ratio)) < 0.99


def test_no_register_outside_its_window(world: World, calendar: SchoolCalendar) -> None:
    for text in ("2026-11-25 06:50", "2026-11-25 10:30", "2026-11-29 07:30"):
        assert not world.in_register(at(text, calendar))
        assert np.isnan(look(world, Stream.ATTENDANCE, at(text, calendar))["enrolled"]).all()


def test_the_same_moment_is_the_same_whenever_and_for_whomever_it_is_asked(
    fleet: Fleet, world: World, calendar: SchoolCalendar
) -> None:
    time_us = at("2026-11-25 09:31", calendar)
    whole = look(world, Stream.BANDWIDTH, time_us)
    some = np.array([3, 77, 500])
    again = World(fleet, calendar).measure(Stream.BANDWIDTH, time_us, some).values
    other = World(fleet, calendar, seed=1).measure(Stream.BANDWIDTH, time_us, some).values
    for name, column in again.items():
        np.testing.assert_array_equal(column, whole[name][some])
        assert (column != other[name]).any()


def test_history_is_in_order_joins_the_world_and_ends_before_now(
    fleet: Fleet, world: World, calendar: SchoolCalendar, catalogue: Catalogue
) -> None:
    now_us = at("2026-11-25 10:10", calendar)
    entries = list(history_entries(fleet, catalogue, calendar, 4, now_us, days=1))
    times = [time_us for time_us, _ in entries]
    assert times == sorted(set(times))
    assert times[-1] < now_us <= times[-1] + 1_800_000_000
    assert times[0] >= now_us - 86_400_000_000
    time_us, parts = entries[-1]
    assert set(parts) == {0, 1, 2, 3}
    found = {int(s): v for p in parts.values() for s, v in zip(p.series, p.value, strict=True)}
    down = look(world, Stream.BANDWIDTH, time_us)["down_bps"]
    metric = catalogue.named("down_bps").id
    gateways = [d.id for d in fleet.devices if d.code == "gw-1"]
    assert [found[d << 8 | metric] for d in gateways] == down.tolist()
