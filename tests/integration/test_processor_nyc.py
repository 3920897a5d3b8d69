"""A real city: New York's daily attendance through the fold with the packaged rules.

Storm days as documented by WNYC and syracuse.com: 2014-01-07, 2014-01-22, 2014-02-05.
"""

from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest

from contract.calendar import SchoolCalendar, parse_calendar
from contract.catalogue import Catalogue
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.fleet import LEVELS, Cluster, Device, DeviceKind, Fleet, Level, School, Ward
from contract.reading import Readings
from contract.rule import Rule
from contract.series import METRIC_BITS
from stream_processor.fold.constants import build_fold
from stream_processor.fold.step import step

FILE = Path(__file__).parents[3] / "shared/data/nyc_attendance/attendance.parquet"
NEW_YORK = ZoneInfo("America/New_York")
STORMS = (date(2014, 1, 7), date(2014, 1, 22), date(2014, 2, 5))


def new_york() -> SchoolCalendar:
    """Return a calendar of weekdays and public holidays."""
    shift = "{{name = 'day', start = 08:00:00, end = 15:00:00}}"
    level = f"[level.{{}}]\nweekdays = [0, 1, 2, 3, 4]\nshift = [{shift}]\n"
    term = '[[term]]\nfirst = 2013-01-01\nlast = 2014-12-31\nname = "all"\n'
    head = f'timezone = "{NEW_YORK.key}"\ncountry = "US"\n'
    return parse_calendar(head + term + "".join(level.format(name.value) for name in LEVELS))


def city(codes: list[str]) -> Fleet:
    """Return schools with an attendance system each."""
    return Fleet(
        "ny",
        (Cluster("c", "c"),),
        (Ward("w", "w", "w", "c"),),
        tuple(School(i + 1, c, c, Level.PRIMARY, "w", 500, "isp", 1e8, 1e8) for i, c in enumerate(codes)),
        tuple(Device(i + 1, i + 1, "att-1", DeviceKind.ATTENDANCE) for i in range(len(codes))),
    )


@pytest.mark.skipif(not FILE.exists(), reason=f"the recorded data are not here: {FILE.name}")
def test_storm_days_ring_and_ordinary_days_do_not(catalogue: Catalogue, rules: tuple[Rule, ...]) -> None:
    table = pq.read_table(FILE)
    days = table["date"].to_numpy().astype("datetime64[D]")
    ratio = table["attendance_pct"].to_numpy().astype(np.float64) / 100
    usable = ~np.isnan(ratio) & (days >= np.datetime64("2013-09-01")) & (days < np.datetime64("2014-04-01"))
    codes, school = np.unique(np.array(table["dbn"].to_pylist())[usable], return_inverse=True)
    days, ratio = days[usable], ratio[usable]
    series = ((school + 1) << METRIC_BITS | catalogue.named("attendance_ratio").id).astype(np.int32)
    fold = build_fold(city(codes.tolist()), catalogue, new_york(), rules, 0, 1)
    state, opened = fold.initial_state(), {}
    for day in np.unique(days):
        ours, on = days == day, day.astype(object)
        at_us = int(datetime.combine(on, time(10), NEW_YORK).timestamp()) * 1_000_000
        readings = Readings(np.full(ours.sum(), at_us), series[ours], ratio[ours])
        night_us, later_us = at_us - 8 * 3_600_000_000, at_us + 16 * 60_000_000  # a first low one has stood
        entries: list[Entry] = [
            TickEntry(night_us),
            ReadingsEntry(at_us, readings),
            TickEntry(at_us),
            TickEntry(later_us),
        ]
        state, output = step(fold, state, entries)
        opened[on] = sum(t.kind == "opened" and t.rule == "attendance_low" for t in output.transitions)
    for storm in STORMS:
        assert opened[storm] > 500, storm
    ordinary = [n for on, n in opened.items() if on not in STORMS and on >= date(2013, 10, 1)]
    assert np.median(ordinary) <= 8
