"""What a day measured by school and quarter hour, as the figures need it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from contract.catalogue import Catalogue
from contract.figures.lines import QUARTERS, QuarterGrid
from contract.figures.school_day import QUARTER_US
from contract.fleet import STREAMS_OF, Fleet, School
from contract.series import series_of
from storage.history import read_quarters
from storage.moment import moment
from storage.queries import query


async def quarter_grid(
    conn: AsyncConnection[Any], place: Mapping[int, int], schools: int, start_us: int
) -> QuarterGrid:
    """Return what some series measured on the day that begins at `start_us`, µs since 1970.

    Args:
        conn: a connection.
        place: row of each series' school, by series; several series of a school are one.
        schools: rows.
        start_us: midnight of the day.
    """
    series = np.array(sorted(place), np.int32)
    found = await read_quarters(conn, series, start_us, start_us + QUARTERS * QUARTER_US)
    rows = np.array([place[s] for s in series.tolist()], np.intp)
    at = (rows[np.searchsorted(series, found.series)], (found.time_us - start_us) // QUARTER_US)
    n, total = (np.zeros((schools, QUARTERS)) for _ in range(2))
    low, high = np.full((schools, QUARTERS), np.inf), np.full((schools, QUARTERS), -np.inf)
    np.add.at(n, at, found.n)
    np.add.at(total, at, found.sum)
    np.minimum.at(low, at, found.min)
    np.maximum.at(high, at, found.max)
    return QuarterGrid(n, total, np.where(n > 0, low, 0.0), np.where(n > 0, high, 0.0))


class DayRollups:
    """Reads the rollups of one day of some schools, a metric after the other."""

    def __init__(
        self,
        conn: AsyncConnection[Any],
        fleet: Fleet,
        catalogue: Catalogue,
        schools: Sequence[School],
        start_us: int,
    ) -> None:
        self._conn, self._catalogue = conn, catalogue
        self._row = {school.id: i for i, school in enumerate(schools)}
        self._devices = (*fleet.devices, *fleet.former_devices)
        self._start_us = start_us

    def _places(self, name: str) -> dict[int, int]:
        """Return the row of each series of a metric, none where the catalogue lacks it."""
        found = [metric for metric in self._catalogue.metrics if metric.name == name]
        return {
            series_of(device.id, metric.id): self._row[device.school_id]
            for metric in found
            for device in self._devices
            if device.school_id in self._row and metric.stream in STREAMS_OF[device.kind]
        }

    async def read(self, name: str) -> QuarterGrid:
        """Return what a metric measured; nothing where the catalogue lacks it."""
        return await quarter_grid(self._conn, self._places(name), len(self._row), self._start_us)

    async def was_offline(self) -> NDArray[np.bool_]:
        """Return which schools were said to be offline last, within 30 days before, shape (schools,)."""
        places = self._places("online")
        asked = {"series": sorted(places), "at": moment(self._start_us)}
        cursor = await self._conn.execute(query("last_online_before"), asked)
        found = np.zeros(len(self._row), bool)
        for series, least in await cursor.fetchall():
            found[places[series]] |= least < 0.5
        return found
