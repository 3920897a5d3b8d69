"""What chance explains is left alone, and what it does not is given its broadest cause."""

import numpy as np
import pytest
from numpy.typing import NDArray

from alerting.incidents.causes import USUAL_US, Found, by_lot, by_themselves, find_causes
from alerting.incidents.groups import GROUP_KINDS, Groups
from contract.incident import Cause, CauseKind
from device_simulator.world.fleet import generate_fleet

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
BEGAN_US = 1_795_399_200_000_000


@pytest.fixture(scope="module")
def city() -> Groups:
    return Groups(generate_fleet())


def causes(city: Groups, schools: NDArray[np.intp], within_us: int = MINUTE_US, seed: int = 1) -> list[Found]:
    """Return the causes of alerts that open at chance moments within a time."""
    at_us = BEGAN_US + np.random.default_rng(seed).integers(0, within_us, len(schools))
    return find_causes(city, schools, at_us)


def a_group(city: Groups, kind: CauseKind, least: int) -> NDArray[np.intp]:
    """Return the schools of the first group of a kind with so many and less than half of the city."""
    part = city.by_kind[kind]
    group = int(np.flatnonzero((part.size >= least) & (part.size < city.schools / 2))[0])
    return np.flatnonzero(part.group == group)


def spread_over_providers(city: Groups, members: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return so many of these schools, of each provider about the same share."""
    by_isp = np.array(sorted(members.tolist(), key=lambda i: city.isp[i]))
    return by_isp[np.linspace(0, len(by_isp) - 1, count).round().astype(np.intp)]


@pytest.mark.parametrize(("count", "schools", "failing", "fleet"), [(5, 10, 6, 120), (40, 900, 60, 3541)])
def test_the_lot_is_hypergeometric(count: int, schools: int, failing: int, fleet: int) -> None:
    from scipy.stats import hypergeom  # a second that not every worker has to spend

    assert by_lot(count, schools, failing, fleet) == pytest.approx(
        hypergeom.sf(count - 1, fleet, schools, failing), rel=1e-6
    )


def test_what_fails_by_itself_is_poisson() -> None:
    from scipy.stats import poisson

    found = by_themselves(3, 100.0, 6 * 3_600_000_000)
    assert found == pytest.approx(poisson.sf(2, 100 * 6 * 3_600_000_000 / USUAL_US))


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("kind", GROUP_KINDS)
def test_a_group_that_fails_is_named_if_only_a_part_of_it_does(
    city: Groups, kind: CauseKind, share: float
) -> None:
    members = a_group(city, kind, least=12)
    failing = spread_over_providers(city, members, max(4, round(share * len(members))))
    found = causes(city, failing)
    assert [len(one.members) for one in found] == [len(failing)]
    part = city.by_kind[kind]
    if len({city.isp[i] for i in failing.tolist()}) > 1 or kind == CauseKind.ISP:
        assert found[0].cause == part.causes[part.group[members[0]]]


@pytest.mark.parametrize("low", [0.2, 0.3, 0.45])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_event_over_the_whole_city_is_one_cause(city: Groups, low: float, seed: int) -> None:
    part, generator = city.by_kind[CauseKind.CLUSTER], np.random.default_rng(seed)
    share = generator.uniform(low, 2 * low, len(part.size))
    share[0], share[1] = low, 2 * low
    failing = np.flatnonzero(generator.random(city.schools) < share[part.group])
    found = causes(city, failing, 5 * MINUTE_US)
    assert [(one.cause.kind, len(one.members)) for one in found] == [(CauseKind.CITY, len(failing))]


def test_a_cluster_that_fails_among_a_few_everywhere_is_named(city: Groups) -> None:
    part = city.by_kind[CauseKind.CLUSTER]
    all_of_one = np.flatnonzero(part.group == 0)
    few = np.random.default_rng(1).permutation(np.flatnonzero(part.group != 0))[: city.schools // 20]
    first = causes(city, np.concatenate([all_of_one, few]), 5 * MINUTE_US)[0]
    assert (first.cause, len(first.members)) == (part.causes[0], len(all_of_one))


def test_a_provider_that_fails_among_a_few_everywhere_is_named(city: Groups) -> None:
    part = city.by_kind[CauseKind.ISP]
    all_of_one = np.flatnonzero(part.group == 0)
    few = np.random.default_rng(1).permutation(np.flatnonzero(part.group != 0))[: city.schools // 20]
    first = causes(city, np.concatenate([all_of_one, few]), 5 * MINUTE_US)[0]
    assert (first.cause, len(first.members)) == (part.causes[0], len(all_of_one))


def test_two_causes_at_one_time_are_two(city: Groups) -> None:
    isp = city.by_kind[CauseKind.ISP]
    small = np.argsort(isp.size)[:2].tolist()
    first, second = (np.random.default_rng(g).permutation(np.flatnonzero(isp.group == g))[:30] for g in small)
    found = causes(city, np.concatenate([first, second]))
    assert sorted(len(one.members) for one in found) == [30, 30]
    assert {one.cause.isp for one in found} == {isp.causes[g].isp for g in small}


@pytest.mark.parametrize("size", [60, 500, 3541])
def test_schools_that_fail_by_themselves_have_no_cause(size: int) -> None:
    """A hundred days with as many failures as thought usual, three at least."""
    city = Groups(generate_fleet(size))
    usual = max(3, round(city.schools * DAY_US / USUAL_US))
    wrong = 0
    for day in range(100):
        schools = np.random.default_rng(day).choice(city.schools, usual, replace=False)
        wrong += len(causes(city, schools, DAY_US, seed=day))
    assert wrong <= 5


@pytest.mark.parametrize(
    ("isp", "count", "others", "is_named"),
    [
        ("FPT", 3, 0, True),
        ("VNPT", 4, 0, True),
        ("VNPT", 3, 0, True),
        ("Viettel", 4, 0, True),
        ("Viettel", 3, 0, False),
        ("VNPT", 4, 1, False),
    ],
)
def test_a_few_schools_of_a_small_fleet_are_their_providers_if_no_other_fails(
    isp: str, count: int, others: int, is_named: bool
) -> None:
    """Of 60 schools FPT serves 12, VNPT 16 and Viettel 29."""
    fleet = Groups(generate_fleet(60))
    own = [i for i in range(60) if fleet.isp[i] == isp]
    other = [i for i in range(60) if fleet.isp[i] != isp]
    step = len(own) // count  # all over the city, so that no ward or cluster has three of them
    found = causes(fleet, np.array([*own[::step][:count], *other[:others]]))
    assert [one.cause for one in found if one.cause.kind is CauseKind.ISP] == (
        [Cause(CauseKind.ISP, isp)] if is_named else []
    )


def test_a_school_with_many_devices_is_one_failure(city: Groups) -> None:
    assert causes(city, np.zeros(20, np.intp)) == []


@pytest.mark.parametrize("schools", [60, 120, 500])
@pytest.mark.parametrize("share", [0.9, 1.0])
def test_two_providers_at_once_are_not_the_city(schools: int, share: float) -> None:
    """The largest two serve three of four schools; nobody else's fail."""
    fleet = Groups(generate_fleet(schools))
    isp = fleet.by_kind[CauseKind.ISP]
    pair = np.argsort(-isp.size)[:2]
    chance = np.random.default_rng(schools).random(schools)
    failing = np.flatnonzero(np.isin(isp.group, pair) & (chance < share))
    found = causes(fleet, failing)
    assert {one.cause for one in found} == {isp.causes[g] for g in pair}
    assert sum(len(one.members) for one in found) == len(failing)


def test_most_of_every_provider_is_the_city_or_our_own_line() -> None:
    fleet = Groups(generate_fleet(60))
    chance = np.random.default_rng(1).random(60)
    for share, kind in ((0.6, CauseKind.CITY), (0.95, CauseKind.FLEET)):
        (found,) = causes(fleet, np.flatnonzero(chance < share))
        assert found.cause.kind is kind
