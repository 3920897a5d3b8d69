"""Which ingest hears what."""

import pytest

from bus.mqtt import PROBE_TOPIC
from contract.canary import canary_school
from contract.fleet import partition_of
from ingest.slices import (
    Slicing,
    inherited_slices,
    session_name,
    stray_session_name,
    stray_subscription,
    subscription_of,
)
from tests.fold_world import small_fleet

FLEET = small_fleet(20)
PARTITIONS = 6
COUNTS = (1, 2, 3, 6)


@pytest.mark.parametrize("slicing", Slicing)
@pytest.mark.parametrize("count", COUNTS)
def test_sessions_of_one_layout_have_different_names(slicing: Slicing, count: int) -> None:
    names = {session_name("eduops-ingest", slicing, index, count) for index in range(count)}
    assert len(names) == count


def test_a_single_ingest_hears_everything_under_the_plain_name() -> None:
    assert stray_session_name("x") not in {
        session_name("x", s, i, n) for s in Slicing for n in COUNTS for i in range(n)
    }
    assert stray_subscription(Slicing.MAPPED).plain("slice/3/edu/v1/79/s") == "edu/v1/79/s"
    assert stray_subscription(Slicing.BY_SCHOOL).plain("slice/3/edu/v1/79/s") == "slice/3/edu/v1/79/s"
    for slicing in Slicing:
        assert session_name("x", slicing, 0, 1) == "x"
        assert subscription_of(slicing, FLEET, PARTITIONS, 0, 1).filters == ("edu/v1/#",)


@pytest.mark.parametrize("count", COUNTS[1:])
def test_every_school_and_canary_is_asked_for_by_exactly_the_ingest_of_its_partition(count: int) -> None:
    codes = [s.code for s in FLEET.schools] + [canary_school(p, PARTITIONS) for p in range(PARTITIONS)]
    for index in range(count):
        asked = set(subscription_of(Slicing.BY_SCHOOL, FLEET, PARTITIONS, index, count).filters)
        own = {f"edu/v1/+/{c}/#" for c in codes if partition_of(c, PARTITIONS) % count == index}
        assert {topics for topics in asked if topics.endswith("#")} == own


def test_another_fleet_or_layout_is_another_probe() -> None:
    probes = {
        subscription_of(Slicing.BY_SCHOOL, fleet, PARTITIONS, index, count).probe
        for fleet in (FLEET, small_fleet(19))
        for count in COUNTS[1:]
        for index in range(count)
    }
    assert len(probes) == 2 * sum(COUNTS[1:])
    assert all(probe.startswith(f"{PROBE_TOPIC}/") for probe in probes)


def test_the_probe_of_a_mapped_slice_falls_into_it() -> None:
    for index in range(3):
        probe = subscription_of(Slicing.MAPPED, FLEET, PARTITIONS, index, 3).probe
        assert partition_of(probe.split("/")[3], 3) == index


@pytest.mark.parametrize(
    ("topic", "plain"),
    [
        ("slice/1/edu/v1/79/s/gw-1/status", "edu/v1/79/s/gw-1/status"),
        ("edu/v1/slice/1/gw-1/status", "edu/v1/slice/1/gw-1/status"),
        ("", ""),
    ],
)
def test_the_slice_is_taken_off_a_topic(topic: str, plain: str) -> None:
    assert subscription_of(Slicing.MAPPED, FLEET, PARTITIONS, 1, 3).plain(topic) == plain


@pytest.mark.parametrize(
    ("index", "count", "inherited"), [(0, 1, [1, 2]), (0, 2, [2]), (1, 2, []), (0, 3, []), (2, 6, [])]
)
def test_slices_that_are_no_more_are_inherited_once(index: int, count: int, inherited: list[int]) -> None:
    subjects = ["edu.v1.>", "slice.0.edu.v1.>", "slice.1.edu.v1.>", "slice.2.edu.v1.>", "slice.2.edu.v1"]
    assert inherited_slices(subjects, index, count) == inherited
