"""Law: from what is published of a school no number of its pupils below k follows.

A reader knows how many pupils each school has, the rule itself, and everything that is published. Of all
worlds that publish the same he cannot tell the true one; in these a number that is below k must be any
number below k.
"""

from collections.abc import Iterable
from itertools import product

import msgspec
import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from contract.alert import Alert
from contract.catalogue import Catalogue, Metric, parse_catalogue
from contract.live import Kpi
from contract.privacy import (
    K,
    hidden_in,
    shown_alert,
    shown_history,
    shown_share,
    shown_sum,
    shown_value,
    told_apart,
)
from contract.series import series_of
from contract.topic import PRIVATE_STREAMS
from tests.examples import examples
from tests.fold_world import packaged

CATALOGUE = parse_catalogue(packaged("metrics.toml"))
RATIO, PRESENT, USERS = (CATALOGUE.named(n) for n in ("attendance_ratio", "present", "active_users"))
SMALL = set(range(K))
calm = examples(60)
sizes = st.one_of(
    st.integers(1, 200), st.integers(1, 4000), st.sampled_from((3, 8, 12, 19, 20, 179, 180, 480))
)


def lookalikes(metric: Metric, pupils: int, people: int) -> list[int]:
    """Return all numbers of people of whom the same is told: their share, or their number.

    A platform may count more people than there are pupils.
    """
    every = np.arange(pupils + 1.0) / pupils if metric is RATIO else np.arange(max(pupils, K - 1) + 1.0)
    told = np.nan_to_num(shown_history(metric, pupils, every, every, every).mean, nan=-1.0)
    return [int(other) for other in np.flatnonzero(told == told[people])]


def keeps_small_together(possible: Iterable[int], pupils: int) -> bool:
    """Return whether neither these people nor the rest of the pupils are known to be one of 0 to k - 1."""
    found = set(possible)
    rest = {pupils - people for people in found}
    small = SMALL & set(range(pupils + 1))
    return all(small <= side or not small & side for side in (found, rest))


@calm
@given(pupils=sizes, data=st.data())
def test_small_numbers_of_a_school_look_the_same(pupils: int, data: st.DataObject) -> None:
    people = data.draw(st.integers(0, pupils))
    edge = data.draw(
        st.sampled_from((people, min(people, K), pupils - min(people, K), K - 1, pupils - K + 1))
    )
    for one in (people, min(max(edge, 0), pupils)):
        for metric in (RATIO, USERS):
            assert keeps_small_together(lookalikes(metric, pupils, one), pupils)


@calm
@given(pupils=sizes, data=st.data())
def test_a_bucket_tells_no_reading_that_is_not_told(pupils: int, data: st.DataObject) -> None:
    metric = data.draw(st.sampled_from((RATIO, USERS)))
    readings = data.draw(st.lists(st.integers(0, pupils), min_size=2, max_size=4))
    small = data.draw(st.integers(0, min(K - 1, pupils)))
    other = data.draw(st.integers(0, min(K - 1, pupils)))
    as_rest = data.draw(st.booleans())

    def bucket(one: int) -> list[float]:
        people = np.array([pupils - one if as_rest else one, *readings], np.float64)
        value = people / pupils if metric is RATIO else people
        columns = (np.array([v]) for v in (value.mean(), value.min(), value.max()))
        return [float(column[0]) for column in shown_history(metric, pupils, *columns)]

    np.testing.assert_array_equal(bucket(small), bucket(other))


@examples(100)
@given(schools=st.lists(st.sampled_from((3, 8, 12, 19, 30, 60, 200)), min_size=1, max_size=3), data=st.data())
def test_a_sum_over_schools_tells_no_school_that_is_not_told(schools: list[int], data: st.DataObject) -> None:
    metric = data.draw(st.sampled_from((PRESENT, USERS)))
    own = RATIO if metric is PRESENT else USERS
    people = [data.draw(st.integers(0, n) | st.integers(max(0, n - K), n)) for n in schools]
    classes = [lookalikes(own, n, p) for n, p in zip(schools, people, strict=True)]
    assume(np.prod([len(one) for one in classes]) <= 3000)

    def published(world: tuple[int, ...]) -> float | None:
        hidden = hidden_in(np.array(world), np.array(schools), metric)
        part = Kpi(len(world), len(world), float(sum(world)), hidden)
        return shown_share(part, Kpi(1, 1, float(sum(schools)))) if metric is PRESENT else shown_sum(part)

    seen = published(tuple(people))
    worlds = [world for world in product(*classes) if published(world) == seen]
    for place, pupils in enumerate(schools):
        assert keeps_small_together((world[place] for world in worlds), pupils)


@examples(40)
@given(
    parts=st.lists(
        st.lists(st.sampled_from((3, 8, 12, 19, 30, 200)), min_size=1, max_size=2), min_size=2, max_size=3
    ),
    data=st.data(),
)
def test_sums_over_parts_beside_the_whole_tell_no_school(parts: list[list[int]], data: st.DataObject) -> None:
    schools = [pupils for part in parts for pupils in part]
    people = [data.draw(st.integers(0, n) | st.integers(max(0, n - K), n)) for n in schools]
    classes = [lookalikes(RATIO, n, p) for n, p in zip(schools, people, strict=True)]
    assume(np.prod([len(one) for one in classes]) <= 1000)
    ends = np.cumsum([len(part) for part in parts])

    def published(world: tuple[int, ...]) -> tuple[float | None, ...]:
        own = [world[end - len(part) : end] for part, end in zip(parts, ends, strict=True)]
        hidden = [hidden_in(np.array(o), np.array(p), PRESENT) for o, p in zip(own, parts, strict=True)]
        told = told_apart(hidden)
        whole = Kpi(1, 1, float(sum(world)), hidden_in(np.array(world), np.array(schools), PRESENT))
        sums = [float(sum(o)) if is_told else None for o, is_told in zip(own, told, strict=True)]
        return shown_share(whole, Kpi(1, 1, float(sum(schools)))), *sums

    seen = published(tuple(people))
    worlds = [world for world in product(*classes) if published(world) == seen]
    for place, pupils in enumerate(schools):
        assert keeps_small_together((world[place] for world in worlds), pupils)


@calm
@given(
    stream=st.sampled_from(sorted(PRIVATE_STREAMS)),
    pupils=sizes,
    value=st.floats(0, 20000),
    unit=st.sampled_from(("count", "/", "s")),
)
def test_what_nobody_opened_is_closed(stream: str, pupils: int, value: float, unit: str) -> None:
    own: Catalogue = parse_catalogue(
        f'[[metric]]\nid = 40\nname = "excused"\nstream = "{stream}"\nunit = "{unit}"\nlow = 0.0\n'
        "high = 20000.0\n"
        "cadence_s = 60.0\nstale_s = 60.0\nheartbeat = false\n"
        'meaning_vi = "x"\nmeaning_en = "x"\nsource = "x"\n'
    )
    alert = Alert("0" * 16, "r", series_of(1, 40), 1, 1, 0, 0, value, value, value, 0.5, pupils)
    shown = msgspec.to_builtins(shown_alert(alert, own))
    assert [shown[n] for n in ("value", "expected_low", "expected_high", "score")] == [None] * 4
    assert shown_value(own.named("excused"), pupils, value) is None
