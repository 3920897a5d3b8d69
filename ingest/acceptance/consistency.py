"""Figures that cannot be true together, by the rules of the catalogue.

Each figure is held against the nearest in time of every other one in its message, a minute away at
most: devices stamp the records of one register a second apart. So neither the order of the records
nor how they share their times says anything. All checks run over columns; only what contradicts is
ever looked at one by one.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Catalogue, Metric
from contract.fleet import PUPILS_UNKNOWN
from contract.rejected import Reason, RefusalDetail, write_detail
from ingest.acceptance.validation import RowDefect, Rows

TOGETHER_US: Final = 60 * 1_000_000
"""Records of a message this near to each other speak of one moment: counts are taken minutes apart."""
RATIO_TOLERANCE: Final = 0.02
"""How far a ratio may be from its part over its whole, besides one of the whole: a ratio in whole
percents is rounded by 0.005, and a pupil may come between two records."""
_SAME: Final = 1e-9
"""Slack for the last digits of floats."""

Near = NDArray[np.intp]
"""Row of the figure of each related metric that is nearest to each of n rows, -1 for none, (n, metrics)."""


def refuse_contradictions(
    rows: Rows, passed: NDArray[np.bool_], pupils: NDArray[np.int64], catalogue: Catalogue
) -> tuple[NDArray[np.bool_], list[RowDefect]]:
    """Return which rows may be stored, shape (n,), and why others of those that passed so far may not.

    Args:
        rows: measurements of a batch.
        passed: which of them are believable alone, shape (n,).
        pupils: of the school of each pack, shape (packs,); `PUPILS_UNKNOWN` or less where nobody knows.
        catalogue: the rules.
    """
    at = np.flatnonzero(passed & catalogue.has_rules[rows.metric])
    if not len(at):
        return passed, []
    found = dict(_impossible(rows, at, pupils, catalogue))
    at = at[catalogue.is_related[rows.metric[at]] & ~np.isin(at, list(found))]
    if len(at):
        for row, detail in _disagreeing(rows, _nearest(rows, at, catalogue.related), catalogue):
            found.setdefault(row, detail)
    passed[list(found)] = False
    return passed, [
        RowDefect(int(rows.pack[i]), int(rows.record[i]), Reason.INCONSISTENT, detail)
        for i, detail in found.items()
    ]


def _impossible(
    rows: Rows, at: NDArray[np.intp], pupils: NDArray[np.int64], catalogue: Catalogue
) -> Iterator[tuple[int, str]]:
    """Yield the rows whose value no count can have, or no school of so many pupils."""
    metric, value = rows.metric[at], rows.value[at]
    roll = pupils[rows.pack[at]]
    bound = np.where(roll > PUPILS_UNKNOWN, roll * catalogue.max_per_pupil[metric], np.inf)
    half = catalogue.is_whole[metric] & (value != np.rint(value))
    many = value > np.where(catalogue.max_per_pupil[metric] > 0, bound, np.inf)
    for i in np.flatnonzero(half | many).tolist():
        one = catalogue.by_id[int(metric[i])]
        yield (
            int(at[i]),
            write_detail(RefusalDetail.NOT_WHOLE, value=f"{one.name} {value[i]:g}")
            if half[i]
            else write_detail(
                RefusalDetail.TOO_MANY,
                value=f"{one.name} {value[i]:g}",
                most=f"{one.max_per_pupil:g}",
                pupils=int(roll[i]),
            ),
        )


def _nearest(rows: Rows, at: NDArray[np.intp], metrics: NDArray[np.intp]) -> Near:
    """Return the figures nearest to those at the given rows; of two as near the earlier in time.

    Of records that measure the same thing at the same time the last of the message counts.
    """
    time_us = rows.time_us[at]
    time_us = time_us - time_us.min()
    # Packs lie so far apart that none is near another: 500 packs over 40 years are within an int64.
    key = rows.pack[at].astype(np.int64) * (int(time_us.max()) + TOGETHER_US + 1) + time_us
    near = np.full((len(at), len(metrics)), -1, np.intp)
    for column, metric in enumerate(metrics):
        own = np.flatnonzero(rows.metric[at] == metric)
        if not len(own):
            continue
        own = own[np.argsort(key[own], kind="stable")]
        there = key[own]
        following = np.searchsorted(there, key, "right")
        before = np.maximum(following - 1, 0)
        after = np.searchsorted(there, there[np.minimum(following, len(own) - 1)], "right") - 1
        far_before, far_after = np.abs(key - there[before]), np.abs(there[after] - key)
        best = np.where(far_before <= far_after, before, after)
        near[:, column] = np.where(np.minimum(far_before, far_after) <= TOGETHER_US, at[own[best]], -1)
        near[own, column] = at[own]
    return near


def _disagreeing(rows: Rows, near: Near, catalogue: Catalogue) -> Iterator[tuple[int, str]]:
    """Yield all figures of each moment at which two of them disagree, and how."""
    value = np.where(near >= 0, rows.value[near], np.nan)
    of = {int(metric): value[:, column] for column, metric in enumerate(catalogue.related)}
    for whole, parts in catalogue.parts:
        together = np.nansum([of[part.id] for part in parts], axis=0)
        for i in np.flatnonzero(together > of[whole.id] + _SAME).tolist():
            terms = " + ".join(_said(part, of, i) for part in parts if not np.isnan(of[part.id][i]))
            detail = write_detail(RefusalDetail.MORE_THAN, parts=terms, whole=_said(whole, of, i))
            yield from ((int(row), detail) for row in near[i] if row >= 0)
    for ratio, part, whole in catalogue.ratios:
        total = np.maximum(of[whole.id], 1.0)
        off = np.abs(of[ratio.id] - of[part.id] / total) > RATIO_TOLERANCE + 1.0 / total + _SAME
        for i in np.flatnonzero(off & (of[whole.id] > 0)).tolist():
            figures = {"ratio": ratio, "part": part, "whole": whole}
            detail = write_detail(
                RefusalDetail.OTHER_RATIO, **{name: _said(one, of, i) for name, one in figures.items()}
            )
            yield from ((int(row), detail) for row in near[i] if row >= 0)


def _said(metric: Metric, of: Mapping[int, NDArray[np.float64]], i: int) -> str:
    return f"{metric.name} {of[metric.id][i]:g}"
