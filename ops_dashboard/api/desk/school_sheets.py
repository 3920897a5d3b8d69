"""Reads what the sheet of a school is made of."""

from collections.abc import Mapping
from datetime import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.access.permission import Permission
from contract.calendar import in_session
from contract.catalogue import Published
from contract.figures.lines import QuarterGrid, impaired_quarters
from contract.fleet import LEVELS, STREAMS_OF, Device, DeviceKind, School
from contract.incident import CauseKind
from contract.privacy import shown_alert
from contract.series import METRIC_BITS, series_of
from ops_dashboard.access.own import denials
from ops_dashboard.api.desk.place_sheets import HEARD_US, office_of
from ops_dashboard.charts.columns import joined, of_series
from ops_dashboard.charts.school_charts import series_by_metric
from ops_dashboard.services import Services
from ops_dashboard.view.desk.school import LineWeeks, ReceivedKind, SchoolData, school_sheet
from ops_dashboard.view.desk.sheet import Scribe, Sheet
from ops_dashboard.view.desk.waiting import waiting_devices
from ops_dashboard.view.lines import incidents_within
from storage.wall import RefusedSender, SeriesHistory

HOUR_US: Final = 3_600_000_000
LINE_METRICS: Final = ("down_bps", "up_bps")
DAY_US: Final = 24 * HOUR_US
MOST_PAST: Final = 8
MOST_REFUSED: Final = 12
"""Rows of a table that stands beside charts: the rest is one way further."""
LOSS: Final = "loss_ratio"


async def make_school_sheet(services: Services, school: School, scribe: Scribe) -> Sheet:
    """Return the sheet of a school of now or of before, as whoever asks may see it."""
    now_us, fleet = services.now_us(), services.fleet
    devices = [d for d in fleet.devices if d.school_id == school.id]
    alerts = [shown_alert(a, services.catalogue) for a in await services.archive.school_alerts(school.id)]
    opened = [a for a in services.board.open_alerts.values() if a.school_id == school.id]
    incidents = incidents_within(services.board.incidents.values(), opened, frozenset({school.id}), fleet)
    lines, bad_min = await _line(services, school, now_us)
    data = SchoolData(
        now_us,
        services.board.states(services.real_us()),
        alerts,
        [one for one in incidents if one.cause.kind is not CauseKind.SYSTEM],
        await _heard(services, devices, now_us),
        _patience(services, devices),
        lines,
        bad_min,
        await _received(services, devices, now_us),
        await services.archive.incidents_over_by(now_us, MOST_PAST, school.id),
        waiting_devices(
            fleet,
            services.calendar,
            now_us,
            HEARD_US,
            any_came=services.board.sums(services.real_us()).latest_us("present") > 0,
        ),
        await _refused(services, school, now_us),
    )
    return school_sheet(school, fleet, data, office_of(services), scribe)


async def _refused(services: Services, school: School, now_us: int) -> list[RefusedSender] | None:
    """Return what was refused within a day; None where the reader may not see it, or looks back."""
    if services.at_us is not None or denials(Permission.SEE_QUARANTINE):
        return None
    return await services.archive.refused(now_us - DAY_US, MOST_REFUSED, school.code)


async def _heard(services: Services, devices: list[Device], now_us: int) -> dict[int, int]:
    """Return when each device was heard last, by id."""
    series = [
        series_of(d.id, m.id)
        for d in devices
        for s in STREAMS_OF[d.kind]
        for m in services.catalogue.of_stream(s)
    ]
    found = await services.archive.newest(series, now_us - HEARD_US)
    heard: dict[int, int] = {}
    for number, (time_us, _) in found.items():
        heard[number >> METRIC_BITS] = max(time_us, heard.get(number >> METRIC_BITS, 0))
    return heard


def _patience(services: Services, devices: list[Device]) -> dict[int, int]:
    """Return after what pause each device is silent, by id; none of those that speak now and then."""
    found = {}
    for device in devices:
        stale_s = [
            m.stale_s for s in STREAMS_OF[device.kind] for m in services.catalogue.of_stream(s) if m.heartbeat
        ]
        if stale_s and device.kind is not DeviceKind.ATTENDANCE:
            found[device.id] = round(2e6 * min(stale_s))
    return found


async def _received(services: Services, devices: list[Device], now_us: int) -> list[ReceivedKind]:
    """Return what came within an hour of the systems that say something all the time."""
    of: dict[int, DeviceKind] = {}
    due: dict[DeviceKind, int] = {}
    for device in devices:
        for stream in STREAMS_OF[device.kind]:
            for metric in services.catalogue.of_stream(stream):
                if metric.heartbeat and metric.published is Published.OPEN:
                    of[series_of(device.id, metric.id)] = device.kind
                    due[device.kind] = due.get(device.kind, 0) + round(HOUR_US / 1e6 / metric.cadence_s)
    _, history = await services.archive.series(list(of), now_us - HOUR_US, now_us)
    came = dict.fromkeys(due, 0)
    for number, kind in of.items():
        came[kind] += int((history.series == number).sum())
    return [ReceivedKind(kind, min(came[kind], n), n) for kind, n in due.items()]


async def _line(services: Services, school: School, now_us: int) -> tuple[Mapping[str, LineWeeks], float]:
    """Return what was measured of a line in session, and the minutes in which it was impaired."""
    numbers = series_by_metric(school, services.fleet.devices_ever(school.id), services.catalogue)
    own: dict[str, int] = {name: numbers[name] for name in (*LINE_METRICS, LOSS) if name in numbers}
    midnight_us = services.calendar.moment_us(services.calendar.local_day(now_us), time.min)
    before = await services.archive.weeks(list(numbers.values()), midnight_us)  # as the charts ask
    today = await services.archive.quarters(list(own.values()), midnight_us, now_us)
    level = LEVELS.index(school.level)
    quarters = {}
    for name, number in own.items():
        part = joined(of_series(before, number), of_series(today, number))
        levels = np.full(len(part.time_us), level, np.int8)
        quarters[name] = (part, in_session(services.calendar.contexts(levels, part.time_us)))
    lines = {
        name: LineWeeks(part.mean[due], float(part.max[due].max()))
        for name, (part, due) in quarters.items()
        if name in LINE_METRICS and due.any()
    }
    return lines, _bad_minutes(quarters, school)


def _bad_minutes(quarters: Mapping[str, tuple[SeriesHistory, NDArray[np.bool_]]], school: School) -> float:
    """Return the minutes in session in which a line lost packets although it was not full."""
    if not {"down_bps", LOSS} <= quarters.keys():
        return 0.0
    (down, due), (loss, _) = quarters["down_bps"], quarters[LOSS]
    both, at_down, at_loss = np.intersect1d(down.time_us, loss.time_us, return_indices=True)
    contracted_bps = np.array([school.contracted_down_bps])
    _, bad = impaired_quarters(_grid(down, at_down), _grid(loss, at_loss), contracted_bps)
    return float(bad[0, due[at_down]].sum()) if len(both) else 0.0


def _grid(part: SeriesHistory, at: NDArray[np.intp]) -> QuarterGrid:
    """Return quarter hours of one series as a grid of one row."""
    return QuarterGrid(*(c[at][None].astype(np.float64) for c in (part.n, part.sum, part.min, part.max)))
