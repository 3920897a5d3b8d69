"""One day of all schools: from rollups by quarter hour to a number a school, and to rows of groups."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Catalogue
from contract.figures.lines import (
    QUARTER_MIN,
    Column,
    QuarterGrid,
    Table,
    bands,
    impaired_quarters,
    online_quarters,
)
from contract.figures.school_day import SESSION_PARTS, SchoolDay
from contract.figures.sums import COLUMNS, DayPart, FigureRow, FigureSums, GroupKind
from contract.figures.told import left_out
from contract.fleet import LEVELS, School
from contract.privacy import K

SYNC_WINDOW_S: Final = 86_400.0
"""A platform synchronises with its school's management system once a day. Source: OneRoster 1.2, bulk
exchange once a night."""
KNOWN_SHARE: Final = 0.5
"""Of a school less of whose minutes are known nobody says that it was online: chosen."""
_ATTENDANCE: Final = ("told_schools", "enrolled", "present")
_LEARNING: Final = ("learning_pupils", "active_min", "day_users", "week_users", "month_users")
USER_METRICS: Final = ("active_day", "active_week", "active_month")
"""What platforms count as day, week and month users; see `config/metrics.toml`."""


class DayFigures:
    """Takes a day's rollups metric by metric, so that few are in memory at once, and makes its rows."""

    def __init__(
        self,
        day: SchoolDay,
        schools: Sequence[School],
        cluster_of_ward: Mapping[str, str],
        maintenance: NDArray[np.bool_] | None = None,
    ) -> None:
        """Begin with nothing measured.

        Args:
            day: the timetable of the same schools.
            schools: as they were on that day.
            cluster_of_ward: code of the cluster by code of the ward.
            maintenance: quarter hours of each school under approved maintenance, shape (schools, 96).
        """
        self._day = day
        self._schools = schools
        self._cluster = [cluster_of_ward.get(s.ward_code, "") for s in schools]
        self._pupils = np.array([s.pupils for s in schools], np.int64)
        self._level = np.array([LEVELS.index(s.level) for s in schools], np.int8)
        self._idle = np.zeros((len(schools), 1), bool) if maintenance is None else maintenance
        self._columns = {part: dict[str, Column]() for part in DayPart}
        self._people: dict[DayPart, dict[str, NDArray[np.int64]]] = {part: {} for part in DayPart}
        """By name of the metric that counts them: whose sums over a group might tell of one school."""
        self._profile: tuple[float, ...] = ()
        self._schedule()

    def take_online(self, online: QuarterGrid, was_down: NDArray[np.bool_]) -> None:
        """Count minutes online and lost; see `online_quarters`."""
        up, down = online_quarters(online, was_down)
        pupils, lost_by_quarter = self._pupils, np.zeros(down.shape[1])
        for part in SESSION_PARTS:
            share = self._due(part) / QUARTER_MIN
            own = self._columns[part]
            own["up_min"], own["lost_min"] = (up * share).sum(axis=1), (down * share).sum(axis=1)
            own["lost_pupil_min"] = own["lost_min"] * pupils
            lost_by_quarter += pupils @ (down * share)
        scheduled, seen, lost = (self._of_sessions(n) for n in ("scheduled_min", "up_min", "lost_min"))
        day, is_hit = self._columns[DayPart.DAY], lost >= 1.0
        day["down_schools"], day["down_pupils"] = _count(is_hit), _count(is_hit) * pupils
        day["unknown_schools"] = _count(~is_hit & (seen + lost < KNOWN_SHARE * scheduled))
        self._profile = tuple(lost_by_quarter.tolist())

    def take_line(self, down: QuarterGrid, up: QuarterGrid, loss: QuarterGrid) -> None:
        """Count impaired minutes and find each line's band."""
        contracted = (
            np.array([s.contracted_down_bps for s in self._schools]),
            np.array([s.contracted_up_bps for s in self._schools]),
        )
        seen, bad = impaired_quarters(down, loss, contracted[0])
        in_session = self._in_session()
        for part in SESSION_PARTS:
            share = self._due(part) / QUARTER_MIN
            self._columns[part]["observed_min"] = (seen * share).sum(axis=1)
            self._columns[part]["impaired_min"] = (bad * share).sum(axis=1)
        peak = _greatest(down, in_session), _greatest(up, in_session)
        measured = _some(in_session & (down.n > 0))
        observed, impaired = self._of_sessions("observed_min"), self._of_sessions("impaired_min")
        found = bands(self._pupils, self._level, contracted, peak, impaired / np.maximum(observed, 1.0))
        own = self._columns[DayPart.DAY]
        own |= {name: _count(measured & band) for name, band in found._asdict().items()}
        own["measured"] = _count(measured)
        own["contracted_bps"], own["peak_bps"] = measured * contracted[0], measured * peak[0]

    def take_registers(self, enrolled: QuarterGrid, present: QuarterGrid) -> None:
        """Take each session's last register: pupils who could attend, and who did."""
        for part in SESSION_PARTS:
            heard = self._day.of_part[part] & (enrolled.n > 0) & (present.n > 0)
            own = self._columns[part]
            own["submitted"] = own["told_schools"] = _count(_some(heard))
            own["enrolled"], own["present"] = _last(enrolled, heard), _last(present, heard)
            self._people[part]["present"] = np.rint(own["present"]).astype(np.int64)

    def take_learning(self, active: QuarterGrid, users: Mapping[str, QuarterGrid]) -> None:
        """Count minutes of active learners, and who was active in a day, a week and a month.

        Learning goes on in the evening: a day that is not over counts nothing, and expects nothing.

        Args:
            active: learners active at a moment.
            users: rollups of `active_day`, `active_week` and `active_month`, the last value of each counts.
        """
        if not self._day.known.all():
            return
        own, heard = self._columns[DayPart.DAY], active.n > 0
        learning = _some(heard)
        own["learning"] = _count(learning)
        own["learning_pupils"] = _count(learning) * self._pupils
        own["active_min"] = QUARTER_MIN * np.nansum(active.mean, axis=1)
        for column, name in zip(_LEARNING[2:], USER_METRICS, strict=True):
            own[column] = _last(users[name], users[name].n > 0)
            self._people[DayPart.DAY][name] = np.rint(own[column]).astype(np.int64)
        most = active.max.max(axis=1)
        self._people[DayPart.DAY]["active_users"] = np.rint(most).astype(np.int64)

    def take_platform(self, success: QuarterGrid, response: QuarterGrid, sync_age: QuarterGrid) -> None:
        """Take how requests went in session, and whether the platform was in step with the school."""
        in_session, own = self._in_session(), self._columns[DayPart.DAY]
        answering = _some(in_session & (success.n > 0))
        own["answering"] = _count(answering)
        own["success"], own["response_ms"] = _mean(success, in_session), _mean(response, in_session)
        behind = _some(in_session & (sync_age.n > 0) & (sync_age.max > SYNC_WINDOW_S))
        own["synced"] = _count(answering & ~behind)

    def extend(self, other: "DayFigures") -> None:
        """Take over the schools of another part of the fleet, once both have taken the same metrics."""
        sizes = len(self._schools), len(other._schools)
        for part in DayPart:
            own, more = self._columns[part], other._columns[part]
            for name in own.keys() | more.keys():
                halves = [of.get(name, np.zeros(n)) for of, n in zip((own, more), sizes, strict=True)]
                own[name] = np.concatenate(halves)
            for name, people in other._people[part].items():
                self._people[part][name] = np.concatenate([self._people[part][name], people])
        self._schools = [*self._schools, *other._schools]
        self._cluster += other._cluster
        self._pupils = np.concatenate([self._pupils, other._pupils])
        self._profile = tuple(a + b for a, b in zip(self._profile, other._profile, strict=True))

    def rows(self, catalogue: Catalogue) -> list[FigureRow]:
        """Return the rows of every group that has `K` pupils or more."""
        return [row for part in DayPart for row in self._rows_of(part, catalogue)]

    def _schedule(self) -> None:
        for part in SESSION_PARTS:
            own, due = self._columns[part], self._due(part)
            whole = self._day.in_session[part].sum(axis=1)
            own["scheduled_min"] = due.sum(axis=1)
            own["maintenance_min"] = whole - own["scheduled_min"]
            own["pupil_min"] = own["scheduled_min"] * self._pupils
            own["schools"] = own["session_schools"] = _count(whole > 0)
            own["pupils"] = own["schools"] * self._pupils
        day = self._columns[DayPart.DAY]
        day["schools"] = np.ones(len(self._schools))
        day["all_schools"] = day["schools"] * float(self._day.known.all())
        day["pupils"] = self._pupils.astype(np.float64)
        day["open_schools"] = _count(self._of_sessions("schools") > 0)

    def _due(self, part: DayPart) -> Table:
        """Return the minutes of each quarter hour in which a school shall be online."""
        due: Table = np.where(self._idle, 0.0, self._day.in_session[part])
        return due

    def _in_session(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.sum([self._due(part) for part in SESSION_PARTS], axis=0) > 0
        return found

    def _of_sessions(self, name: str) -> Column:
        """Return a number of the sessions as one of the day."""
        whole: Column = np.sum([self._columns[part][name] for part in SESSION_PARTS], axis=0)
        return whole

    def _groupings(self) -> Iterator[tuple[GroupKind, str, list[str | None]]]:
        """Yield (kind, scope, member of each school; None where it is in no group of the scope)."""
        wards, isps = [s.ward_code for s in self._schools], [s.isp for s in self._schools]
        levels = [s.level.value for s in self._schools]
        inner = ((GroupKind.WARD, wards), (GroupKind.LEVEL, levels), (GroupKind.ISP, isps))
        yield GroupKind.CITY, "", [""] * len(self._schools)
        yield GroupKind.CLUSTER, "", [code or None for code in self._cluster]
        yield GroupKind.LEVEL, "", [*levels]
        yield GroupKind.ISP, "", [*isps]
        for scope in sorted(set(self._cluster) - {""}):
            for kind, members in inner:
                yield (
                    kind,
                    scope,
                    [m if c == scope else None for m, c in zip(members, self._cluster, strict=True)],
                )

    def _rows_of(self, part: DayPart, catalogue: Catalogue) -> Iterator[FigureRow]:
        own = self._columns[part]
        if part is not DayPart.DAY and not own["schools"].any():
            return
        n = len(self._schools)
        matrix = np.stack([own.get(name, np.zeros(n)) for name in COLUMNS], axis=1)
        for kind, scope, members in self._groupings():
            names = sorted({m for m in members if m is not None})
            place = {name: i for i, name in enumerate(names)}
            inside = np.array([m is not None for m in members], bool)
            group = np.array([place[m] for m in members if m is not None], np.intp)
            sums = np.zeros((len(names), len(COLUMNS)))
            np.add.at(sums, group, matrix[inside])
            self._hide(part, sums, inside, group, catalogue)
            for i, name in enumerate(names):
                found = FigureSums(*sums[i].tolist())
                if found.pupils < K or not found.schools:
                    continue
                profile = self._profile if kind is GroupKind.CITY and part is DayPart.DAY else ()
                yield FigureRow(self._day.day, part, kind, scope, name, self._day.through_us, found, profile)

    def _hide(
        self,
        part: DayPart,
        sums: Table,
        inside: NDArray[np.bool_],
        group: NDArray[np.intp],
        catalogue: Catalogue,
    ) -> None:
        """Take out of the sums of people the schools of which they would tell."""
        is_day = part is DayPart.DAY
        heard = self._columns[part].get("learning" if is_day else "submitted", np.zeros(len(inside))) > 0
        who, of_group = inside & heard, group[heard[inside]]
        people = {name: (catalogue.named(name), counts[who]) for name, counts in self._people[part].items()}
        out = left_out(people, self._pupils[who], of_group, len(sums))
        for name in _LEARNING if is_day else _ATTENDANCE:
            own = self._columns[part].get(name)
            if own is not None:
                np.subtract.at(sums[:, COLUMNS.index(name)], of_group[out], own[who][out])


def _count(schools: NDArray[np.bool_]) -> Column:
    """Return 1 for each school that counts, else 0."""
    return schools.astype(np.float64)


def _some(quarters: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which schools have some quarter hour that counts."""
    found: NDArray[np.bool_] = np.any(quarters, axis=1)
    return found


def _greatest(grid: QuarterGrid, when: NDArray[np.bool_]) -> Column:
    greatest: Column = np.where(when, grid.max, 0.0).max(axis=1)
    return greatest


def _last(grid: QuarterGrid, when: NDArray[np.bool_]) -> Column:
    """Return the greatest value of each school's last quarter hour of some; 0 without any."""
    last = when.shape[1] - 1 - np.argmax(when[:, ::-1], axis=1)
    found: Column = np.where(_some(when), grid.max[np.arange(len(last)), last], 0.0)
    return found


def _mean(grid: QuarterGrid, when: NDArray[np.bool_]) -> Column:
    """Return the mean over each school's quarter hours of some that have a value; 0 without any."""
    heard = when & (grid.n > 0)
    total = np.where(heard, np.nan_to_num(grid.mean), 0.0).sum(axis=1)
    found: Column = total / np.maximum(heard.sum(axis=1), 1)
    return found
