"""What the figures of the city were at this time of the last weeks, from stored minutes (pure).

Of stored minutes nobody knows any more what of a sum single schools do not tell (`contract.live.Hidden`). So
sums over pupils are told of `LEAST_SCHOOLS` schools and more only, shares in steps of a tenth of a percent,
numbers in steps of `STEP`: then they leave more open than one school's own figures do.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from contract.privacy import K

DAY_US: Final = 86_400_000_000
WEEK_US: Final = 7 * DAY_US
WEEKS: Final = 4
"""Weeks that tell what is usual: chosen, a month of a term."""
SPAN_US: Final = 300_000_000
"""A figure of the past is the mean of so long, µs: the minutes around the same time of day."""
LEAST_SCHOOLS: Final = 50
"""Chosen; see the module."""
STEP: Final = 10 * K
PAST_METRICS: Final = ("online", "present", "enrolled", "active_users")


class PastSums(NamedTuple):
    """A metric over the whole city and some minutes: means of what these minutes said."""

    expected: float
    reporting: float
    total: float


class Past(msgspec.Struct, frozen=True):
    """The figures at this time of the last weeks; those that are not known are left out."""

    before: dict[str, float] = {}
    """A week ago, by the name of the tile."""
    usual: dict[str, tuple[float, float]] = {}
    """The least and the most of the last `WEEKS`, where at least two are known."""


def past_of(weeks: Sequence[Mapping[str, PastSums]], coverage_min: float) -> Past:
    """Return what was.

    Args:
        weeks: by metric, a week ago first; a week without minutes is empty.
        coverage_min: share of expected series, 0 to 1, that must have reported.
    """
    figures = [_figures(week, coverage_min) for week in weeks]
    by_name: dict[str, list[float]] = {}
    for week in figures:
        for name, value in week.items():
            by_name.setdefault(name, []).append(value)
    return Past(
        figures[0] if figures else {},
        {name: (min(values), max(values)) for name, values in by_name.items() if len(values) > 1},
    )


def shown_users(found: PastSums, coverage_min: float) -> float | None:
    """Return how many learners were active, as it may be told; None where that is not known."""
    return float(round(found.total / STEP) * STEP) if _tells_pupils(found, coverage_min) else None


def told_sums(city: Mapping[str, PastSums]) -> tuple[dict[str, PastSums], frozenset[str]]:
    """Return the city's sums of a stored minute as they may be told, and the metrics that may not be."""
    told, untold = dict(city), set()
    for name in ("present", "enrolled", "active_users"):
        if name in city and city[name].reporting < LEAST_SCHOOLS:
            untold.add(name)
            told[name] = city[name]._replace(total=0.0)
    if untold & {"present", "enrolled"}:
        untold |= {"present", "enrolled"}
    elif "present" in told and "enrolled" in told:
        whole = told["enrolled"].total
        share = round(told["present"].total / whole, 3) if whole > 0 else 0.0
        whole = float(round(whole / STEP) * STEP)
        told["enrolled"] = told["enrolled"]._replace(total=whole)
        told["present"] = told["present"]._replace(total=share * whole)
    if "active_users" in told and "active_users" not in untold:
        users = told["active_users"].total
        told["active_users"] = told["active_users"]._replace(total=float(round(users / STEP) * STEP))
    return told, frozenset(untold)


def _figures(week: Mapping[str, PastSums], coverage_min: float) -> dict[str, float]:
    found: dict[str, float] = {}
    online, present = week.get("online"), week.get("present")
    enrolled, users = week.get("enrolled"), week.get("active_users")
    if online is not None and _is_known(online, coverage_min):
        found["connected"] = online.total / online.expected
    if present is not None and enrolled is not None and _tells_pupils(present, coverage_min):
        found["attendance"] = round(present.total / enrolled.total, 3)
    if users is not None and (told := shown_users(users, coverage_min)) is not None:
        found["elearning"] = told
    return found


def _tells_pupils(found: PastSums, coverage_min: float) -> bool:
    return found.reporting >= LEAST_SCHOOLS and _is_known(found, coverage_min)


def _is_known(found: PastSums, coverage_min: float) -> bool:
    return found.expected > 0 and found.reporting >= coverage_min * found.expected
