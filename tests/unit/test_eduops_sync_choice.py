"""`sync_interval: auto`: what the disk can do decides, and a sentence says what it means."""

from pathlib import Path

import pytest

from eduops.data_folder import DataFolder
from eduops.machine.servers.sync_choice import (
    MARGIN,
    choose_sync,
    describe,
    interval_of,
    needed_syncs_per_s,
    note_schools,
    packs_per_s,
    schools_of,
    syncs_per_s,
)
from eduops.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a city of 3,541 schools on a folder of its own."""
    return load_settings(overrides={"data": tmp_path, "sync_interval": "auto"})


def test_a_city_needs_what_its_packs_make_with_margin(settings: Settings) -> None:
    assert packs_per_s(settings) == pytest.approx(3541 * (1 / 10 + 1 / 60 + 1 / 600 + 1 / 60))
    assert needed_syncs_per_s(settings) == pytest.approx(MARGIN * (packs_per_s(settings) + 4 * 20 + 4))


def test_the_saved_fleet_counts_more_than_the_settings(settings: Settings) -> None:
    note_schools(DataFolder(settings.data), 43_000)
    assert schools_of(settings) == 43_000
    assert packs_per_s(settings) > 4300


def test_a_village_syncs_always_and_a_nation_does_not(settings: Settings) -> None:
    village = choose_sync(settings.but(schools=1, cadence_s=3600, partitions=1))
    nation = choose_sync(settings.but(schools=50_000, cadence_s=0.1))
    assert village.interval == "always"
    assert nation.interval in ("100ms", "1s")
    for choice, other in ((village, "1s"), (nation, "always")):
        assert describe(choice.interval) in choice.sentence
        assert f"set sync_interval to {other} to insist" in choice.sentence


def test_a_disk_that_syncs_too_slowly_for_tenths_gets_whole_seconds(settings: Settings) -> None:
    # 64 logs ten times a second are more than any disk of spinning plates can do with margin.
    nation = settings.but(schools=50_000, cadence_s=0.1, partitions=64)
    assert interval_of(2_799, needed_syncs_per_s(nation), 64) == "1s"
    assert interval_of(2_800, needed_syncs_per_s(nation), 64) == "100ms"
    assert interval_of(1e9, needed_syncs_per_s(nation), 64) == "always"


@pytest.mark.parametrize("interval", ["always", "1s", "250ms", "2m"])
def test_what_is_asked_for_is_taken(settings: Settings, interval: str) -> None:
    choice = choose_sync(settings.but(sync_interval=interval))
    assert choice.interval == interval
    assert interval in choice.sentence


def test_the_disk_is_measured_and_nothing_stays_behind(tmp_path: Path) -> None:
    assert syncs_per_s(tmp_path, 0.02) > 1
    assert list(tmp_path.iterdir()) == []
