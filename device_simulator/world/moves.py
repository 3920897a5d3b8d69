"""Schools that join, close for good or merge while a scenario's days go by, and the fleets that say so.

A school that joins has no past. One that closes is silent from its day on, and the fleet says so from the
same moment, as an operator who closes it properly does. Where it merges, its pupils and its bandwidth are the
other school's from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.fleet import Fleet, Former

ALWAYS_US: Final = int(np.iinfo(np.int64).min)
NEVER_US: Final = int(np.iinfo(np.int64).max)
LEAST_SCHOOLS: Final = 12
"""Schools of a city below which none moves: chosen, three of them do at least."""
JOIN: Final = 0.05
"""Share of a city's schools that join: chosen, far more than any city has, so that some are there."""
CLOSE: Final = 0.025
"""Share that closes, and share that merges."""


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of one school."""

    at_us: int
    """Local midnight from which it holds."""
    position: int
    """In the scenario's whole fleet."""
    joins: bool
    """True where it sends from then on, False where it is silent."""
    into: int | None = None
    """Position of the school that it becomes part of; None where it closes."""


class Moves:
    """Answers who is there, and how the fleet looks, at any time."""

    def __init__(self, fleet: Fleet, moves: Sequence[Move]) -> None:
        """Take the moves of schools of `fleet`, which has every school that is ever there."""
        self._fleet = fleet
        self._moves = tuple(moves)
        n = len(fleet.schools)
        self.opens_us, self.closes_us = np.full(n, ALWAYS_US), np.full(n, NEVER_US)
        for move in moves:
            (self.opens_us if move.joins else self.closes_us)[move.position] = move.at_us
        self.moments_us = tuple(sorted({move.at_us for move in moves}))
        """When the fleet changes, rising."""
        self._growths = lru_cache(maxsize=len(self.moments_us) + 1)(self._growth)

    def there(self, time_us: int) -> NDArray[np.bool_]:
        """Return which schools are there at a time, shape (schools,)."""
        found: NDArray[np.bool_] = (self.opens_us <= time_us) & (time_us < self.closes_us)
        return found

    def there_throughout(self, start_us: int, end_us: int) -> NDArray[np.bool_]:
        """Return which schools are there from a time to another, shape (schools,)."""
        found: NDArray[np.bool_] = (self.opens_us <= start_us) & (end_us <= self.closes_us)
        return found

    def growth(self, time_us: int) -> NDArray[np.float64]:
        """Return the times by which each school has more pupils, and a faster line, than at first."""
        return self._growths(sum(moment <= time_us for moment in self.moments_us))

    def _growth(self, passed: int) -> NDArray[np.float64]:
        found = np.ones(len(self._fleet.schools))
        for move in self._moves:
            if move.into is not None and move.at_us in self.moments_us[:passed]:
                pupils = self._fleet.pupils
                found[move.into] += pupils[move.position] / pupils[move.into]
        return found

    def fleet_at(self, time_us: int) -> Fleet:
        """Return the fleet as it is at a time: who is not there yet is unknown, who is no more is former."""
        if not self._moves:
            return self._fleet
        whole, there, growth = self._fleet, self.there(time_us), self.growth(time_us)
        schools = tuple(
            replace(
                school,
                pupils=round(school.pupils * times),
                contracted_down_bps=school.contracted_down_bps * times,
                contracted_up_bps=school.contracted_up_bps * times,
            )
            for school, times in zip(whole.schools, growth.tolist(), strict=True)
        )
        gone = [m for m in self._moves if not m.joins and m.at_us <= time_us]
        former = tuple(
            Former(schools[m.position], m.at_us, None if m.into is None else schools[m.into].id) for m in gone
        )
        ids = {s.id for s, is_there in zip(schools, there.tolist(), strict=True) if is_there}
        old = {f.school.id for f in former}
        return Fleet(
            whole.province,
            whole.clusters,
            whole.wards,
            tuple(s for s in schools if s.id in ids),
            tuple(d for d in whole.devices if d.school_id in ids),
            former,
            tuple(d for d in whole.devices if d.school_id in old),
        )


def draw_moves(fleet: Fleet, midnights_us: Sequence[int], rng: np.random.Generator) -> tuple[Move, ...]:
    """Return the moves of a scenario, by time; none in a city of few schools or days.

    Args:
        fleet: every school that is ever there.
        midnights_us: local midnights of the school days on which something may happen.
        rng: draws who and when.
    """
    n = len(fleet.schools)
    if n < LEAST_SCHOOLS or not midnights_us:
        return ()
    joining, closing = max(1, round(JOIN * n)), max(1, round(CLOSE * n))
    moving = rng.permutation(n)[: joining + 2 * closing].tolist()
    found: list[Move] = []
    taken = set(moving)
    for nth, position in enumerate(moving):
        at_us = midnights_us[int(rng.integers(len(midnights_us)))]
        into = _keeper(fleet, position, taken) if nth >= joining + closing else None
        taken |= {into} - {None}
        found.append(Move(at_us, position, nth < joining, into))
    return tuple(sorted(found, key=lambda move: (move.at_us, move.position)))


def _keeper(fleet: Fleet, position: int, taken: set[int]) -> int | None:
    """Return the largest school of the same level that does not move, of the same cluster if there is one."""
    own = fleet.schools[position]
    cluster = fleet.ward_by_code[own.ward_code].cluster_code
    same = [i for i, s in enumerate(fleet.schools) if s.level is own.level and i not in taken]
    near = [i for i in same if fleet.ward_by_code[fleet.schools[i].ward_code].cluster_code == cluster]
    return max(near or same, key=lambda i: (fleet.schools[i].pupils, -i), default=None)
