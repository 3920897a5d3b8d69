"""Days of a stage's schools in its tables, for tests of what is proposed for the calendar."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, time, timedelta
from typing import Final

import numpy as np

from contract.fleet import STREAMS_OF, School
from contract.series import series_of
from ops_dashboard.special_days.desk import looked_at
from storage.special_days.history import METRICS
from storage.upkeep.chunks import make_chunks
from tests.dashboard_stage import Stage

AT: Final = (time(9), time(15))


def school_days(stage: Stage, number: int) -> list[date]:
    """Return the last days before today on which all schools have two sessions."""
    days = reversed(looked_at(stage.calendar, stage.now_us()))
    return [day for day in days if len(stage.calendar.sessions(0, day)) == 2][:number]


async def measured(
    stage: Stage,
    closed: Mapping[date, Collection[int]],
    afternoons: Mapping[date, Collection[int]] | None = None,
) -> None:
    """Store what schools measure on twelve days: all as usual, but for those that are empty on some.

    Args:
        stage: whose tables.
        closed: positions of schools that are empty all day.
        afternoons: … in the afternoon alone.
    """
    times, series, values = [], [], []
    usual = {"register": 0.93, "traffic": 4e7, "learners": 40.0}
    for day in school_days(stage, 12):
        for at in AT:
            empty = {*closed.get(day, ()), *((afternoons or {}).get(day, ()) if at > time(12) else ())}
            at_us = stage.calendar.moment_us(day, at)
            for i, school in enumerate(stage.fleet.schools):
                is_empty = i in empty
                for measure, name in METRICS.items():
                    if is_empty and measure == "register":
                        continue
                    times.append(at_us)
                    series.append(_series(stage, school, name))
                    values.append(usual[measure] * (0.04 if is_empty else 1.0))
    await _store(stage, times, series, values)


async def begun(stage: Stage, later: Mapping[date, timedelta]) -> None:
    """Store mornings of twelve days: from 7:00 on traffic, from 7:45 on registers, on some days later."""
    rows = []
    for day in school_days(stage, 12):
        by = later.get(day, timedelta(0))
        told = [("down_bps", time(6), timedelta(0), 1e6), ("down_bps", time(6, 30), timedelta(0), 1e6)]
        told += [("down_bps", time(7 + n), by, 4e7) for n in range(4)]
        told += [("attendance_ratio", time(hour, 45), by, 0.93) for hour in (7, 8)]
        for school in stage.fleet.schools:
            for name, at, after, value in told:
                at_us = stage.calendar.moment_us(day, at) + after // timedelta(microseconds=1)
                rows.append((at_us, _series(stage, school, name), value))
    await _store(stage, *zip(*rows, strict=True))


def _series(stage: Stage, school: School, name: str) -> int:
    """Return the series of a metric at a school."""
    metric = stage.catalogue.named(name)
    device = next(
        d for d in stage.fleet.devices if d.school_id == school.id and metric.stream in STREAMS_OF[d.kind]
    )
    return series_of(device.id, metric.id)


async def _store(stage: Stage, times: Sequence[int], series: Sequence[int], values: Sequence[float]) -> None:
    time_us = np.array(times, np.int64)
    for table in ("reading", "reading_15m_rolled"):
        await make_chunks(stage.conn, table, time_us)
    async with stage.conn.cursor() as cursor:
        await cursor.executemany(
            "insert into reading values (from_us(%s), %s, %s, 'NaN')",
            list(zip(time_us.tolist(), series, values, strict=True)),
        )
