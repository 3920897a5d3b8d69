"""The generated city: exact in its sums, the same for the same seed, believable in between."""

from collections import Counter

import numpy as np
import pytest

from contract.errors import ConfigurationError
from contract.fleet import LEVELS, Fleet
from contract.topic import parse_topic
from device_simulator.world.fleet import CITY_PUPILS, generate_fleet


@pytest.fixture(scope="module")
def whole_city() -> Fleet:
    return generate_fleet()


def test_the_whole_city_has_its_published_sums(whole_city: Fleet) -> None:
    assert len(whole_city.schools) == 3541
    assert int(whole_city.pupils.sum()) == 2_528_789
    for i, level in enumerate(LEVELS):
        assert int(whole_city.pupils[whole_city.level_index == i].sum()) == CITY_PUPILS[level]


def test_names_are_unique_within_a_ward_and_codes_in_the_city(whole_city: Fleet) -> None:
    schools = whole_city.schools
    assert len({(s.ward_code, s.name) for s in schools}) == len(schools)
    assert len({s.code for s in schools}) == len(schools)
    assert all(parse_topic(f"edu/v1/79/{s.code}/gw-1/status") for s in schools)


def test_every_ward_has_schools_and_leans_to_a_provider(whole_city: Fleet) -> None:
    by_ward: dict[str, Counter[str]] = {}
    for school in whole_city.schools:
        by_ward.setdefault(school.ward_code, Counter())[school.isp] += 1
    assert len(by_ward) >= 160
    city = Counter(s.isp for s in whole_city.schools)
    largest = [c.most_common(1)[0][1] / c.total() for c in by_ward.values() if c.total() >= 10]
    assert float(np.mean(largest)) > city.most_common(1)[0][1] / city.total() + 0.15


def test_contracts_leave_room_for_a_school_day(whole_city: Fleet) -> None:
    down = np.array([s.contracted_down_bps for s in whole_city.schools])
    assert (down >= 50_000.0 * whole_city.pupils).mean() > 0.95


def test_the_seed_decides() -> None:
    assert generate_fleet(40).version == generate_fleet(40).version
    assert generate_fleet(40).version != generate_fleet(40, seed=80).version


def test_small_and_large_fleets_are_whole() -> None:
    for schools in (1, 7, 5000):
        fleet = generate_fleet(schools)
        assert len(fleet.schools) == schools
        assert len(fleet.devices) == 3 * schools
    with pytest.raises(ConfigurationError, match="0"):
        generate_fleet(0)
