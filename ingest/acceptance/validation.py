"""Validation of rows: known metric, right unit, believable value, believable time.

All checks run over the columns of a batch; only refused rows are ever looked at one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.reading import Readings
from contract.rejected import Reason, RefusalDetail, write_detail
from ingest.acceptance.claimed_time import looks_like
from ingest.acceptance.registry import STREAMS, Registry, Route
from ingest.decoders.pack_columns import Columns
from ingest.decoders.senml import RELATIVE_BELOW_S

_MAX_TIME_S: Final = 1e12
"""Far beyond any time that is accepted, and still whole microseconds in an int64."""
_REASONS: Final = (
    Reason.UNKNOWN_METRIC,
    Reason.WRONG_UNIT,
    Reason.OUT_OF_RANGE,
    Reason.FUTURE_TIME,
    Reason.TOO_OLD,
)
"""In order of the checks: the first that holds is the reason."""


@dataclass(frozen=True, slots=True)
class AcceptanceLimits:
    """Bounds of what is accepted, whatever the catalogue says."""

    max_payload_bytes: int = 1 << 20
    """Room for what a gateway kept through an outage of a day: 50 readings take some 3 kB."""
    max_future_us: int = 300 * 1_000_000
    """Device clocks may be this much ahead: 5 minutes."""
    max_age_us: int = 48 * 3600 * 1_000_000
    """Late data this old still lands in its aggregates: 48 hours."""


class RowDefect(NamedTuple):
    """Why one record was refused."""

    pack: int
    """Position of the pack in the columns."""
    record: int
    """Position of the record in its pack."""
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Every measurement of a batch, n in all, each column of shape (n,)."""

    pack: NDArray[np.intp]
    record: NDArray[np.intp]
    stream: NDArray[np.intp]
    metric: NDArray[np.int32]
    """Metric id; 0 where the stream has no such metric."""
    value: NDArray[np.float64]
    unit: NDArray[np.int16]
    claimed_s: NDArray[np.float64]
    """Time as claimed, seconds since 1970 or relative to the arrival."""
    time_us: NDArray[np.int64]
    arrived_us: NDArray[np.int64]


def to_rows(columns: Columns, routes: Sequence[Route], arrived_us: Sequence[int], registry: Registry) -> Rows:
    """Return the measurements of packs that came by the given routes at the given log times."""
    measured = np.flatnonzero(~np.isnan(columns.value))
    length = columns.length
    pack = np.repeat(np.arange(len(length)), length)[measured]
    stream = np.array([route.stream for route in routes], np.intp)[pack]
    claimed_s = columns.time_s[measured]
    came_us = np.array(arrived_us, np.int64)[pack]
    offset_us = np.rint(np.clip(claimed_s, -_MAX_TIME_S, _MAX_TIME_S) * 1e6).astype(np.int64)
    return Rows(
        pack=pack,
        record=measured - (np.cumsum(length) - length)[pack],
        stream=stream,
        metric=registry.metric_of[stream, columns.name[measured]],
        value=columns.value[measured],
        unit=columns.unit[measured],
        claimed_s=claimed_s,
        time_us=np.where(claimed_s < RELATIVE_BELOW_S, came_us + offset_us, offset_us),
        arrived_us=came_us,
    )


def validate(
    rows: Rows, registry: Registry, limits: AcceptanceLimits
) -> tuple[NDArray[np.bool_], list[RowDefect]]:
    """Return which rows may be stored, shape (n,), and why the others may not."""
    catalogue = registry.catalogue
    defects = np.stack(
        (
            rows.metric == 0,
            (rows.unit != 0) & (rows.unit != registry.unit_of[rows.metric]),
            (rows.value < catalogue.low[rows.metric]) | (rows.value > catalogue.high[rows.metric]),
            rows.time_us > rows.arrived_us + limits.max_future_us,
            rows.time_us < rows.arrived_us - limits.max_age_us,
        )
    )
    passed: NDArray[np.bool_] = np.logical_not(defects.any(axis=0))
    refused = [
        RowDefect(int(rows.pack[i]), int(rows.record[i]), reason, _detail(reason, rows, i, registry))
        for i in np.flatnonzero(~passed).tolist()
        for reason in [_REASONS[int(defects[:, i].argmax())]]
    ]
    return passed, refused


def mistimed(rows: Rows, defects: Sequence[RowDefect]) -> NDArray[np.bool_]:
    """Return which rows were refused for their time alone, shape (n,)."""
    found = np.zeros(len(rows.pack), np.bool_)
    of_time = {(d.pack, d.record) for d in defects if d.reason in (Reason.FUTURE_TIME, Reason.TOO_OLD)}
    if of_time:
        places = zip(rows.pack.tolist(), rows.record.tolist(), strict=True)
        found[:] = [place in of_time for place in places]
    return found


def by_partition(rows: Rows, chosen: NDArray[np.bool_], routes: Sequence[Route]) -> dict[int, Readings]:
    """Return the rows that are chosen as readings, by log partition, in order of arrival."""
    base_series = np.array([route.base_series for route in routes], np.int32)[rows.pack]
    partition = np.array([route.partition for route in routes], np.int16)[rows.pack]
    readings = Readings(rows.time_us, base_series | rows.metric, rows.value)
    return {int(p): readings.take(chosen & (partition == p)) for p in np.unique(partition[chosen])}


def _detail(reason: Reason, rows: Rows, i: int, registry: Registry) -> str:
    """Return names of the catalogue and numbers that tell the sender what to change."""
    if reason is Reason.UNKNOWN_METRIC:
        return write_detail(RefusalDetail.NO_METRIC, stream=STREAMS[rows.stream[i]].value)
    metric = registry.catalogue.by_id[int(rows.metric[i])]
    if reason is Reason.WRONG_UNIT:
        return write_detail(RefusalDetail.OTHER_UNIT, metric=metric.name, unit=metric.unit)
    if reason is Reason.OUT_OF_RANGE:
        value = f"{metric.name} {rows.value[i]:g}"
        low, high = f"{metric.low:g}", f"{metric.high:g}"
        return write_detail(RefusalDetail.NOT_WITHIN, value=value, low=low, high=high)
    claim = {"metric": metric.name, "claimed": f"{rows.claimed_s[i]:.15g}"}
    likeness = looks_like(float(rows.claimed_s[i]), int(rows.arrived_us[i]) / 1e6)
    if likeness is not None:
        return write_detail(likeness, **claim)
    ahead_s = (int(rows.time_us[i]) - int(rows.arrived_us[i])) / 1e6
    direction = RefusalDetail.AHEAD if ahead_s > 0 else RefusalDetail.BEHIND
    return write_detail(direction, **claim, s=round(abs(ahead_s)))
