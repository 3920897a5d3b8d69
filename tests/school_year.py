"""A school year in small: what schools said, kept as plain columns that know no number of the product."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from config.fleet_csv import FLEET_COLUMNS
from config.spreadsheet import write_table
from contract.calendar import SchoolCalendar
from contract.fleet import LEVELS, DeviceKind, School

LOCAL: Final = ZoneInfo("Asia/Ho_Chi_Minh")
STEP_HOURS: Final = (3, 9, 15, 21)
"""Local hours at which devices speak and time is told: out of school, twice in it, and after it."""
MINUTE_US: Final = 60_000_000
WIDTHS_US: Final = {"raw": 1, "15m": 15 * MINUTE_US, "1h": 60 * MINUTE_US, "1d": 1440 * MINUTE_US}
DAY_US: Final = 1440 * MINUTE_US
DAY_ORIGIN_US: Final = 17 * 60 * MINUTE_US
"""Days begin at midnight in Vietnam, 17:00 UTC."""
OLDEST_US: Final = 2 * DAY_US
"""Age beyond which nothing is accepted."""
SESSIONAL: Final = ("enrolled", "present")


def us_of(day: date, hour: int = 0, minute: int = 0) -> int:
    """Return a local moment in µs since 1970."""
    return round(datetime.combine(day, time(hour, minute), LOCAL).timestamp()) * 1_000_000


class Key(NamedTuple):
    """A series as people know it."""

    school: str
    kind: DeviceKind
    life: int
    """0, and one more with each device that began a new series."""
    metric: str


class Figure(NamedTuple):
    """One metric of the whole city at a tick."""

    expected: int
    reporting: int
    total: float


class Columns(NamedTuple):
    """Buckets of one width by (place of the key, start), each of shape (n,)."""

    key: NDArray[np.int64]
    start_us: NDArray[np.int64]
    n: NDArray[np.int64]
    sum: NDArray[np.float64]
    min: NDArray[np.float64]
    max: NDArray[np.float64]


class Said(NamedTuple):
    """A message as a device publishes it."""

    topic: str
    payload: bytes


@dataclass
class Truth:
    """Every word that was accepted, in order of arrival; all values add up exactly as float64."""

    words: dict[tuple[Key, int], list[float]] = field(default_factory=dict)
    """All words about a series and a time, µs since 1970; the last one holds."""
    counts: Counter[str] = field(default_factory=Counter)
    """Readings by what has to become of them, and refused ones."""
    newest: dict[Key, tuple[int, float]] = field(default_factory=dict)
    heard: dict[Key, int] = field(default_factory=dict)
    """Step at which something arrived last, µs since 1970."""
    figures: dict[str, dict[int, Figure]] = field(default_factory=dict)
    """By metric and minute."""

    def hear(self, key: Key, time_us: int, value: float, step_us: int) -> None:
        """Take one word."""
        words = self.words.setdefault((key, time_us), [])
        fate = "duplicate" if value in words else "corrected" if words else "stored"
        self.counts[fate] += 1
        self.heard[key] = step_us
        if fate == "duplicate":
            return
        words.append(value)
        if time_us >= self.newest.get(key, (0, 0.0))[0]:
            self.newest[key] = (time_us, value)

    def keys(self) -> list[Key]:
        """Return all series that ever said a word, in order."""
        return sorted({key for key, _ in self.words})

    def columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return place in `keys`, time and value of what holds, each of shape (n,)."""
        place = {key: i for i, key in enumerate(self.keys())}
        return (
            np.array([place[key] for key, _ in self.words], np.int64),
            np.array([time_us for _, time_us in self.words], np.int64),
            np.array([words[-1] for words in self.words.values()], np.float64),
        )

    def rolled(self, bucket: str) -> Columns:
        """Return the sums of every series by bucket."""
        key, time_us, value = self.columns()
        width_us, origin_us = WIDTHS_US[bucket], DAY_ORIGIN_US if bucket == "1d" else 0
        start_us = (time_us - origin_us) // width_us * width_us + origin_us
        order = np.lexsort((start_us, key))
        key, start_us, value = key[order], start_us[order], value[order]
        first = np.flatnonzero(np.r_[True, (key[1:] != key[:-1]) | (start_us[1:] != start_us[:-1])])
        return Columns(
            key[first],
            start_us[first],
            np.diff(np.r_[first, len(key)]),
            np.add.reduceat(value, first),
            np.minimum.reduceat(value, first),
            np.maximum.reduceat(value, first),
        )


@dataclass
class Site:
    """A school as it is now, and as the operator's file names it."""

    code: str
    name: str
    level: int
    """Position in `LEVELS`."""
    ward: str
    pupils: int
    isp: str
    down_bps: float
    up_bps: float
    devices: dict[DeviceKind, str] = field(
        default_factory=lambda: {DeviceKind.GATEWAY: "gw-1", DeviceKind.ATTENDANCE: "att-1"}
    )
    lives: Counter[DeviceKind] = field(default_factory=Counter)
    unsent: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    """What the gateway measured while it could not speak."""

    @classmethod
    def of(cls, school: School) -> "Site":
        """Return a school of a generated city, without its number."""
        level = LEVELS.index(school.level)
        return cls(
            school.code, school.name, level, school.ward_code, school.pupils, school.isp,
            school.contracted_down_bps, school.contracted_up_bps,
        )  # fmt: skip

    def row(self) -> tuple[object, ...]:
        """Return its row of the fleet's file."""
        devices = " ".join(f"{code}:{kind.value}" for kind, code in self.devices.items())
        level = LEVELS[self.level].value
        speeds = (f"{self.down_bps / 1e6:g}", f"{self.up_bps / 1e6:g}")
        return (self.code, self.name, level, self.ward, self.pupils, self.isp, *speeds, devices)

    def key(self, kind: DeviceKind, metric: str) -> Key:
        """Return one of its series."""
        return Key(self.code, kind, self.lives[kind], metric)

    def topic(self, kind: DeviceKind, stream: str) -> str:
        """Return where a device of it publishes now."""
        return f"edu/v1/79/{self.code}/{self.devices[kind]}/{stream}"


@dataclass
class City:
    """Schools that speak every six hours, some late, twice, wrongly or not at all; the same every time."""

    sites: dict[str, Site]
    calendar: SchoolCalendar
    truth: Truth = field(default_factory=Truth)
    strays: dict[str, date] = field(default_factory=dict)
    """Topics that nobody may use any more and that are used until a day."""

    def file(self, order: int) -> str:
        """Return the fleet's file, its rows in another order each time."""
        rows = [site.row() for site in self.sites.values()]
        shuffled = np.random.default_rng(order).permutation(len(rows))
        return write_table(FLEET_COLUMNS, (rows[i] for i in shuffled))

    def speak(self, day: date, hour: int, minute: int = 0) -> list[Said]:
        """Return what arrives at a step, in order; the truth has heard it."""
        step_us = us_of(day, hour, minute)
        rng = np.random.default_rng([79, step_us // MINUTE_US])
        said: list[Said] = []
        for site in self.sites.values():
            fate, by_the_hour = rng.random(4), rng.integers(0, 1000, 4)
            measured_us = step_us - 1_000_000 * int(by_the_hour[0] % 50)
            said += self._gateway(site, measured_us, step_us, fate, by_the_hour)
            if hour in (9, 15) and minute == 0 and self.calendar.sessions(site.level, day) and fate[3] > 0.05:
                present = site.pupils - int(by_the_hour[3]) % max(1, site.pupils // 10)
                values = {"enrolled": float(site.pupils), "present": float(present)}
                said += self._attendance(site, measured_us, step_us, values)
        for topic in [topic for topic, until in self.strays.items() if day < until]:
            said.append(Said(topic, b'[{"n":"down_bps","v":1000}]'))
            self.truth.counts["refused"] += 1
        return said

    def note_figures(self, day: date, hour: int) -> None:
        """Keep what the wall has to say at a tick, which closes the minute before."""
        step_us, midnight_us = us_of(day, hour), us_of(day)
        minute_us = step_us - MINUTE_US
        newest, heard, sites = self.truth.newest, self.truth.heard, self.sites.values()
        gateways = [site.key(DeviceKind.GATEWAY, "online") for site in sites]
        offline = {key for key in gateways if newest.get(key, (0, 1.0))[1] == 0.0}
        found = {"online": (gateways, [k for k in gateways if k in offline or heard.get(k) == step_us])}
        begun = [s for s in sites if self._first_session_us(s, day) <= step_us]
        for metric in SESSIONAL:
            keys = [site.key(DeviceKind.ATTENDANCE, metric) for site in begun]
            found[metric] = (keys, [key for key in keys if newest.get(key, (0, 0.0))[0] >= midnight_us])
        for metric, (expected, reporting) in found.items():
            figure = Figure(len(expected), len(reporting), sum(newest[key][1] for key in reporting))
            self.truth.figures.setdefault(metric, {})[minute_us] = figure

    def _first_session_us(self, site: Site, day: date) -> float:
        return min((s.start_us for s in self.calendar.sessions(site.level, day)), default=np.inf)

    def _gateway(
        self,
        site: Site,
        time_us: int,
        step_us: int,
        fate: NDArray[np.float64],
        by_the_hour: NDArray[np.int64],
    ) -> Iterator[Said]:
        values = {"down_bps": float(1_000_000 + 977 * by_the_hour[1]), "latency_ms": 5 + by_the_hour[2] / 4}
        if fate[0] < 0.03:
            site.unsent.append((time_us, values))
            return
        yield self._bandwidth(site, time_us, step_us, values)
        for then_us, before in site.unsent:  # the newest first: what was kept comes late
            yield self._bandwidth(site, then_us, step_us, before)
        site.unsent.clear()
        if fate[1] < 0.02:
            yield self._bandwidth(site, time_us, step_us, values)
        if 0.02 <= fate[1] < 0.03:
            yield self._bandwidth(site, time_us, step_us, values | {"down_bps": values["down_bps"] + 64})
        if 0.03 <= fate[1] < 0.04:
            yield from self._correct_the_last(site, step_us)
        if 0.04 <= fate[1] < 0.05:
            yield self._bandwidth(site, time_us + 1_000_000, step_us, values | {"latency_ms": -1.0})
        online = fate[2] > 0.02
        self.truth.hear(site.key(DeviceKind.GATEWAY, "online"), time_us, float(online), step_us)
        status = {"online": bool(online), "t": time_us / 1e6}
        yield Said(site.topic(DeviceKind.GATEWAY, "status"), json.dumps(status).encode())

    def _correct_the_last(self, site: Site, step_us: int) -> Iterator[Said]:
        """Say of the reading of six hours ago, if there is one, that it was another."""
        key = site.key(DeviceKind.GATEWAY, "down_bps")
        hours_us = timedelta(hours=6) // timedelta(microseconds=1)
        for second in range(50):
            then_us = step_us - hours_us - 1_000_000 * second
            if (key, then_us) in self.truth.words:
                value = self.truth.words[key, then_us][0] + 128
                yield self._bandwidth(site, then_us, step_us, {"down_bps": value})
                return

    def _bandwidth(self, site: Site, time_us: int, step_us: int, values: dict[str, float]) -> Said:
        return self._pack(site, DeviceKind.GATEWAY, "bandwidth", time_us, step_us, values)

    def _attendance(self, site: Site, time_us: int, step_us: int, values: dict[str, float]) -> Iterator[Said]:
        yield self._pack(site, DeviceKind.ATTENDANCE, "attendance", time_us, step_us, values)

    def _pack(
        self, site: Site, kind: DeviceKind, stream: str, time_us: int, step_us: int, values: dict[str, float]
    ) -> Said:
        for metric, value in values.items():
            if value < 0 or step_us - time_us > OLDEST_US:
                self.truth.counts["refused"] += 1
            else:
                self.truth.hear(site.key(kind, metric), time_us, value, step_us)
        records = [{"n": metric, "t": time_us / 1e6, "v": value} for metric, value in values.items()]
        return Said(site.topic(kind, stream), json.dumps(records).encode())
