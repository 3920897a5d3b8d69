"""What leaves the center of small groups of pupils: one rule, which every way out calls (pure).

**Rule.** From what is published of a school no number of its pupils from 1 to k - 1 follows, k being 10:
neither of those who are there, nor of those who are not. What is known beforehand is the number n of
pupils, for the topology tells it. Which words a metric has in metrics.toml (`Published`) says how it is
kept; one that nobody opened is closed.

**A share of pupils** r (`ratio`) tells n r who are there and n (1 - r) who are not. So it is cut where either
is below k: at `bound = max(0.05, (k - 1) / n)` and at `1 - bound`. All numbers up to k - 1 then look the
same, "fewer than 10", and one number more is at least k. From n = 180 on the bound is the 5 % that it is
for everybody; a school of 60 pupils is told within 15 and 85 %; with n <= 18 the two bounds meet and
nothing is left to tell. Bounds and values are whole steps of 0.001, bounds rounded inwards, so that the
last digit of a float does not tell k - 1 from k - 2 and a long fraction does not tell its denominator.

**A number of pupils** (`count`) v is told where k <= v <= n - k, or v > n, which says nothing of n - v.

**A mean of several readings** tells a reading that is not told if the others are. Where a bucket's least or
greatest value is cut, its share's mean is the middle of the two as they are told; of numbers, such a
bucket is left out.

**A sum over schools** tells a school that is not told, if all others are. `Hidden` adds up, over the schools
whose own figure is not told, how many pupils those are, between which numbers each might lie, and the
widest of these ranges, w. Given the sum, one school's number can be any of its range if and only if the
others can make up for it: `least + w <= people <= most - w`. Then the sum is told as it is, else without
these pupils. A single school, and two that are alike, never pass.

Source:
    Law 91/2025/QH15 and Decree 356/2025 (aggregates only); k = 10 and shares within 5 to 95 % are the
    operations center's rule. Threshold rule, top and bottom coding, complementary suppression: Hundepool
    et al., Statistical Disclosure Control, Wiley 2012, chapters 4 and 5. docs/decisions/0027.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from contract.alert import Alert, AlertEvent
from contract.canary import SYSTEM_SCHOOL_ID
from contract.catalogue import Catalogue, Metric, Published
from contract.live import AlertChanged, Hidden, Kpi
from contract.rejected import Rejected
from contract.topic import PRIVATE_STREAMS

K: Final = 10
"""The smallest number of pupils that is told."""
LEAST_BOUND: Final = 0.05
STEPS: Final = 1000
"""Shares are told in so many steps: tenths of a percent, as pages write them."""
_SAME: Final = 1e-9
"""Floats this near to a step are on it."""
_TIMES: Final = frozenset({"bt", "t", "ut", "bver"})
"""Fields of SenML whose numbers are no measurement."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class ShownHistory(NamedTuple):
    """Buckets of a series as they may be shown, each of shape (n,); NaN where nothing may."""

    mean: Floats
    low: Floats
    high: Floats


def is_published(metric: Metric, pupils: int) -> bool:
    """Return whether values of a metric may leave the center of a school with so many pupils."""
    if metric.published is Published.RATIO:
        return _bound(pupils) < 0.5
    return metric.published is not Published.AREA


def shown_history(metric: Metric, pupils: int, mean: Floats, low: Floats, high: Floats) -> ShownHistory:
    """Return buckets of a school's series as they may be shown; raw readings are buckets of one.

    Args:
        metric: what was measured.
        pupils: of the school.
        mean: mean of each bucket, shape (n,).
        low: least value of each bucket, shape (n,).
        high: greatest value of each bucket, shape (n,).
    """
    if metric.published is Published.OPEN:
        return ShownHistory(mean, low, high)
    if not is_published(metric, pupils):
        nothing = np.full(len(mean), np.nan)
        return ShownHistory(nothing, nothing, nothing)
    if metric.published is Published.RATIO:
        lowest, highest = _cut(low, pupils), _cut(high, pupils)
        is_cut = _is_cut(low, pupils) | _is_cut(high, pupils)
        return ShownHistory(np.where(is_cut, (lowest + highest) / 2, _cut(mean, pupils)), lowest, highest)
    is_told = (low >= K) & ((high <= pupils - K) | (low > pupils))
    return ShownHistory(*(np.where(is_told, column, np.nan) for column in (mean, low, high)))


def shown_value(metric: Metric | None, pupils: int, value: float | None) -> float | None:
    """Return one value of a school as it may be shown; None where it may not, or nobody knows the metric."""
    if value is None or metric is None:
        return None
    one = np.array([value])
    told = float(shown_history(metric, pupils, one, one, one).mean[0])
    return None if np.isnan(told) else told


def shown_alert(alert: Alert, catalogue: Catalogue) -> Alert:
    """Return an alert with its values as they may be shown.

    Unless its metric is open it has no score: with the range that would give a cut value back.
    """
    if alert.school_id == SYSTEM_SCHOOL_ID:
        return alert
    metric = catalogue.of_series(alert.series)
    is_open = metric is not None and metric.published is Published.OPEN
    return replace(
        alert,
        score=alert.score if is_open else None,
        value=shown_value(metric, alert.pupils, alert.value),
        expected_low=shown_value(metric, alert.pupils, alert.expected_low),
        expected_high=shown_value(metric, alert.pupils, alert.expected_high),
    )


def shown_event(event: AlertEvent, alert: Alert, catalogue: Catalogue) -> AlertEvent:
    """Return one line of an alert's history with its value as it may be shown."""
    if alert.school_id == SYSTEM_SCHOOL_ID:
        return event
    return replace(event, value=shown_value(catalogue.of_series(alert.series), alert.pupils, event.value))


def shown_change(changed: AlertChanged, catalogue: Catalogue) -> AlertChanged:
    """Return a change of an alert as it may be pushed."""
    return AlertChanged(
        shown_alert(changed.alert, catalogue), shown_event(changed.event, changed.alert, catalogue)
    )


def shown_refusal(refused: Rejected, catalogue: Catalogue) -> Rejected:
    """Return what was refused as it may be kept and shown: of streams about pupils without what was measured.

    The excerpt keeps its shape and its times, the detail its names. Twice is as good as once.
    """
    stream = refused.topic.rpartition("/")[2]
    if stream not in PRIVATE_STREAMS:
        return refused
    names = "|".join(re.escape(m.name) for m in catalogue.metrics if m.stream == stream)
    detail = re.sub(rf"\b({names}) [-+]?[0-9.][0-9.e+-]*", r"\1", refused.detail) if names else ""
    return replace(refused, detail=detail, excerpt=_without_values(refused.excerpt))


def hidden_range(people: Counts, pupils: Counts, metric: Metric) -> tuple[Counts, Counts]:
    """Return between which numbers each school's people may lie by what is told of it; equal if it is told.

    Args:
        people: pupils of each school that a metric counts, shape (n,).
        pupils: of the same schools, shape (n,).
        metric: published as `COUNT`; or as `AREA`, and then a share may be told of the same pupils.
    """
    if metric.published is Published.COUNT:
        width = np.full(len(people), K - 1)
        top = np.maximum(pupils, width)
    else:
        bound, top = _bounds(pupils), pupils
        width = np.where(bound < 0.5, np.floor(pupils * bound + _SAME), pupils).astype(np.int64)
    is_whole = pupils <= 2 * width
    is_low = people <= np.where(is_whole, top, width)
    is_high = ~is_low & (people >= pupils - width) & (people <= top)
    least = np.where(is_low, 0, np.where(is_high, pupils - width, people))
    most = np.where(is_low, np.where(is_whole, top, width), np.where(is_high, top, people))
    return least, most


def hidden_in(people: Counts, pupils: Counts, metric: Metric) -> Hidden:
    """Return what of a sum over schools their own figures do not tell; see `hidden_range`."""
    least, most = hidden_range(people, pupils, metric)
    own = most > least
    widest = int((most - least).max(initial=0))
    return Hidden(int(people[own].sum()), int(least[own].sum()), int(most[own].sum()), widest)


class HiddenColumns(NamedTuple):
    """`Hidden` of several groups of schools, each of shape (groups,)."""

    people: Counts
    least: Counts
    most: Counts
    widest: Counts


def hidden_by(people: Counts, pupils: Counts, metric: Metric, group: Counts, groups: int) -> HiddenColumns:
    """Return `hidden_in` of each of several groups of schools; `group` is each school's, shape (n,)."""
    least, most = hidden_range(people, pupils, metric)
    own = most > least

    def summed(column: Counts) -> Counts:
        return np.bincount(group[own], column[own], minlength=groups).astype(np.int64)

    widest = np.zeros(groups, np.int64)
    np.maximum.at(widest, group, most - least)
    return HiddenColumns(summed(people), summed(least), summed(most), widest)


def add_hidden(one: Hidden, other: Hidden) -> Hidden:
    """Return what is hidden in the sum of two sums over different schools."""
    return Hidden(
        one.people + other.people,
        one.least + other.least,
        one.most + other.most,
        max(one.widest, other.widest),
    )


def may_be_summed(hidden: Hidden) -> bool:
    """Return whether a sum with hidden parts tells nothing of any one of them."""
    return hidden.least + hidden.widest <= hidden.people <= hidden.most - hidden.widest


def told_apart(parts: Sequence[Hidden]) -> list[bool]:
    """Return which of the sums over parts of a whole may be told, if the sum of the whole is told as well.

    What is left out follows from the rest, so together it must tell nothing either: where it would, the part
    with the fewest hidden pupils is left out with it. Source: complementary suppression, see the module.
    """
    told = [may_be_summed(part) for part in parts]
    left = Hidden()
    for part, is_told in zip(parts, told, strict=True):
        left = left if is_told else add_hidden(left, part)
    for n in sorted(range(len(parts)), key=lambda n: parts[n].people):
        if may_be_summed(left):
            break
        if told[n]:
            told[n] = False
            left = add_hidden(left, parts[n])
    return told


def shown_sum(kpi: Kpi) -> float:
    """Return a sum of people over schools as it may be shown: without those who would be told by it."""
    return kpi.total if may_be_summed(kpi.hidden) else kpi.total - kpi.hidden.people


def shown_share(part: Kpi, whole: Kpi) -> float | None:
    """Return a share over schools as it may be shown, 0 to 1; None where it would tell a school's own."""
    return part.total / whole.total if whole.total > 0 and may_be_summed(part.hidden) else None


def tells_apart(metric: Metric, below: float | None, above: float | None, margin: float) -> bool:
    """Return whether an alert by such bounds would tell numbers of pupils below k from one another.

    Args:
        metric: what the bounds are of.
        below: alerts open below it.
        above: alerts open above it.
        margin: how far beyond its bound a value must be for an alert to end.
    """
    if metric.published is not Published.COUNT and (metric.published, metric.unit) != ("area", "count"):
        return False
    return (below is not None and 0 < below <= K - 1) or (above is not None and above - margin < K - 1)


def _bound(pupils: int) -> float:
    return float(_bounds(np.array([pupils]))[0])


def _bounds(pupils: Counts) -> Floats:
    """Return up to which share of so many pupils all shares look the same, 0.05 to 0.5, shape (n,)."""
    share = np.maximum(LEAST_BOUND, (K - 1) / np.maximum(pupils, 1))
    bounds: Floats = np.minimum(0.5, np.ceil(share * STEPS - _SAME) / STEPS)
    return bounds


def _cut(share: Floats, pupils: int) -> Floats:
    step = round(_bound(pupils) * STEPS)
    # Whole steps until the end: the float 1 - 0.184 is not 816 / 1000.
    return np.clip(np.round(share * STEPS), step, STEPS - step) / STEPS


def _is_cut(share: Floats, pupils: int) -> NDArray[np.bool_]:
    bound = _bound(pupils)
    outside: NDArray[np.bool_] = (share <= bound + _SAME) | (share >= 1 - bound - _SAME)
    return outside


def _without_values(excerpt: str) -> str:
    if not excerpt:
        return ""
    document = msgspec.json.decode(excerpt)
    records = document if isinstance(document, list) else [document]
    blank = [
        {label: value if label in _TIMES or value == "" else None for label, value in record.items()}
        if isinstance(record, dict)
        else None
        for record in records
    ]
    return msgspec.json.encode(blank if isinstance(document, list) else blank[0]).decode()
