"""What a scene's devices say, as the simulated city measures it, and the sums that partitions make of it."""

from collections.abc import Mapping, Sequence
from datetime import time
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue, Metric
from contract.fleet import STREAMS_OF, Fleet
from contract.live import STATE_NORMAL, STATE_UNKNOWN, WARD_METRICS, Hidden, Kpi, Summary, WardSums
from contract.privacy import hidden_by, hidden_in
from contract.series import METRIC_BITS
from contract.topic import Stream
from device_simulator.world.city import World
from eduops.stories.scene import MINUTE_US, Scene
from ops_dashboard.view.past import PastSums
from storage.wall import KpiHistory, SeriesHistory

PARTITIONS: Final = 2
QUARTER_US: Final = 15 * MINUTE_US
FINE_US: Final = 360 * MINUTE_US
"""Longest history by the half minute."""
PAST_US: Final = 8 * 1440 * MINUTE_US
"""So much of the days before: enough to say what is usual."""
_OF_PUPILS: Final = ("present", "enrolled", "active_users")
_REGISTERED: Final = ("present", "enrolled")
_LINE: Final = ("down_bps", "up_bps", "active_users")
"""What a school without a line cannot tell."""
_CALM_ONLINE: Final = 0.997
"""Share of schools online at this time of the last weeks: chosen, a usual morning."""
_MOOD: Final = (0.97, 1.03, 0.94, 1.01, 1.0)
"""How many of a day's learners come in one week and another: chosen."""
_UNREST: Final = 0.08
"""By which share what an alert measures goes up and down: chosen."""
_FAILING_USERS: Final = 0.1
"""Share of learners who still get in while their platform fails: chosen."""


class City:
    """Measures the schools of a fleet; what was measured once is kept."""

    def __init__(self, fleet: Fleet, calendar: SchoolCalendar, catalogue: Catalogue) -> None:
        self.fleet = fleet
        self.calendar = calendar
        self.catalogue = catalogue
        self._kept: dict[tuple[Stream, int], Mapping[str, NDArray[np.float64]]] = {}
        self._measured: dict[tuple[Stream, int, int], Mapping[str, float]] = {}

    @cached_property
    def world(self) -> World:
        """The simulated city."""
        return World(self.fleet, self.calendar)

    def measure(self, stream: Stream, at_us: int) -> Mapping[str, NDArray[np.float64]]:
        """Return what a stream says of every school at a moment, by metric; NaN where nothing was."""
        key = stream, at_us
        if key not in self._kept:
            everybody = np.arange(len(self.fleet.schools))
            self._kept[key] = self.world.measure(stream, at_us, everybody).values
        return self._kept[key]

    def registers(self, at_us: int) -> tuple[Mapping[str, NDArray[np.float64]], NDArray[np.int64]]:
        """Return each school's last register of the day at a moment, and when it came; NaN without any."""
        found = {name: np.full(len(self.fleet.schools), np.nan) for name in _REGISTERED}
        came_us = np.zeros(len(self.fleet.schools), np.int64)
        midnight_us = self.calendar.moment_us(self.calendar.local_day(at_us), time.min)
        for then_us in range(at_us, midnight_us, -5 * MINUTE_US):
            if self.world.in_register(then_us):
                own = self.measure(Stream.ATTENDANCE, then_us)
                fresh = np.isnan(found["enrolled"]) & ~np.isnan(own["enrolled"])
                came_us[fresh] = then_us
                for name in _REGISTERED:
                    found[name][fresh] = own[name][fresh]
        return found, came_us

    def sums(self, at_us: int) -> dict[str, PastSums]:
        """Return the city's sums at a moment of a calm day."""
        n = len(self.fleet.schools)
        found = {"online": PastSums(n, n, _CALM_ONLINE * n), "active_users": self.users(at_us)}
        registers, _ = self.registers(at_us)
        for name, column in registers.items():
            came = np.isfinite(column)
            found[name] = PastSums(n, float(came.sum()), float(column[came].sum()))
        return found

    def users(self, at_us: int) -> PastSums:
        """Return the learners of a calm day at a moment."""
        n, week = len(self.fleet.schools), self.calendar.local_day(at_us).isocalendar().week
        found = float(np.nansum(self.measure(Stream.ELEARNING, at_us)["active_users"]))
        return PastSums(n, n, found * _MOOD[week % len(_MOOD)])

    def minutes(self, metric_id: int, from_us: int, to_us: int) -> KpiHistory:
        """Return the city's minutes of a metric of lines."""
        minutes = np.arange(from_us // MINUTE_US, to_us // MINUTE_US) * MINUTE_US
        name, n = self.catalogue.by_id[metric_id].name, len(self.fleet.schools)
        total = [float(np.nansum(self.measure(Stream.BANDWIDTH, int(at))[name])) for at in minutes]
        everybody = np.full(len(minutes), n)
        return KpiHistory(minutes.astype(np.int64), everybody, everybody, np.array(total))

    def history(
        self, series: Sequence[int], from_us: int, to_us: int, cut: Scene, *, fine: bool
    ) -> SeriesHistory:
        """Return series by the half minute, or by quarter hours of some days alone.

        A school without a line says nothing but that it has none.
        """
        step_us = MINUTE_US // 2
        if not fine:
            step_us, from_us = QUARTER_US, max(from_us, to_us - PAST_US)
        moments = np.arange(from_us // step_us * step_us, to_us, step_us)
        columns: list[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]] = []
        for number in sorted(series):
            device = self.fleet.device_of(number)
            if device is None:  # of a school that is no more
                continue
            metric = self.catalogue.by_id[number & ((1 << METRIC_BITS) - 1)]
            position = self.fleet.school_position[device.school_id]
            value = np.array([self._one(metric, int(at), position) for at in moments])
            _disturb(value, moments, [a for a in cut.alerts.values() if a.series == number])
            since_us = _cut_since(cut).get(position)
            if since_us is not None:
                value[moments >= since_us] = 0.0 if metric.name == "online" else np.nan
            told = np.isfinite(value)
            columns.append((moments[told], np.full(told.sum(), number, np.int32), value[told]))
        nothing = np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0)
        time_us, owner, value = (np.concatenate(parts) for parts in zip(nothing, *columns, strict=True))
        score = np.full(len(value), np.nan, np.float32)
        return SeriesHistory(time_us, owner, np.ones(len(value), np.int64), value, value, value, score)

    def _one(self, metric: Metric, at_us: int, position: int) -> float:
        """Return what one school's metric is at a moment; NaN where it is not measured."""
        if metric.name == "online":
            return 1.0
        asked = metric.stream, at_us, position
        if asked not in self._measured:  # a page reads the same again and again
            found = self.world.measure(metric.stream, at_us, np.array([position])).values
            self._measured[asked] = {name: float(column[0]) for name, column in found.items()}
        return self._measured[asked].get(metric.name, float("nan"))

    def newest(self, series: Sequence[int], scene: Scene) -> dict[int, tuple[int, float]]:
        """Return time and value of the youngest reading of series; that of a dead line is older."""
        place, since_us, found = self.fleet.school_position, _cut_since(scene), {}
        for number in series:
            device, metric = self.fleet.device_by_id[number >> METRIC_BITS], number & ((1 << METRIC_BITS) - 1)
            n, known = place[device.school_id], self.catalogue.by_id[metric]
            at_us, value = self._last(known, scene.now_us, n)
            if n not in scene.silent and np.isfinite(value):
                found[number] = min(at_us, since_us.get(n, at_us)), value
        return found

    def _last(self, metric: Metric, now_us: int, position: int) -> tuple[int, float]:
        """Return when a school's metric was measured last, and its value; registers are of a session."""
        if metric.stream is not Stream.ATTENDANCE:
            return now_us - MINUTE_US // 6, self._one(metric, now_us, position)
        quarters = range(now_us // QUARTER_US * QUARTER_US, now_us - FINE_US, -QUARTER_US)
        told = ((at, self._one(metric, at, position)) for at in quarters)
        return next(((at, value) for at, value in told if np.isfinite(value)), (now_us, float("nan")))


def _disturb(value: NDArray[np.float64], moments: NDArray[np.int64], alerts: Sequence[Alert]) -> None:
    """Let a series measure what its alerts say while they are open; of silence nothing."""
    for alert in alerts:
        until_us = moments[-1] + 1 if alert.resolved_at_us is None else alert.resolved_at_us
        span = (moments >= alert.opened_at_us) & (moments < until_us) & np.isfinite(value)
        if alert.value is None:
            value[span] = np.nan
        else:
            value[span] = alert.value * (1 + _UNREST * np.sin(np.flatnonzero(span) ** 2 + alert.series))


def _cut_since(scene: Scene) -> dict[int, int]:
    """Return the positions of schools without a line, and since when, µs since 1970."""
    place = scene.fleet.school_position
    down = [a for a in scene.open_alerts if a.rule == "wan_down" and a.school_id in place]
    return {place[alert.school_id]: alert.opened_at_us for alert in down}


def summaries_of(scene: Scene, city: City) -> list[Summary]:
    """Return what each partition says of a scene at its moment."""
    fleet, at_us = scene.fleet, scene.now_us
    n, silent = len(fleet.schools), np.zeros(len(fleet.schools), bool)
    silent[sorted(scene.silent)] = True
    cut = np.zeros(n, bool)
    cut[sorted(_cut_since(scene))] = True
    values, came_us = _columns(scene, city, cut)
    is_school_day = city.calendar.is_school_day(city.calendar.local_day(at_us))
    of_school = fleet.partition_of_schools(PARTITIONS)
    states = np.where(silent, STATE_UNKNOWN, STATE_NORMAL)
    found = []
    for partition in range(PARTITIONS):
        kpis, wards = {}, {}
        for name in WARD_METRICS:
            is_due = is_school_day or name not in _REGISTERED
            due = (of_school == partition) & is_due
            told = due & np.isfinite(values[name]) & ~silent & (~cut if name in _LINE else True)
            kpis[name], wards[name] = _sums(scene, name, due, told, values[name], came_us[name])
        own = "".join(states[of_school == partition])
        found.append(Summary(partition, at_us, 1, own, kpis, None, wards))
    return found


def left_users(scene: Scene, city: City) -> tuple[float, float]:
    """Return which shares of the schools still tell of learners, and of the learners are still there."""
    calm = city.users(scene.now_us)
    kpis = [summary.kpis["active_users"] for summary in summaries_of(scene, city)]
    whole = calm.total or 1.0
    return sum(k.reporting for k in kpis) / calm.expected, min(1.0, sum(k.total for k in kpis) / whole)


def _columns(
    scene: Scene, city: City, cut: NDArray[np.bool_]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.int64]]]:
    at_us, n = scene.now_us, len(scene.fleet.schools)
    line, users = city.measure(Stream.BANDWIDTH, at_us), city.measure(Stream.ELEARNING, at_us)
    registers, came_us = city.registers(at_us)
    active = users["active_users"].copy()
    failing = [scene.fleet.school_position[a.school_id] for a in scene.open_alerts if a.rule == "lms_failing"]
    active[failing] = np.round(active[failing] * _FAILING_USERS)
    values = {
        "online": np.where(cut, 0.0, 1.0),
        **registers,
        "active_users": active,
        "down_bps": line["down_bps"],
        "up_bps": line["up_bps"],
    }
    now = np.full(n, at_us)
    return values, {name: came_us if name in _REGISTERED else now for name in values}


def _sums(
    scene: Scene,
    name: str,
    due: NDArray[np.bool_],
    told: NDArray[np.bool_],
    values: NDArray[np.float64],
    came_us: NDArray[np.int64],
) -> tuple[Kpi, WardSums]:
    fleet, metric = scene.fleet, scene.catalogue.named(name)
    wards, own = len(fleet.wards), fleet.ward_index[told]
    latest_us = np.zeros(wards, np.int64)
    np.maximum.at(latest_us, own, came_us[told])
    columns = [
        np.bincount(fleet.ward_index[due], minlength=wards),
        np.bincount(own, minlength=wards),
        np.bincount(own, values[told], minlength=wards),
        latest_us,
    ]
    hidden = Hidden()
    if name in _OF_PUPILS:
        people, pupils = np.rint(values[told]).astype(np.int64), fleet.pupils[told]
        hidden = hidden_in(people, pupils, metric)
        columns += hidden_by(people, pupils, metric, own, wards)
    kpi = Kpi(int(due.sum()), int(told.sum()), float(values[told].sum()), hidden)
    return kpi, WardSums(*(column.tolist() for column in columns))


def heartbeats_of(scene: Scene) -> frozenset[int]:
    """Return the ids of the devices that were heard."""
    quiet = {scene.fleet.schools[n].id for n in scene.silent}
    return frozenset(d.id for d in scene.fleet.devices if d.school_id not in quiet and STREAMS_OF[d.kind])
