"""Who should own which log: a pure function of who is there and who has what.

Each worker plans for itself from the same table, so no leader is needed. Plans made from one
picture fit together: no log is claimed twice, and shares differ by at most one log a group. Plans
made from pictures that differ for a moment meet in the leases, and the next second mends the rest.

Movement is least: a worker gives up only what exceeds its share, and the larger shares go to those
that have most already.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Plan(NamedTuple):
    """What one worker should do now."""

    claim: tuple[str, ...]
    """Free logs to lease."""
    release: tuple[str, ...]
    """Logs to finish and give back."""


def plan(me: str, workers: Sequence[str], owners: Mapping[str, str], groups: Sequence[Sequence[str]]) -> Plan:
    """Return what `me` should claim and release.

    Args:
        me: a name in `workers`.
        workers: all that live, each once, in any order.
        owners: owner of each log whose lease has not ended; it need not be in `workers`.
        groups: logs that cost about the same, group by group, the dearest first. Each group is shared
            evenly by itself, and whoever has less of the groups before comes first for an odd one.
    """
    load: Counter[str] = Counter()
    claim: list[str] = []
    release: list[str] = []
    for logs in groups:
        held: dict[str, list[str]] = {worker: [] for worker in workers}
        for log in logs:
            if owners.get(log) in held:
                held[owners[log]].append(log)
        shares = _shares(len(logs), held, load)
        release += sorted(held[me])[shares[me] :]
        claim += _deal([log for log in logs if log not in owners], held, shares)[me]
        load.update(shares)
    return Plan(tuple(claim), tuple(release))


def _shares(logs: int, held: Mapping[str, Sequence[str]], load: Mapping[str, int]) -> dict[str, int]:
    """Return how many logs each worker should have; they differ by at most one."""
    floor, odd = divmod(logs, len(held))
    ranked = sorted(held, key=lambda worker: (-len(held[worker]), load[worker], worker))
    return {worker: floor + (rank < odd) for rank, worker in enumerate(ranked)}


def _deal(
    free: Sequence[str], held: Mapping[str, Sequence[str]], shares: Mapping[str, int]
) -> dict[str, list[str]]:
    """Return the free logs that go to each worker that has less than its share, none to two."""
    left = iter(free)
    dealt: dict[str, list[str]] = {}
    for worker in sorted(held):
        wanted = max(0, shares[worker] - len(held[worker]))
        dealt[worker] = [log for _, log in zip(range(wanted), left, strict=False)]
    return dealt
