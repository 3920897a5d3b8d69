"""What the pages read of series, and of sums over the city."""

from collections.abc import Mapping, Sequence
from typing import Final

from ops_dashboard.borrowing import ReaderPool, Reads
from ops_dashboard.kept_reads import KeptReads
from ops_dashboard.view.past import SPAN_US, WEEK_US, WEEKS, PastSums
from storage.wall import (
    KpiHistory,
    SeriesHistory,
    heard_series,
    kept_bucket,
    kpi_history,
    kpi_stretches,
    newest_readings,
    series_history,
)

RAW_MAX_US: Final = 6 * 3600 * 1_000_000
"""Longest stretch of time drawn from raw readings; longer ones come in quarters of an hour."""
WEEKS_US: Final = 28 * 86_400_000_000
"""So far back go a school's weeks from a local midnight, µs."""
WEEKS_AGE_S: Final = 900.0
"""So long they are kept, seconds: what came late, or was corrected, of an earlier day is seen after that."""
MOST_SCHOOLS: Final = 16
"""Schools, or worst members of incidents, whose weeks are kept: a good megabyte each."""
SHARED_AGE_S: Final = 10.0
"""So long it is kept what series of several schools measured, seconds: many look at one incident."""
MOST_SHARED: Final = 16
"""Stretches of such series that are kept: some 100 kB each."""
LATELY_AGE_S: Final = 55.0
"""So long it is kept who said anything lately, seconds: its page asks once a minute."""


class SeriesReads(Reads):
    """Readings; what many look at is read once for all of them."""

    def __init__(self, pool: ReaderPool) -> None:
        super().__init__(pool)
        self._weeks = KeptReads[tuple[tuple[int, ...], int], SeriesHistory](WEEKS_AGE_S, MOST_SCHOOLS)
        self._shared = KeptReads[tuple[tuple[int, ...], int, int], tuple[str, SeriesHistory]](
            SHARED_AGE_S, MOST_SHARED
        )
        self._lately = KeptReads[tuple[int, ...], frozenset[int]](LATELY_AGE_S, 1)

    async def heard(self, after_us: Mapping[int, int]) -> frozenset[int]:
        """Return the series that have a reading since their moment; `after_us` by series, µs since 1970."""
        async with self._connection() as conn:
            return await heard_series(conn, after_us)

    async def heard_lately(self, series: tuple[int, ...], after_us: int) -> frozenset[int]:
        """Return the series that have a reading since a moment, µs; `LATELY_AGE_S` old at most.

        They are all of the city's, and read once for all who look.
        """
        return await self._lately.get(series, lambda: self.heard(dict.fromkeys(series, after_us)))

    async def weeks(self, series: Sequence[int], midnight_us: int) -> SeriesHistory:
        """Return what the series measured in the `WEEKS_US` before a local midnight, µs since 1970.

        It is read once for all who look at the same school.
        """

        async def read() -> SeriesHistory:
            return (await self.series(series, midnight_us - WEEKS_US, midnight_us))[1]

        return await self._weeks.get((tuple(series), midnight_us), read)

    async def quarters(self, series: Sequence[int], from_us: int, to_us: int) -> SeriesHistory:
        """Return what the series measured, quarter hour by quarter hour."""
        async with self._connection() as conn:
            return await series_history(conn, list(series), from_us, to_us, "15m")

    async def series(self, series: Sequence[int], from_us: int, to_us: int) -> tuple[str, SeriesHistory]:
        """Return the bucket (`raw` or `15m`, a wider one for what is older) and what the series measured."""
        finest = "raw" if to_us - from_us <= RAW_MAX_US else "15m"
        async with self._connection() as conn:
            bucket = await kept_bucket(conn, from_us, finest)
            return bucket, await series_history(conn, list(series), from_us, to_us, bucket)

    async def shared_series(
        self, series: Sequence[int], from_us: int, to_us: int
    ) -> tuple[str, SeriesHistory]:
        """Return what `series` does, read once for all who look at the same; `SHARED_AGE_S` old at most."""
        key = tuple(series), from_us, to_us
        return await self._shared.get(key, lambda: self.series(series, from_us, to_us))

    async def city_minutes(self, metric_ids: Sequence[int], from_us: int, to_us: int) -> list[KpiHistory]:
        """Return the minutes of metrics over the whole city, in the order asked."""
        async with self._connection() as conn:
            return [await kpi_history(conn, metric_id, from_us, to_us) for metric_id in metric_ids]

    async def past(self, metric_ids: Mapping[str, int], at_us: int) -> list[dict[str, PastSums]]:
        """Return metrics of the city at this time of the last weeks, a week ago first.

        Args:
            metric_ids: of the metrics, by the names that are given back.
            at_us: log time.
        """
        starts = [at_us - week * WEEK_US - SPAN_US // 2 for week in range(1, WEEKS + 1)]
        async with self._connection() as conn:
            found = await kpi_stretches(conn, list(metric_ids.values()), [(s, s + SPAN_US) for s in starts])
        return [
            {name: PastSums(*found[start, i]) for name, i in metric_ids.items() if (start, i) in found}
            for start in starts
        ]

    async def stretches(self, metric_id: int, stretches: Sequence[tuple[int, int]]) -> dict[int, PastSums]:
        """Return a metric of the city over stretches of minutes, by their beginnings, µs since 1970."""
        async with self._connection() as conn:
            found = await kpi_stretches(conn, [metric_id], stretches)
        return {first: PastSums(*sums) for (first, _), sums in found.items()}

    async def newest(self, series: Sequence[int], after_us: int) -> dict[int, tuple[int, float]]:
        """Return time and value of the youngest reading of each series since a moment, µs since 1970."""
        async with self._connection() as conn:
            return await newest_readings(conn, series, after_us)
