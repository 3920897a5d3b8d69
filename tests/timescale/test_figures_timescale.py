"""Leadership's figures are the same on TimescaleDB as on plain PostgreSQL."""

from datetime import date, time

import numpy as np
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.commit import Commit, Counts
from contract.figures.spans import DaySpan
from contract.figures.sums import GroupKind, add_sums
from contract.fleet import DeviceKind, Fleet
from contract.reading import Readings, Scored
from contract.series import series_of
from storage.database import connect
from storage.figures.rows import figure_rows, summed_figures
from storage.results import commit
from stream_processor.figures import keep_figures

pytestmark = pytest.mark.timescale

MONDAY = date(2026, 11, 23)
MINUTE_US = 60_000_000


def morning(city: Fleet, catalogue: Catalogue, begin_us: int) -> Readings:
    """Return two hours of `online` of every school; each fifth one falls after the first."""
    metric = catalogue.named("online").id
    series = np.array(
        [series_of(d.id, metric) for d in city.devices if d.kind is DeviceKind.GATEWAY], np.int32
    )
    minutes = np.arange(120)
    time_us = np.repeat(begin_us + MINUTE_US * minutes, len(series))
    who = np.tile(np.arange(len(series)), len(minutes))
    value = np.where((who % 5 == 0) & (np.repeat(minutes, len(series)) >= 60), 0.0, 1.0)
    return Readings(time_us.astype(np.int64), series[who], value)


async def test_figures_are_the_same_on_both(
    timescale_url: str, postgres_url: str, city: Fleet, catalogue: Catalogue, calendar: SchoolCalendar
) -> None:
    begin_us = calendar.moment_us(MONDAY, time(7, 30))
    readings = morning(city, catalogue, begin_us)
    n, span = len(readings), DaySpan(MONDAY, MONDAY)
    rows = Scored(readings, np.full(n, np.nan, np.float32))
    answers = []
    for dsn in (timescale_url, postgres_url):
        async with await connect(dsn) as conn:
            log_time_us = begin_us + 125 * MINUTE_US
            await commit(conn, Commit("telemetry-0", 0, 1, log_time_us, Counts(n, n), rows))
            while await keep_figures(conn, city, catalogue, calendar):
                pass
            found = await figure_rows(conn, GroupKind.CITY, "", span)
            answers.append((found, await summed_figures(conn, GroupKind.CLUSTER, "", span)))
    assert answers[0] == answers[1]
    whole = add_sums(row.sums for row in answers[0][0])
    assert whole.down_schools == len(city.schools) // 5
    assert whole.up_min + whole.lost_min == pytest.approx(120 * len(city.schools))
