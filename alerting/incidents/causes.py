"""Which alerts of one rule share a cause, by the significance of failing together (pure).

Schools that fail by themselves do so at any time and anywhere. A group of schools is thought to share
a cause if both are unlikely of its alerts:

- that so many of its schools began to fail within so short a time by themselves: Poisson tail of their
  number at `USUAL_US` between two alerts of a school, corrected for all groups of the fleet and all
  moments of a day (Bonferroni);
- that so many of all schools that fail at that time are just this group's: hypergeometric tail.

What meets all clusters and all providers alike is the city's before any group is asked: of one event all
over it every group that is large enough would be named by itself. Before anything is the city's, or the
center's own, two providers are asked together: both at once are most of a city, and none is unlikely alone.

A group is passed over for a smaller one within it that leaves nothing of it to explain. Of what
remains the group with most schools is taken, its alerts are put aside, and all is asked again.

Source: hypergeometric over-representation as in Rivals et al. 2007, "Enrichment or depletion of a GO
category"; scanning time and place for the least likely cluster as in Kulldorff 1997, "A spatial scan
statistic"; taking one out before the next is sought as in Zhang, Assunção & Kulldorff 2010.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerting.incidents.groups import CHILDREN, LEAST_SCHOOLS, Grouping, Groups
from contract.incident import Cause, CauseKind

LINK_US: Final = 600_000_000
"""Alerts of a group that follow each other within this belong together, µs: chosen, two reports of a
device that speaks every 5 minutes, and the period of registers."""
LEAST_SPAN_US: Final = 60_000_000
"""Alerts are no closer in time than this, µs: chosen, what a last will may be late."""
USUAL_US: Final = 30 * 86_400_000_000
"""Mean time between two alerts of one rule at one school by itself, µs: chosen, a month; the reference
simulator's schools fail far less often, so chance is thought more able than it is."""
LOOKS: Final = 86_400_000_000 // LINK_US
"""Moments of a day at which a burst could begin: what significance is corrected for besides groups."""
SIGNIFICANCE: Final = 0.01
"""Chance at which one of all groups is wrongly seen on one day: chosen."""
ONLY_SIGNIFICANCE: Final = 0.001
"""Hypergeometric tail, uncorrected, that is enough for a group with most of all failing schools:
there is hardly another group that explains them. Chosen: five of a provider with a fifth of all."""
REST_SIGNIFICANCE: Final = 0.1
"""Hypergeometric tail, uncorrected, of what a smaller group leaves to its broader one, and of a group that
has all failing schools: chosen wide, for that they fail at one time was unlikely enough. Three of a provider
with less than half of all, four of one with half."""
FLEET_SHARE: Final = 0.8
"""Share of all schools with one rule's alert from which the cause is sought at the center itself. No
provider of the reference city serves half of its schools, so four fifths cannot be one provider's fault;
the rest are schools whose own line was down already or whose last will is still on its way."""
FLEET_LEAST: Final = 5
"""Alerts below which nothing is a whole fleet's: a pilot of four schools is read one by one."""
EVEN_SHARE: Final = 0.5
"""How far a group's share of failing schools may be from the city's, as a factor, if one event meets both:
chosen, so that boroughs at 30 and at 60 % are one, and one at 100 % among others at 5 % is not."""
PAIR: Final = 2
"""Providers that may fail at once: three of a handful are the city."""
OTHERS_SHARE: Final = 0.2
"""Share of the other providers' schools that may fail beside two that do, as a factor of theirs: chosen."""
CITY_SHARE: Final = 0.05
"""Share of all schools from which a burst that no group explains is the city's: chosen; below it a
line would hide more schools than it explains."""


@dataclass(frozen=True, slots=True)
class Found:
    """Alerts that share a cause."""

    cause: Cause
    members: NDArray[np.intp]
    """Positions in the arguments of `find_causes`, ascending."""
    chance: float
    """That the group's schools fail so close together by themselves, corrected; 0 to 1. 0 where the
    share of the whole fleet decided."""


@dataclass(frozen=True, slots=True)
class _Burst:
    """Alerts of one group that follow each other closely, one a school."""

    part: Grouping
    group: int
    members: NDArray[np.intp]
    first_us: int
    last_us: int
    chance: float

    @property
    def count(self) -> int:
        return len(self.members)


def find_causes(
    groups: Groups, school: NDArray[np.intp], opened_us: NDArray[np.int64], on_platform: bool = False
) -> list[Found]:
    """Return the causes of the open alerts of one rule, most schools first; the rest stand alone.

    Args:
        groups: of the fleet.
        school: position of each alert's school in the fleet, shape (n,).
        opened_us: event time of each alert's opening, µs since 1970, shape (n,).
        on_platform: the rule watches e-learning, which schools have from one platform.
    """
    first = _first_of_school(school, opened_us)
    founds: list[Found] = []
    if covers_fleet(groups, school):
        founds = _two_providers(groups, first, school, opened_us)
        if not founds:
            cause = _of_fleet(groups, school, on_platform)
            return [Found(cause, np.arange(len(school), dtype=np.intp), 0.0)]
    whole = _Whole(groups, on_platform)
    while len(first := _without(first, school, founds)) >= LEAST_SCHOOLS:
        more = _next(groups, first, school, opened_us, whole)
        if not more:
            break
        founds += more
    founds += whole.found(first, school, opened_us)
    return sorted(founds, key=lambda found: -len(found.members))


def _next(
    groups: Groups,
    first: NDArray[np.intp],
    school: NDArray[np.intp],
    opened_us: NDArray[np.int64],
    whole: "_Whole",
) -> list[Found]:
    """Return the cause that is taken next; of two providers at once both, none if no group explains any."""
    even = (f for f in whole.found(first, school, opened_us) if is_even(groups, school[f.members]))
    found = next(even, None)
    if found is None:
        burst = _best(groups, school[first], opened_us[first])
        if burst is not None:
            cause = burst.part.causes[burst.group]
            return [_found(cause, first[burst.members], school, burst.chance)]
    return _two_providers(groups, first, school, opened_us) or ([] if found is None else [found])


def _without(first: NDArray[np.intp], school: NDArray[np.intp], founds: Sequence[Found]) -> NDArray[np.intp]:
    """Return the first alerts of schools that no cause explains yet."""
    for found in founds:
        first = first[~np.isin(school[first], school[found.members])]
    return first


def _two_providers(
    groups: Groups, first: NDArray[np.intp], school: NDArray[np.intp], opened_us: NDArray[np.int64]
) -> list[Found]:
    """Return the causes of two providers that fail at once, each by itself; none if it is not two of them."""
    part, failing = groups.by_kind[CauseKind.ISP], school[first]
    pair = _pair_of(groups, failing)
    if pair is None:
        return []
    count = np.bincount(part.group[failing], minlength=len(part.size))
    within = by_lot(int(count[pair].sum()), int(part.size[pair].sum()), len(failing), groups.schools)
    if within * len(part.size) * (len(part.size) - 1) / 2 >= SIGNIFICANCE:
        return []
    bursts = [b for b in _bursts(groups, part, school[first], opened_us[first]) if b.group in pair]
    if len(bursts) < len(pair):
        return []
    return [_found(part.causes[b.group], first[b.members], school, b.chance) for b in bursts]


def is_of_two_providers(groups: Groups, school: NDArray[np.intp]) -> bool:
    """Return whether schools are of two providers alike and hardly of any other, significant or not."""
    return _pair_of(groups, np.unique(school)) is not None


def _pair_of(groups: Groups, failing: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """Return the two providers that failing schools are of, if hardly any is another one's."""
    part = groups.by_kind[CauseKind.ISP]
    if len(part.size) <= PAIR or not len(failing):
        return None
    count = np.bincount(part.group[failing], minlength=len(part.size))
    share = count / part.size
    order = np.argsort(-share, kind="stable")
    pair, rest = order[:PAIR], order[PAIR:]
    rate, others = (count[those].sum() / part.size[those].sum() for those in (pair, rest))
    is_alike = bool((share[pair] >= EVEN_SHARE * rate).all())
    return pair if is_alike and others < OTHERS_SHARE * rate else None


def _of_fleet(groups: Groups, school: NDArray[np.intp], on_platform: bool) -> Cause:
    if on_platform:
        return Cause(CauseKind.PLATFORM)
    isps = {groups.isp[i] for i in school.tolist()}
    return Cause(CauseKind.FLEET) if len(isps) > 1 else Cause(CauseKind.ISP, isp=isps.pop())


def covers_fleet(groups: Groups, school: NDArray[np.intp]) -> bool:
    """Return whether nearly all schools are among these positions."""
    failing = len(np.unique(school))
    return failing >= FLEET_LEAST and failing >= FLEET_SHARE * groups.schools


def by_themselves(count: int, schools: float, span_us: int) -> float:
    """Return the chance that `count` or more of so many schools begin to fail within a time.

    Source: Poisson tail as regularised incomplete gamma function, Abramowitz & Stegun 26.4.
    """
    from scipy.special import gammainc  # a third of a second, which only a burst of alerts needs

    expected = schools * max(span_us, LEAST_SPAN_US) / USUAL_US
    return float(gammainc(count, expected)) if count > 0 else 1.0


def by_lot(count: int, schools: int, failing: int, fleet: int) -> float:
    """Return the chance that of `failing` schools, drawn from a fleet, `count` or more are a group's.

    Args:
        count: failing schools of the group.
        schools: of the group.
        failing: schools in all.
        fleet: schools in all, failing or not.
    """
    if count <= 0 or count * fleet <= schools * failing:
        return 1.0  # no more than its share; the tail is no small number
    # Above the mean the terms fall, in the end faster than any geometric row: a thousand are plenty.
    j = np.arange(count, min(schools, failing, count + 1000) + 1)
    terms = _log_choose(schools, j) + _log_choose(fleet - schools, failing - j)
    return float(min(1.0, np.exp(terms - _log_choose(fleet, np.array(failing))).sum()))


def _log_choose(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
    from scipy.special import gammaln  # as above

    inside = (k >= 0) & (k <= n)
    k = np.where(inside, k, 0)
    log = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return np.where(inside, log, -np.inf)


def _first_of_school(school: NDArray[np.intp], opened_us: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the position of the earliest alert of each school: several devices of it are one failure."""
    order = np.lexsort((opened_us, school))
    lead = np.ones(len(order), np.bool_)
    lead[1:] = school[order][1:] != school[order][:-1]
    return order[lead]


def _found(cause: Cause, first: NDArray[np.intp], school: NDArray[np.intp], chance: float) -> Found:
    return Found(cause, np.flatnonzero(np.isin(school, school[first])), chance)


@dataclass(frozen=True, slots=True)
class _Whole:
    """All schools that may fail together although they share no group: the city's, or the platform's."""

    groups: Groups
    on_platform: bool

    def found(
        self, first: NDArray[np.intp], school: NDArray[np.intp], opened_us: NDArray[np.int64]
    ) -> Iterator[Found]:
        """Yield bursts of schools that are too many to be chance, whatever groups they belong to."""
        groups = self.groups
        schools = groups.on_platform if self.on_platform else groups.schools
        # A platform is a cause at any size; a city's line would hide more schools than it explains.
        least = FLEET_LEAST if self.on_platform else max(FLEET_LEAST, CITY_SHARE * schools)
        for run in _runs(np.zeros(len(first), np.int32), opened_us[first]):
            span_us = int(np.ptp(opened_us[first[run]]))
            chance = _corrected(groups, by_themselves(len(run), schools, span_us))
            if len(run) >= least and chance < SIGNIFICANCE:
                cause = Cause(CauseKind.PLATFORM if self.on_platform else CauseKind.CITY)
                yield _found(cause, first[run], school, chance)


def is_even(groups: Groups, school: NDArray[np.intp]) -> bool:
    """Return whether schools are in nearly all clusters, and of nearly all providers, alike."""
    failing = np.unique(school)
    if len(failing) < CITY_SHARE * groups.schools:
        return False
    for kind in (CauseKind.CLUSTER, CauseKind.ISP):
        part = groups.by_kind[kind]
        count = np.bincount(part.group[failing], minlength=len(part.size))
        expected = part.size * len(failing) / groups.schools
        if part.size[count >= EVEN_SHARE * expected].sum() < FLEET_SHARE * groups.schools:
            return False
        for group in np.flatnonzero(count * EVEN_SHARE > expected):
            chance = by_lot(int(count[group]), int(part.size[group]), len(failing), groups.schools)
            if chance * groups.tested < SIGNIFICANCE:
                return False
    return True


def _runs(group: NDArray[np.int32], time_us: NDArray[np.int64]) -> Iterator[NDArray[np.intp]]:
    """Yield the positions of each group's alerts that follow each other within `LINK_US`, by time."""
    order = np.lexsort((time_us, group))
    cut = (np.diff(group[order]) != 0) | (np.diff(time_us[order]) > LINK_US)
    edges = np.concatenate([[0], np.flatnonzero(cut) + 1, [len(order)]])
    for i in np.flatnonzero(np.diff(edges) >= LEAST_SCHOOLS):
        yield order[edges[i] : edges[i + 1]]


def _best(groups: Groups, school: NDArray[np.intp], time_us: NDArray[np.int64]) -> _Burst | None:
    """Return the burst with most schools that no smaller group explains; the broader one of equals."""
    sorted_us = np.sort(time_us)
    bursts = [
        burst
        for part in groups.by_kind.values()
        for burst in _bursts(groups, part, school, time_us)
        if _is_special(groups, burst, sorted_us)
    ]
    bursts.sort(key=lambda burst: -burst.count)  # stable: broader kinds come first among equals
    for burst in bursts:
        inner = next((b for b in bursts if _is_within(b, burst)), None)
        if inner is None or _is_more(groups, burst, inner, sorted_us):
            return burst
    return None


def _bursts(
    groups: Groups, part: Grouping, school: NDArray[np.intp], time_us: NDArray[np.int64]
) -> Iterator[_Burst]:
    """Yield the bursts of one kind that are too close in time to be chance."""
    of_alert = part.group[school]
    for run in _runs(of_alert, time_us):
        group = int(of_alert[run[0]])
        first_us, last_us = int(time_us[run[0]]), int(time_us[run[-1]])
        alone = by_themselves(len(run), float(part.size[group]), last_us - first_us)
        chance = _corrected(groups, alone)
        if chance < SIGNIFICANCE:
            yield _Burst(part, group, run, first_us, last_us, chance)


def _corrected(groups: Groups, chance: float) -> float:
    """Return the chance that any group at any moment of a day does that (Bonferroni)."""
    return min(1.0, LOOKS * groups.tested * chance)


def _is_special(groups: Groups, burst: _Burst, sorted_us: NDArray[np.int64]) -> bool:
    """Return whether the group fails more than the rest of the city does at its time."""
    failing = _failing(burst, sorted_us)
    chance = by_lot(burst.count, int(burst.part.size[burst.group]), failing, groups.schools)
    if chance * groups.tested < SIGNIFICANCE:
        return True
    if burst.count == failing:
        return chance < REST_SIGNIFICANCE
    return chance < ONLY_SIGNIFICANCE and 2 * burst.count >= failing


def _is_more(groups: Groups, burst: _Burst, inner: _Burst, sorted_us: NDArray[np.int64]) -> bool:
    """Return whether a burst is one still without the largest smaller one within it."""
    count = burst.count - inner.count
    schools = int(burst.part.size[burst.group] - inner.part.size[inner.group])
    failing = _failing(burst, sorted_us) - inner.count
    alone = by_themselves(count, schools, burst.last_us - burst.first_us)
    chance = by_lot(count, schools, failing, groups.schools - int(inner.part.size[inner.group]))
    return count >= LEAST_SCHOOLS and alone < SIGNIFICANCE and chance < REST_SIGNIFICANCE


def _failing(burst: _Burst, sorted_us: NDArray[np.int64]) -> int:
    """Return how many schools began to fail at about the time of a burst."""
    low = np.searchsorted(sorted_us, burst.first_us - LINK_US, "left")
    return int(np.searchsorted(sorted_us, burst.last_us + LINK_US, "right") - low)


def _is_within(inner: _Burst, outer: _Burst) -> bool:
    if inner.part.kind not in CHILDREN[outer.part.kind]:
        return False
    if inner.part.size[inner.group] == outer.part.size[outer.group]:
        return False  # the same schools: the broader name is as good
    if outer.part.group[inner.part.member[inner.group]] != outer.group:
        return False
    return outer.first_us <= inner.first_us and inner.last_us <= outer.last_us
