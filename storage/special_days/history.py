"""What schools did on past days, by morning and afternoon: from the rollups of hours."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from contract.alert import Because
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import STREAMS_OF, Fleet
from contract.series import series_of
from contract.special_days.history import PARTS, Measure
from storage.copy import rows_of_copy
from storage.moment import moment
from storage.queries import query

METRICS: Final[Mapping[str, str]] = {
    "register": "attendance_ratio",
    "traffic": "down_bps",
    "learners": "active_users",
}
"""By the name of the measure in `contract.special_days.history.DayHistory`."""
WITNESSES: Final = 60
"""Schools of a level whose traffic and e-learning say when it begins; chosen, for quarter hours are many."""
AT_WORK: Final = 0.7
"""Share of what three in four quarters of a morning are below, from which on a school is at work; chosen."""
_COLUMNS: Final = (("day", ">i4"), ("part", ">i4"), ("series", ">i4"), ("n", ">i8"), ("sum", ">f8"))


async def day_measures(
    conn: AsyncConnection[Any],
    fleet: Fleet,
    catalogue: Catalogue,
    zone: str,
    days: Sequence[date],
    from_us: int,
    to_us: int,
) -> dict[str, Measure]:
    """Return the means of every measure by day, part and school, NaN where nothing was measured.

    Args:
        conn: a connection.
        fleet: its schools are the columns.
        catalogue: of the metrics.
        zone: name of the local time zone.
        days: the rows.
        from_us: first midnight, µs since 1970.
        to_us: the midnight after the last.
    """
    place = {school.id: i for i, school in enumerate(fleet.schools)}
    asked = {"zone": zone, "first": moment(from_us), "end": moment(to_us)}
    return {
        measure: await _copied(
            conn, "copy_day_parts_out", asked, days, _columns_of(fleet, catalogue, name, place), len(place)
        )
        for measure, name in METRICS.items()
    }


async def day_begins(
    conn: AsyncConnection[Any],
    fleet: Fleet,
    catalogue: Catalogue,
    zone: str,
    days: Sequence[date],
    from_us: int,
    to_us: int,
) -> dict[str, Measure]:
    """Return the minute of the local day at which every measure begins, by day, part and school.

    Of a register that is the first, of traffic and learners, looked at in `WITNESSES` schools of each level,
    the first quarter of an hour that is nearly as busy as lessons are. Arguments as of `day_measures`.
    """
    whole = {school.id: i for i, school in enumerate(fleet.schools)}
    some: dict[int, int] = {}
    for level in np.unique(fleet.level_index).tolist():
        at = np.flatnonzero(fleet.level_index == level)
        some |= {fleet.schools[i].id: i for i in at[:: -(-len(at) // WITNESSES)].tolist()}
    found = {}
    for measure, name in METRICS.items():
        place, share = (whole, 0.0) if measure == "register" else (some, AT_WORK)
        asked = {"zone": zone, "first": moment(from_us), "end": moment(to_us), "share": share}
        columns = _columns_of(fleet, catalogue, name, place)
        found[measure] = await _copied(conn, "copy_day_begins_out", asked, days, columns, len(whole))
    return found


async def _copied(
    conn: AsyncConnection[Any],
    name: str,
    asked: Mapping[str, object],
    days: Sequence[date],
    column: Mapping[int, int],
    schools: int,
) -> Measure:
    """Return what a query says of series by day and part, those of a school together."""
    series = np.array(sorted(column), np.int32)
    buffer = bytearray()
    whole = {**asked, "series": series.tolist()}
    async with conn.cursor() as cursor, cursor.copy(query(name), whole) as copy:
        async for block in copy:
            buffer += block
    row = {day: i for i, day in enumerate(days)}
    return _means(rows_of_copy(buffer, _COLUMNS), row, series, column, schools)


def _columns_of(fleet: Fleet, catalogue: Catalogue, name: str, place: Mapping[int, int]) -> dict[int, int]:
    """Return the column of each series of a metric."""
    metric = catalogue.named(name)
    return {
        series_of(device.id, metric.id): place[device.school_id]
        for device in fleet.devices
        if device.school_id in place and metric.stream in STREAMS_OF[device.kind]
    }


def _means(
    rows: NDArray[Any], row: Mapping[date, int], series: NDArray[np.int32], column: Mapping[int, int], n: int
) -> Measure:
    days = np.full(int(rows["day"].max(initial=0)) + 1, -1, np.intp)
    for day, i in row.items():
        number = (day - date(1970, 1, 1)).days
        if number < len(days):
            days[number] = i
    schools = np.array([column[s] for s in series.tolist()], np.intp)
    at_row = days[rows["day"].astype(np.intp)]
    kept = at_row >= 0
    at = (
        at_row[kept],
        rows["part"].astype(np.intp)[kept],
        schools[np.searchsorted(series, rows["series"].astype(np.int32)[kept])],
    )
    count, total = (np.zeros((len(row), PARTS, n)) for _ in range(2))
    np.add.at(count, at, rows["n"].astype(np.float64)[kept])
    np.add.at(total, at, rows["sum"].astype(np.float64)[kept])
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


async def school_events(
    conn: AsyncConnection[Any], fleet: Fleet, calendar: SchoolCalendar, from_us: int, to_us: int
) -> list[tuple[str, date]]:
    """Return school's code and local day of each alert that was dismissed as an event of the school."""
    asked = {"first": moment(from_us), "end": moment(to_us), "because": Because.SCHOOL_EVENT.value}
    cursor = await conn.execute(query("dismissed_because"), asked)
    code = {school.id: school.code for school in fleet.schools}
    return [(code[s], calendar.local_day(us)) for s, us in await cursor.fetchall() if s in code]
