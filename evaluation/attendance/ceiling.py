"""What could be found of recorded registers at most: bounds chosen in hindsight, on usual days known before
and after.

Nobody knows the true noise of real schools, so this is no proof as `evaluation.scenarios.ceiling` is, but it
grants what no detector has: a school's usual absence on a day is the median of the forty registers around
it, the day's shared part the median of what is left of that day (the city's, then the district's), and
bounds are chosen on the very days that are judged. Days on which the whole city stays away by a tenth are
left out, for they are told of all.

- *one bound*: in deviations of `anomaly.absence`, the same for all schools;
- *a bound a school*: each school its own, as high or low as brings most in all (a Lagrangian over schools).

What is counted are days on which an alarm begins, as lines are in `evaluation.attendance.run`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from anomaly.absence import absence_deviations
from contract.errors import ConfigurationError
from contract.rule import AnomalyRule
from evaluation.attendance.recorded import SIZES, Registers

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BUDGETS: Final = (1.0, 1.5, 3.0)
"""Alarms that begin, in 1,000 school-days."""
AROUND: Final = 20
"""Registers of a school before and after a day that its usual absence is the median of."""
STRENGTHS: Final = 8
"""Strengths of each size that a day's chance to be found is a mean over."""
BOUNDS_OF_A_SCHOOL: Final = 24
"""Its own highest days, between which its bound may lie."""


class Hindsight(NamedTuple):
    """What is found at most at a budget, of registers lowered much and a little."""

    half: str
    budget: float
    one_bound: tuple[float, ...]
    bound_a_school: tuple[float, ...]


def hindsight(registers: Registers, rule: AnomalyRule) -> list[Hindsight]:
    """Return the shares found at most, by half and budget.

    Args:
        registers: as recorded; what was lowered is not looked at.
        rule: gives the least deviation.

    Raises:
        ConfigurationError: there are too few days to know what was usual around each.
    """
    if len(registers.day) <= 2 * AROUND:
        raise ConfigurationError(
            f"the registers are of {len(registers.day)} days; {2 * AROUND + 1} are the least that are known"
            " before and after"
        )
    usual, shared = usual_days(registers.ratio)
    expected = usual + _with_districts(registers, usual, shared)
    known = np.isfinite(expected) & np.isfinite(registers.ratio) & (shared > -rule.least_deviation)[:, None]
    score = _score(registers.ratio, expected, rule)
    found = []
    for half, mine in (
        ("first", registers.day < registers.half),
        ("second", registers.day >= registers.half),
    ):
        of_half = score[mine]
        of_half[~known[mine]] = -np.inf
        faults = [
            [_score(registers.ratio[mine] * (1.0 - s), expected[mine], rule) for s in _strengths(size)]
            for size in SIZES
        ]
        for budget in BUDGETS:
            most = budget / 1000.0 * known[mine].sum()
            one = [_share(f, known[mine], _one_bound(of_half, most)) for f in faults]
            own = [_share(f, known[mine], _bounds(of_half, f, known[mine], most)) for f in faults]
            found.append(Hindsight(half, budget, tuple(one), tuple(own)))
    return found


def usual_days(ratio: Floats) -> tuple[Floats, Floats]:
    """Return each school's usual attendance by day, shape (d, n), and what the city shares, shape (d,).

    The usual is looked for twice: the second time less what the first says that all share.
    """
    shared = np.zeros(len(ratio))
    usual = np.full(ratio.shape, np.nan)
    for _ in range(2):
        left = ratio - shared[:, None]
        for school in range(ratio.shape[1]):
            days = np.flatnonzero(np.isfinite(left[:, school]))
            if len(days) > 2 * AROUND:
                usual[days, school] = _running_median(left[days, school])
        shared = np.nanmedian(ratio - usual, axis=1)
    return usual, shared


def _running_median(values: Floats) -> Floats:
    padded = np.pad(values, AROUND, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1)
    found: Floats = np.median(windows, axis=1)
    return found


def _with_districts(registers: Registers, usual: Floats, shared: Floats) -> Floats:
    """Return what of each school's day the city and its district share, never above 0, shape (d, n)."""
    part = np.repeat(shared[:, None], usual.shape[1], axis=1)
    left = registers.ratio - usual - part
    for district in range(int(registers.district.max()) + 1):
        members = registers.district == district
        known = np.isfinite(left[:, members]).sum(axis=1)
        rows = np.flatnonzero(known)
        part[np.ix_(rows, members)] += np.nanmedian(left[np.ix_(rows, members)], axis=1)[:, None]
    return np.minimum(part, 0.0)


def _strengths(size: tuple[float, float]) -> Floats:
    least, most = size
    found: Floats = least + (most - least) * (np.arange(STRENGTHS) + 0.5) / STRENGTHS
    return found


def _score(ratio: Floats, expected: Floats, rule: AnomalyRule) -> Floats:
    score = -absence_deviations(ratio, expected)
    is_small = expected - ratio < rule.least_deviation
    return np.where(np.isnan(score) | is_small, -np.inf, score)


def _begins(alarm: Mask) -> NDArray[np.intp]:
    """Return how often an alarm begins in each school, shape (n,)."""
    count: NDArray[np.intp] = (alarm[1:] & ~alarm[:-1]).sum(axis=0) + alarm[0]
    return count


def _one_bound(score: Floats, most: float) -> Floats:
    """Return the lowest bound at which at most so many alarms begin, shape (1,); 0 if none ever does."""
    ordered = np.unique(score[np.isfinite(score)])
    if not len(ordered):
        return np.zeros(1)
    low, high = 0, len(ordered) - 1
    while low < high:
        middle = (low + high) // 2
        if _begins(score > ordered[middle]).sum() <= most:
            high = middle
        else:
            low = middle + 1
    return ordered[low : low + 1]


def _share(faults: Sequence[Floats], known: Mask, bound: Floats) -> float:
    return float(np.mean([(fault > bound)[known].mean() for fault in faults]))


def _bounds(score: Floats, faults: Sequence[Floats], known: Mask, most: float) -> Floats:
    """Return the bound of each school that together find most while at most so many alarms begin, (n,)."""
    ordered = -np.sort(-score, axis=0)[:BOUNDS_OF_A_SCHOOL]
    lowest = np.zeros((1, score.shape[1]))
    bounds = np.concatenate([ordered, lowest]).clip(0.0, None)
    costs = np.stack([_begins(score > bound) for bound in bounds])
    gains = np.stack([sum(((f > bound) & known).sum(axis=0) for f in faults) for bound in bounds])
    schools = np.arange(score.shape[1])
    low, high = 0.0, float(gains.max())
    chosen = gains.argmax(axis=0)
    for _ in range(40):  # the price of an alarm, by bisection
        price = (low + high) / 2
        pick = (gains - price * costs).argmax(axis=0)
        if costs[pick, schools].sum() > most:
            low = price
        else:
            high, chosen = price, pick
    found: Floats = bounds[chosen, schools]
    return found


def render(found: Sequence[Hindsight], *, as_json: bool) -> str:
    """Return the shares as a table, or as JSON."""
    if as_json:
        return msgspec.json.format(msgspec.json.encode([one._asdict() for one in found]), indent=2).decode()
    lines = ["half    budget  one bound: 25-50, 12-22 % lower  a bound a school"]
    for one in found:
        shares = ["  ".join(f"{share:.3f}" for share in shares) for shares in one[2:]]
        lines.append(f"{one.half:<7} {one.budget:>6.1f}  {shares[0]:<32}  {shares[1]}")
    return "\n".join([*lines, "Best shares found at so many alarms in 1,000 school-days, in hindsight."])
