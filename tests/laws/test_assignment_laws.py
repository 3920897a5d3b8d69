"""Ownership: shares are even, nothing is claimed twice, and no more moves than must."""

from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.owners.assignment import Plan, plan

PARTITIONS = tuple(f"telemetry-{p}" for p in range(12))
LIGHT = ("quarantine", "alerts", "maintenance")
GROUPS = (PARTITIONS, LIGHT)
LOGS = PARTITIONS + LIGHT
workers_lists = st.lists(st.sampled_from([f"processor-{i}" for i in range(1, 9)]), min_size=1, unique=True)


@st.composite
def pictures(draw: st.DrawFn) -> tuple[list[str], dict[str, str]]:
    """Draw who lives and who has which log; some owners are gone, some logs are free."""
    workers = draw(workers_lists)
    owners = draw(st.dictionaries(st.sampled_from(LOGS), st.sampled_from([*workers, "gone"])))
    return workers, owners


def plans(workers: Sequence[str], owners: Mapping[str, str]) -> dict[str, Plan]:
    return {worker: plan(worker, workers, owners, GROUPS) for worker in workers}


def carry_out(owners: Mapping[str, str], todo: Mapping[str, Plan]) -> dict[str, str]:
    """Return who has what after everybody did what it planned."""
    released = {log for each in todo.values() for log in each.release}
    after = {log: owner for log, owner in owners.items() if log not in released}
    return after | {log: worker for worker, each in todo.items() for log in each.claim}


def spread(logs: Sequence[str], workers: Sequence[str], owners: Mapping[str, str]) -> int:
    held = Counter(owners[log] for log in logs)
    return max(held[w] for w in workers) - min(held[w] for w in workers)


@given(pictures())
def test_plans_of_one_picture_fit_together(picture: tuple[list[str], dict[str, str]]) -> None:
    workers, owners = picture
    todo = plans(workers, owners)
    claimed = [log for each in todo.values() for log in each.claim]
    assert len(claimed) == len(set(claimed))
    assert not set(claimed) & owners.keys()
    for worker, each in todo.items():
        assert all(owners[log] == worker for log in each.release)


@given(pictures())
def test_everything_is_owned_and_even_once_the_gone_have_run_out(
    picture: tuple[list[str], dict[str, str]],
) -> None:
    workers, owners = picture
    owners = carry_out(owners, plans(workers, owners))
    owners = {log: owner for log, owner in owners.items() if owner != "gone"}
    for _ in range(2):  # what was let go in one round is claimed in the next
        owners = carry_out(owners, plans(workers, owners))
    assert owners.keys() == set(LOGS)
    assert spread(PARTITIONS, workers, owners) <= 1
    assert spread(LIGHT, workers, owners) <= 1
    assert not any(each.claim or each.release for each in plans(workers, owners).values())


@given(workers_lists)
def test_who_joins_takes_its_share_and_nothing_else_moves(workers: list[str]) -> None:
    settled = settle(workers, {})
    joined = settle([*workers, "newcomer"], settled)
    moved = [log for log in PARTITIONS if joined[log] != settled[log]]
    assert all(joined[log] == "newcomer" for log in moved)
    assert len(moved) == len(PARTITIONS) // (len(workers) + 1)


@given(workers_lists.filter(lambda workers: len(workers) > 1))
def test_who_leaves_leaves_the_others_what_they_have(workers: list[str]) -> None:
    settled = settle(workers, {})
    gone = workers[0]
    left = settle(workers[1:], {log: owner for log, owner in settled.items() if owner != gone})
    assert all(left[log] == settled[log] for log in PARTITIONS if settled[log] != gone)


@given(st.data())
def test_workers_that_act_one_after_the_other_settle_as_well(data: st.DataObject) -> None:
    workers = data.draw(workers_lists)
    owners: dict[str, str] = {}
    for _ in range(4):
        for worker in data.draw(st.permutations(workers)):
            owners = carry_out(owners, {worker: plan(worker, workers, owners, GROUPS)})
    assert owners == settle(workers, owners)
    assert owners.keys() == set(LOGS)


def test_whoever_has_fewer_partitions_takes_the_light_logs() -> None:
    owners = settle(["a", "b", "c", "d", "e"], {})
    heavy = {worker for worker, n in Counter(owners[log] for log in PARTITIONS).items() if n == 3}
    assert {owners[log] for log in LIGHT}.isdisjoint(heavy)


def settle(workers: Sequence[str], owners: Mapping[str, str]) -> dict[str, str]:
    """Return who has what once nobody wants to change anything."""
    now = dict(owners)
    while any(each.claim or each.release for each in plans(workers, now).values()):
        now = carry_out(now, plans(workers, now))
    return now
