"""By how much bells ring earlier or later than the calendar says: proposed, never decided here.

A school begins when its first register comes, in minutes after the calendar's bell. A level's day is the mean
of its schools, for registers of past days lie on quarter hours and the mean of many does not. What is usual
is the median of the first `FIRST` days that are looked at; bells have **moved** if on `LEAST_DAYS` days or
more up to the newest the level began `APART` minutes apart, on the same side, and in the mean `LEAST_MIN` or
more. Registers alone may be late for a reason of their own: where anything is known of the traffic or the
e-learning of these mornings, one of them must have moved by a third as much at least; in the afternoon lunch
hides when they begin. Levels that all moved
alike, within ten minutes of one another, are one proposal, the city's; a level of a few schools is not asked.

Deterministic, and no order of schools matters.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.special_days import LEAST, known_mean, known_median
from contract.special_days.begins import DayBegins
from contract.special_days.history import PARTS
from contract.special_days.special_day import (
    DayEvidence,
    DayKind,
    DayPlace,
    DayProposal,
    DayVerdict,
    MovedBells,
    PlaceKind,
    SpecialDay,
)

FIRST: Final = 10
"""Days that say what is usual; chosen, two weeks."""
LEAST_USUAL: Final = 5
"""… of which so many must be known."""
LEAST_DAYS: Final = 2
"""Days in a row; chosen, one is a half day or a ceremony."""
APART: Final = 10.0
"""Minutes from what is usual, of each of these days; chosen, two thirds of the least."""
LEAST_MIN: Final = 12.5
"""Minutes from which on bells have moved; chosen, nearer to a quarter of an hour than to ten minutes."""
STEPS: Final = (15, 5)
"""Minutes that timetables are written in, the usual one first: told where the mean is within `NEAR` of it."""
NEAR: Final = 5.0
ALIKE: Final = 10
"""Minutes within which all levels have moved alike; chosen, twice the error of a dozen schools."""
AGREES: Final = 1 / 3
"""Part of it by which traffic or e-learning must have moved as well."""
Floats = NDArray[np.float64]


class _Run(NamedTuple):
    """The last days of a level, on which it began at another time than on the first ones."""

    rows: NDArray[np.intp]
    usual_rows: NDArray[np.intp]

    def later(self, begun: Floats) -> Floats:
        """Return by how many minutes each school began later in a part of these days, shape (k,)."""
        found: Floats = known_mean(begun[self.rows], axis=0) - known_mean(begun[self.usual_rows], axis=0)
        return found


class _Level(NamedTuple):
    """What a level's schools did."""

    place: DayPlace
    rows: NDArray[np.intp]
    """Days on which any part had moved."""
    later: Floats
    """By how many minutes registers of morning and afternoon, then traffic and e-learning of the morning,
    began later at each school, NaN where it is not known or they did not move, shape (4, k)."""

    @property
    def later_min(self) -> tuple[int, int]:
        """What is proposed, of morning and afternoon."""
        morning, afternoon = (float(one) for one in known_mean(self.later[:PARTS], axis=1))
        return _on_grid(morning), _on_grid(afternoon)


def propose_bells(begins: DayBegins, decided: Iterable[SpecialDay] = ()) -> list[DayProposal]:
    """Return the bells that have moved, the city's or those of levels.

    What somebody rejected is not proposed again by another first day, nor as part of the city's: only
    another shift, or another level, is something else.

    Args:
        begins: of past days.
        decided: what became of earlier proposals; those that were accepted are in the calendar of `begins`.
    """
    least = LEAST[PlaceKind.LEVEL]
    levels = [(p, at) for p, at in begins.groups.items() if p.kind is PlaceKind.LEVEL and len(at) >= least]
    refused = [one for one in decided if one.verdict is DayVerdict.REJECTED]
    moved = [
        one
        for p, at in levels
        if (one := _look(begins, p, at)) is not None and not any(_refuses(no, one) for no in refused)
    ]
    if len(moved) == len(levels) > 1 and _alike([one.later_min for one in moved]):
        rows = np.unique(np.concatenate([one.rows for one in moved]))
        later = np.concatenate([one.later for one in moved], axis=1)
        moved = [_Level(DayPlace(PlaceKind.CITY), rows, later)]
    return [_proposal(begins, one) for one in moved]


def _refuses(no: SpecialDay, one: _Level) -> bool:
    """Return whether a rejected proposal spoke of a level, and of the same shift."""
    bells = no.evidence.bells
    is_its = no.place in (one.place, DayPlace(PlaceKind.CITY))
    return bells is not None and is_its and _alike([bells.later_min, one.later_min])


def _look(begins: DayBegins, place: DayPlace, columns: NDArray[np.intp]) -> _Level | None:
    """Return what a level's bells did; None if they ring as the calendar says."""
    runs = [_run(begins.register[:, part, columns]) for part in range(PARTS)]
    later = np.full((PARTS + 2, len(columns)), np.nan)
    rows = []
    for part, run in enumerate(runs):
        if run is not None:
            later[part] = run.later(begins.register[:, part, columns])
            rows.append(run.rows)
    if runs[0] is not None:
        later[PARTS:] = [runs[0].later(one[:, columns]) for one in (begins.traffic, begins.learners)]
        mean, shown = float(known_mean(later[0], axis=0)), known_median(later[PARTS:], axis=1)
        shown = shown[np.isfinite(shown)]
        if len(shown) and not (np.sign(mean) * shown >= AGREES * abs(mean)).any():
            return None
    return _Level(place, np.unique(np.concatenate(rows)), later) if rows else None


def _run(register: Floats) -> _Run | None:
    """Return the days on which a level's registers, shape (d, k), came at another time, if they did."""
    known = np.flatnonzero(np.isfinite(register).sum(axis=1) >= LEAST[PlaceKind.LEVEL])
    if len(known) < LEAST_USUAL + LEAST_DAYS:
        return None
    of_day = known_mean(register[known], axis=1)
    off = of_day - np.median(of_day[: min(FIRST, len(known) - LEAST_DAYS)])
    is_apart = (np.abs(off) >= APART) & (np.sign(off) == np.sign(off[-1]))
    number = len(known) - 1 - int(np.flatnonzero(~is_apart).max(initial=-1))
    usual = known[: min(FIRST, len(known) - number)]
    if number < LEAST_DAYS or len(usual) < LEAST_USUAL or abs(off[-number:].mean()) < LEAST_MIN:
        return None
    return _Run(known[-number:], usual)


def _alike(later_min: Sequence[tuple[int, ...]]) -> bool:
    """Return whether levels moved alike, and in the same parts of the day."""
    by_part = list(zip(*later_min, strict=True))
    return all(max(one) - min(one) <= ALIKE and (all(one) or not any(one)) for one in by_part)


def _on_grid(mean: float) -> int:
    """Return minutes as timetables are written; 0 where nothing moved."""
    if not np.isfinite(mean):
        return 0
    return next(step * round(mean / step) for step in STEPS if abs(mean - step * round(mean / step)) <= NEAR)


def _proposal(begins: DayBegins, one: _Level) -> DayProposal:
    days: list[date] = begins.day[one.rows].astype(date).tolist()
    later_min = one.later_min
    part = 0 if later_min[0] else 1
    own = one.later[part][np.isfinite(one.later[part])]
    seen = int((np.sign(later_min[part]) * own >= abs(later_min[part]) / 2).sum())
    morning, afternoon, traffic, learners = (
        round(minutes, 1) if np.isfinite(minutes) else None
        for minutes in known_median(one.later, axis=1).tolist()
    )
    bells = MovedBells(later_min, (morning, afternoon), traffic, learners)
    evidence = DayEvidence(seen, len(own), None, None, None, 0, bells)
    return DayProposal(DayKind.EVENT, one.place, days[0], days[-1], len(days), evidence)
