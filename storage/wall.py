"""What the pages read: histories, quarantine and the ledger. Nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from contract.commit import Counts, Position
from contract.rejected import Reason, Rejected
from storage.moment import moment
from storage.queries import query

BUCKETS: Final = ("raw", "15m", "1h", "1d")
"""Resolutions of a history; days begin at midnight in Vietnam."""


@dataclass(frozen=True, slots=True)
class SeriesHistory:
    """Columns of n readings or buckets, sorted by (series, time), each of shape (n,)."""

    time_us: NDArray[np.int64]
    """Time of the reading or start of the bucket, µs since 1970."""
    series: NDArray[np.int32]
    n: NDArray[np.int64]
    """Readings in the bucket, 1 for raw."""
    sum: NDArray[np.float64]
    """Sum of the values in the metric's unit; the value itself for raw."""
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    score: NDArray[np.float32]
    """Anomaly score on arrival; NaN where unknown and for buckets."""

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean value of each bucket; a bucket always has readings."""
        return self.sum / self.n


@dataclass(frozen=True, slots=True)
class KpiHistory:
    """Columns of one metric over all partitions by minute, in order, each of shape (n,)."""

    minute_us: NDArray[np.int64]
    """Start of the minute, µs since 1970."""
    expected: NDArray[np.int64]
    reporting: NDArray[np.int64]
    total: NDArray[np.float64]
    """Sum of the fresh values in the metric's unit."""


class QuarantineRow(NamedTuple):
    """One refused reading or message as it was kept."""

    id: int
    """Grows with time; give the least of a page to ask for the next."""
    rejected: Rejected


async def series_history(
    conn: AsyncConnection[Any], series: list[int], from_us: int, to_us: int, bucket: str = "raw"
) -> SeriesHistory:
    """Return what some series measured from `from_us` until before `to_us`, µs since 1970.

    Args:
        conn: a connection.
        series: series numbers.
        from_us: first moment; a bucket counts by its start.
        to_us: end, not included.
        bucket: one of `BUCKETS`.

    Raises:
        ValueError: `bucket` is none of `BUCKETS`.
    """
    if bucket not in BUCKETS:
        raise ValueError(f"bucket is {bucket!r}; it must be one of {', '.join(BUCKETS)}")
    name = "raw_history" if bucket == "raw" else f"history_{bucket}"
    asked = {"series": series, "first": moment(from_us), "end": moment(to_us)}
    columns = await _columns(conn, name, asked, 7)
    return SeriesHistory(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.int32),
        np.array(columns[2], np.int64),
        np.array(columns[3], np.float64),
        np.array(columns[4], np.float64),
        np.array(columns[5], np.float64),
        np.array(columns[6], np.float32),
    )


async def kept_bucket(conn: AsyncConnection[Any], from_us: int, finest: str) -> str:
    """Return the finest of `BUCKETS` from `finest` on that is kept since `from_us`, µs since 1970."""
    cursor = await conn.execute(query("kept_buckets"), {"first": moment(from_us)})
    kept = {bucket for (bucket,) in await cursor.fetchall()}
    return next(bucket for bucket in BUCKETS[BUCKETS.index(finest) :] if bucket in kept)


async def heard_series(
    conn: AsyncConnection[Any], after_us: Mapping[int, int], until_us: int | None = None
) -> frozenset[int]:
    """Return the series that have a reading since their moment, and until another.

    Args:
        conn: a connection.
        after_us: by series, µs since 1970.
        until_us: None for now.
    """
    if not after_us:
        return frozenset()
    asked = {
        "series": list(after_us),
        "after": [moment(us) for us in after_us.values()],
        # A bound for all lets the planner leave out chunks before it starts.
        "first": moment(min(after_us.values())),
        "last": moment(until_us),
    }
    cursor = await conn.execute(query("heard_series"), asked)
    return frozenset(series for (series,) in await cursor.fetchall())


async def newest_readings(
    conn: AsyncConnection[Any], series: Sequence[int], after_us: int, until_us: int | None = None
) -> dict[int, tuple[int, float]]:
    """Return time and value of the youngest reading of each series between two moments, µs since 1970."""
    asked = {"series": list(series), "first": moment(after_us), "last": moment(until_us)}
    cursor = await conn.execute(query("newest_readings"), asked)
    return {number: (time_us, value) for number, time_us, value in await cursor.fetchall()}


async def kpi_history(conn: AsyncConnection[Any], metric_id: int, from_us: int, to_us: int) -> KpiHistory:
    """Return a metric's minutes from `from_us` until before `to_us`, summed over partitions."""
    asked = {"metric_id": metric_id, "first": moment(from_us), "end": moment(to_us)}
    minute_us, expected, reporting, total = await _columns(conn, "kpi_history", asked, 4)
    return KpiHistory(
        np.array(minute_us, np.int64),
        np.array(expected, np.int64),
        np.array(reporting, np.int64),
        np.array(total, np.float64),
    )


async def kpi_stretches(
    conn: AsyncConnection[Any], metric_ids: Sequence[int], stretches: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[float, float, float]]:
    """Return metrics over stretches of minutes, summed over partitions.

    Args:
        conn: a connection.
        metric_ids: of the metrics.
        stretches: beginning and end of each, which is not included, µs since 1970.

    Returns:
        By the beginning of a stretch and the metric: expected, reporting and total, each the mean of the
        minutes that are kept; without those that have none.
    """
    asked = {
        "metrics": list(metric_ids),
        "first": [moment(first) for first, _ in stretches],
        "end": [moment(end) for _, end in stretches],
    }
    cursor = await conn.execute(query("kpi_stretches"), asked)
    return {(first, metric): (e, r, total) for first, metric, e, r, total in await cursor.fetchall()}


async def quarantine_page(
    conn: AsyncConnection[Any], limit: int, before_id: int | None = None, reason: Reason | None = None
) -> list[QuarantineRow]:
    """Return at most `limit` refusals, latest first; with ids below `before_id`, of one reason, if given."""
    asked = {"limit": limit, "before_id": before_id, "reason": None if reason is None else reason.value}
    cursor = await conn.execute(query("quarantine_page"), asked)
    return [QuarantineRow(i, Rejected(Reason(why), *rest)) for i, why, *rest in await cursor.fetchall()]


async def quarantine_counts(conn: AsyncConnection[Any]) -> dict[Reason, int]:
    """Return how many refusals of each reason are kept; reasons without any are left out."""
    cursor = await conn.execute(query("quarantine_counts"))
    return {Reason(reason): count for reason, count in await cursor.fetchall()}


class RefusedSender(NamedTuple):
    """What one sender was refused for."""

    school: str
    """Third place of the topic, as it was written; may be no school's code."""
    device: str
    reason: Reason
    times: int
    latest_us: int
    """Log time, µs since 1970."""
    topic: str
    """Of the latest."""
    detail: str
    """Of the latest, as `contract.rejected.write_detail` keeps it."""


async def refused_senders(
    conn: AsyncConnection[Any], after_us: int, limit: int, school: str | None = None
) -> list[RefusedSender]:
    """Return who was refused since a moment of log time, what came most often first.

    Of one school alone where its code is given.
    """
    asked = {"first": moment(after_us), "limit": limit, "school": school}
    cursor = await conn.execute(query("quarantine_by_sender"), asked)
    return [
        RefusedSender(school, device, Reason(why), *rest)
        for school, device, why, *rest in await cursor.fetchall()
    ]


async def ledger(conn: AsyncConnection[Any]) -> dict[str, Position]:
    """Return the position and counts of every log, without snapshots."""
    cursor = await conn.execute(query("ledger"))
    return {
        log: Position(seq, log_time_us, snapshot_seq, None, Counts(*counts))
        for log, seq, log_time_us, snapshot_seq, *counts in await cursor.fetchall()
    }


async def unaccounted(conn: AsyncConnection[Any]) -> dict[str, int]:
    """Return what of received has no outcome (see `Counts`) of each log where it is not 0; empty is right."""
    cursor = await conn.execute(query("unaccounted"))
    return dict(await cursor.fetchall())


async def _columns(
    conn: AsyncConnection[Any], name: str, asked: dict[str, object], width: int
) -> list[tuple[Any, ...]]:
    cursor = await conn.execute(query(name), asked, binary=True)
    rows = await cursor.fetchall()
    return list(zip(*rows, strict=True)) if rows else [()] * width
