"""Figures of one message that cannot be true together are refused, whatever their order and their seconds."""

import itertools
import json
from dataclasses import replace

import pytest

from contract.catalogue import Catalogue, parse_catalogue
from contract.errors import ConfigurationError
from contract.fleet import PUPILS_UNKNOWN, Fleet
from contract.rejected import Reason
from ingest.acceptance.accept import Accepted, Message, accept
from ingest.acceptance.registry import Registry
from ingest.acceptance.validation import AcceptanceLimits
from tests.refusal_words import said

NOW_US = 1_790_000_000_000_000
PUPILS = 500
DEVICES = {"attendance": "att-1", "elearning": "lms-1", "status": "gw-1"}
Record = dict[str, object]


@pytest.fixture(scope="module")
def fleet(city: Fleet) -> Fleet:
    """A city whose first school has 500 pupils, and whose second has a number that nobody knows."""
    first, second, *others = city.schools
    schools = (replace(first, pupils=PUPILS), replace(second, pupils=PUPILS_UNKNOWN), *others)
    return Fleet(city.province, city.clusters, city.wards, schools, city.devices)


@pytest.fixture(scope="module")
def registry(fleet: Fleet, catalogue: Catalogue) -> Registry:
    """Its registry."""
    return Registry(fleet, catalogue, 4)


def take(
    registry: Registry, fleet: Fleet, pack: list[Record], stream: str = "attendance", at: int = 0
) -> Accepted:
    topic = f"edu/v1/{fleet.province}/{fleet.schools[at].code}/{DEVICES[stream]}/{stream}"
    return accept([Message(topic, json.dumps(pack).encode(), NOW_US)], registry, AcceptanceLimits())


def record(name: str, value: float, t: float = 0.0) -> Record:
    return {"n": name, "v": value, "t": t}


def kept(accepted: Accepted) -> list[float]:
    return sorted(v for r in accepted.by_partition.values() for v in r.value.tolist())


RATIO = [record("enrolled", 500), record("present", 480), record("attendance_ratio", 0.2)]
A_SECOND_APART = [record("present", 451, -1), record("enrolled", 450), record("late", 3)]
TOGETHER = [record("present", 300, -59), record("absent", 151), record("enrolled", 450, -30)]
LATE = [record("late", 10), record("present", 9, -2)]
GROWING = [record("enrolled", 400, -30), record("present", 390, -30), record("enrolled", 500)]


@pytest.mark.parametrize("figures", [RATIO, A_SECOND_APART, TOGETHER, LATE])
def test_what_cannot_be_true_together_is_refused_in_any_order(
    figures: list[Record], registry: Registry, fleet: Fleet
) -> None:
    for order in itertools.permutations(figures):
        accepted = take(registry, fleet, list(order))
        assert [r.reason for r in accepted.rejected] == [Reason.INCONSISTENT] * len(figures)
        assert kept(accepted) == []


@pytest.mark.parametrize(
    ("figures", "good"),
    [
        ([record("enrolled", 500), record("present", 480), record("attendance_ratio", 0.96)], True),
        ([record("enrolled", 500), record("present", 484), record("attendance_ratio", 0.96)], True),
        ([record("enrolled", 8), record("present", 7), record("attendance_ratio", 1.0)], True),
        ([record("enrolled", 8), record("present", 7), record("attendance_ratio", 0.5)], False),
        ([record("enrolled", 0), record("present", 0), record("attendance_ratio", 1.0)], True),
        ([record("enrolled", 500), record("attendance_ratio", 0.2)], True),
        ([record("present", 460, -61), record("enrolled", 450)], True),
        ([record("present", 460, -60), record("enrolled", 450)], False),
        # the register grows: each count is held against the one nearest to it
        ([*GROWING, record("present", 490)], True),
        ([*GROWING, record("present", 490, -31)], False),
    ],
)
def test_figures_are_held_against_the_nearest_within_a_minute(
    figures: list[Record], good: bool, registry: Registry, fleet: Fleet
) -> None:
    accepted = take(registry, fleet, figures)
    assert (accepted.rejected == []) == good


def test_a_contradiction_costs_its_moment_and_no_other(registry: Registry, fleet: Fleet) -> None:
    backlog = [
        r for i in range(1, 100) for r in (record("enrolled", 450, -600 * i), record("present", i, -600 * i))
    ]
    accepted = take(registry, fleet, [*backlog, record("enrolled", 450), record("present", 451)])
    assert len(accepted.rejected) == 2
    assert len(kept(accepted)) == len(backlog)


def test_messages_of_one_batch_are_judged_apart(registry: Registry, fleet: Fleet) -> None:
    topic = f"edu/v1/{fleet.province}/{fleet.schools[0].code}/att-1/attendance"
    packs = [[record("enrolled", 400)], [record("present", 450)]]
    messages = [Message(topic, json.dumps(p).encode(), NOW_US + i) for i, p in enumerate(packs)]
    assert accept(messages, registry, AcceptanceLimits()).rejected == []


@pytest.mark.parametrize(
    ("stream", "name", "value", "detail"),
    [
        ("attendance", "present", 480.5, "present is not a whole number"),
        ("attendance", "enrolled", 10 * PUPILS, "enrolled is more than 2 for each of 500 pupils"),
        ("elearning", "active_users", 2 * PUPILS + 1, "active_users is more than 2 for each of 500 pupils"),
        ("elearning", "events", 0.5, "events is not a whole number"),
        ("status", "online", 0.5, "online 0.5 is not a whole number"),
    ],
)
def test_what_no_school_can_count_costs_that_reading(
    stream: str, name: str, value: float, detail: str, registry: Registry, fleet: Fleet
) -> None:
    accepted = take(registry, fleet, [record(name, value), record(name, 1, -60)], stream)
    assert [(r.reason, said(r)) for r in accepted.rejected] == [(Reason.INCONSISTENT, detail)]
    assert kept(accepted) == [1.0]


@pytest.mark.parametrize(("at", "value"), [(0, 2 * PUPILS), (1, 20 * PUPILS)])
def test_a_school_may_double_and_one_of_unknown_size_may_have_any(
    at: int, value: float, registry: Registry, fleet: Fleet
) -> None:
    assert take(registry, fleet, [record("enrolled", value)], at=at).rejected == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('part_of = "nobody"', "has no other metric 'nobody'"),
        ('part_of = "a"', "has no other metric 'a'"),
        ('ratio_of = ["a", "b"]', "has no other metric"),
        ('ratio_of = ["b"]', "a part and a whole"),
        ("max_per_pupil = -1.0", "max_per_pupil is at least 0"),
    ],
)
def test_a_rule_that_cannot_be_meant_ends_the_start(line: str, told: str) -> None:
    text = f"""
[[metric]]
id = 1
name = "a"
stream = "attendance"
unit = "count"
low = 0
high = 9
cadence_s = 1
stale_s = 1
heartbeat = false
meaning_vi = "a"
meaning_en = "a"
source = "a"
{line}
"""
    with pytest.raises(ConfigurationError, match=told):
        parse_catalogue(text)
