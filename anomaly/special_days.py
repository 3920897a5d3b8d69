"""Which past days were no usual school days, though the calendar says so: proposed, never decided here.

*Closures and half days.* A school was **away** in a part of a day in which it had a session when no register
came, though it usually sends one, and whatever else is known of it was at most `QUIET` of what it usually is
in that part: its traffic and its e-learning. A line that is dead says nothing, so a provider's outage is no
closure: the schools are unknown, or their registers came. Where neither was ever measured the registers
speak alone. A place was away when at least `AWAY` of its schools of which anything is known were, and they
are at least `LEAST` of them. A single school must have been **empty**, at most `EMPTY` of what is usual, all
day: registers that are late on an afternoon with little traffic are not rare.

*Events.* A school's register of a day is compared with its own median. The median of these differences over
a place's schools is what they share; it is an event where they fell by at least `FALL`, and by `TIMES` as
much as this place's medians usually differ. Of places within the city what the level, of wards what the
cluster shares, is taken out before, so that a city's day is one proposal. What a single school does by itself
is news and never proposed, unless an alert of that day was dismissed as an event of the school.

*The broadest place wins*: city, level, cluster, ward, school; what was proposed of a broader one, or decided
by somebody, is not looked at again. Days that follow one another in the school's calendar are one proposal.

Deterministic, and no order of schools matters.

Source:
    Robust scale: P. J. Rousseeuw, C. Croux, "Alternatives to the median absolute deviation", JASA 88, 1993.
    Shares and sizes: New York's registers before July 2014; docs/detection.md.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.score import MAD_TO_DEVIATION
from contract.special_days.history import DayHistory
from contract.special_days.special_day import DayEvidence, DayKind, DayPlace, DayProposal, PlaceKind

LEAST_DAYS: Final = 5
"""Days of a school with a figure before anything is usual of it; chosen, a week."""
SENDS: Final = 0.5
"""Share of its sessions with a register from which on a school usually sends one; chosen."""
QUIET: Final = 0.5
"""Share of the usual traffic, or learners, up to which a school is quiet: chosen between what an empty
school of the simulated city has and what a full one has on its quietest days."""
EMPTY: Final = 0.15
"""The same for a single school; of 99 in 100 empty schools of the simulated city the traffic is below it."""
ALIVE: Final = 0.005
"""Share of the usual traffic below which a line is dead; chosen."""
AWAY: Final = 0.7
"""Share of a place's schools."""
LEAST: Final[Mapping[PlaceKind, int]] = {
    PlaceKind.CITY: 10, PlaceKind.LEVEL: 10, PlaceKind.CLUSTER: 5, PlaceKind.WARD: 5, PlaceKind.SCHOOL: 1,
}  # fmt: skip
"""Schools of a place that must be known; chosen."""
FALL: Final[Mapping[PlaceKind, float]] = {
    PlaceKind.CITY: 0.05, PlaceKind.LEVEL: 0.05, PlaceKind.CLUSTER: 0.1, PlaceKind.WARD: 0.15,
}  # fmt: skip
"""Share of the pupils enrolled by which a place's median must fall."""
TIMES: Final = 4.0
"""… in robust standard deviations of its own medians."""
_WIDER: Final = {PlaceKind.CITY: None, PlaceKind.LEVEL: PlaceKind.CITY, PlaceKind.CLUSTER: PlaceKind.LEVEL,
                 PlaceKind.WARD: PlaceKind.CLUSTER}  # fmt: skip
"""Whose median is taken out before."""
TOLD: Final = 50
"""Schools from which on their registers' mean is told. Source: docs/decisions/0027, as of stored minutes."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class _Seen(NamedTuple):
    """What every school did, beside what is usual."""

    away: Flags
    """Shape (d, 2, n)."""
    empty: Flags
    """… and as a single school must be, shape (d, 2, n)."""
    known: Flags
    """Where anything is known of a school that had a session, shape (d, 2, n)."""
    fall: Floats
    """Register less what is usual, NaN where there is none, shape (d, n)."""
    register: Floats
    """Mean of the day, shape (d, n)."""
    usual: Floats
    """The same on usual days, of the parts with a register, of all where there is none, shape (d, n)."""
    traffic: Floats
    """Traffic over what is usual, mean of the day, shape (d, n)."""


class _Found(NamedTuple):
    """What a place did on a day."""

    row: int
    kind: DayKind
    columns: NDArray[np.intp]
    """Schools at which it was seen."""
    of: int


def propose_days(history: DayHistory) -> list[DayProposal]:
    """Return the days that history speaks of and nobody has decided, by day and breadth of the place."""
    if not len(history.day):
        return []
    seen, taken = _look(history), history.settled.copy()
    proposals: list[DayProposal] = []
    for look in (_absences, _events):
        for kind in PlaceKind:
            news = taken.copy()
            for place, columns in history.groups.items():
                if place.kind is not kind or len(columns) < LEAST[kind]:
                    continue
                found = look(history, seen, place, columns, taken)
                for one in found:
                    news[one.row, columns] = True
                proposals += _merged(history, seen, place, columns, found)
            taken = news
    order = {kind: i for i, kind in enumerate(PlaceKind)}
    return sorted(proposals, key=lambda p: (p.first, order[p.place.kind], p.place.code, p.kind))


def _look(history: DayHistory) -> _Seen:
    expected = history.expected
    register = np.where(expected, history.register, np.nan)
    known = np.isfinite(register)
    begun = np.maximum.accumulate(known.any(axis=1), axis=0)
    expected = expected & begun[:, None]  # before its first register nobody knows what a school sends
    sends = known.sum(axis=0) >= np.maximum(LEAST_DAYS, SENDS * expected.sum(axis=0))
    shares = [_over_usual(expected, one) for one in (history.traffic, history.learners)]
    shares[0] = np.where(shares[0] < ALIVE, np.nan, shares[0])
    is_told = np.stack([np.isfinite(share) for share in shares]).any(axis=0)
    most = np.stack([np.where(np.isfinite(share), share, 0.0) for share in shares]).max(axis=0)
    away = expected & sends & ~known & (most <= QUIET) & (is_told | ~is_told.any(axis=0))
    usual = known_median(register, axis=0)
    usual = np.where(known.sum(axis=0) >= LEAST_DAYS, usual, np.nan)
    of_day = np.where(known | ~known.any(axis=1, keepdims=True), usual, np.nan)
    return _Seen(
        away,
        away & is_told & (most <= EMPTY),
        expected & sends & (away | known | (most > QUIET)),
        known_mean(register - usual, axis=1),
        known_mean(register, axis=1),
        known_mean(of_day, axis=1),
        known_mean(np.where(expected, shares[0], np.nan), axis=1),
    )


def _over_usual(expected: Flags, value: Floats) -> Floats:
    """Return values over their school's median in that part of the day, NaN where nothing is usual."""
    value = np.where(expected, value, np.nan)
    usual = known_median(value, axis=0)
    usual[(np.isfinite(value).sum(axis=0) < LEAST_DAYS) | ~(usual > 0)] = np.nan
    found: Floats = value / usual
    return found


def _absences(
    history: DayHistory, seen: _Seen, place: DayPlace, columns: NDArray[np.intp], taken: Flags
) -> list[_Found]:
    """Return the days on which a place was away all day, or in the afternoon alone."""
    found = []
    free, is_alone = ~taken[:, columns], place.kind is PlaceKind.SCHOOL
    due: Flags = np.any(history.expected[:, :, columns], axis=2)
    known: Flags = seen.known[:, :, columns] & free[:, None]
    away: Flags = (seen.empty if is_alone else seen.away)[:, :, columns] & known
    if not away.any():
        return []
    of, many = known.sum(axis=2), away.sum(axis=2)
    is_away: Flags = np.logical_and((of >= LEAST[place.kind]) & (many >= AWAY * of), due)
    for row in np.flatnonzero(is_away.any(axis=1)).tolist():
        if (is_away[row] | ~due[row]).all():
            at: Flags = away[row].any(axis=0) & (away[row] | ~known[row]).all(axis=0)
            found.append(_Found(row, DayKind.CLOSURE, columns[at], int(known[row].any(axis=0).sum())))
        elif not is_alone and is_away[row, 1] and due[row, 0] and many[row, 0] <= (1.0 - AWAY) * of[row, 0]:
            at = away[row, 1] & ~away[row, 0]
            found.append(_Found(row, DayKind.HALF_DAY, columns[at], int(of[row, 1])))
    return found


def _events(
    history: DayHistory, seen: _Seen, place: DayPlace, columns: NDArray[np.intp], taken: Flags
) -> list[_Found]:
    """Return the days on which fewer came to a place than usual, or on which somebody said why."""
    free = ~taken[:, columns]
    if place.kind is PlaceKind.SCHOOL:
        rows = np.flatnonzero((history.dismissed[:, columns] & free).any(axis=1)).tolist()
        return [_Found(row, DayKind.EVENT, columns, 1) for row in rows]
    left = np.where(free, seen.fall[:, columns], np.nan)
    known = np.isfinite(left)
    wider = _wider_part(history, seen, place)
    shared = known_median(left, axis=1) - wider
    own = MAD_TO_DEVIATION * float(known_median(np.abs(shared - known_median(shared, 0)), 0))
    limit = max(FALL[place.kind], TIMES * (own if np.isfinite(own) else 0.0))
    fell = (shared <= -limit) & (known.sum(axis=1) >= LEAST[place.kind])
    return [
        _Found(row, DayKind.EVENT, columns[left[row] - wider[row] <= -limit / 2], int(known[row].sum()))
        for row in np.flatnonzero(fell).tolist()
    ]


def _wider_part(history: DayHistory, seen: _Seen, place: DayPlace) -> Floats:
    """Return what the schools around a place share, the place's own among them, shape (d,)."""
    wider = _WIDER[place.kind]
    if wider is None:
        return np.zeros(len(history.day))
    inside = history.groups[place]
    around = [at for other, at in history.groups.items() if other.kind is wider and np.isin(inside, at).any()]
    columns = np.unique(np.concatenate(around)) if around else np.empty(0, np.intp)
    found = np.minimum(known_median(seen.fall[:, columns], axis=1), 0.0)
    return np.where(np.isfinite(found), found, 0.0)


def _merged(
    history: DayHistory, seen: _Seen, place: DayPlace, columns: NDArray[np.intp], found: list[_Found]
) -> Iterator[DayProposal]:
    """Yield what a place did, days of a kind that follow one another in its calendar as one."""
    due = np.cumsum(history.expected[:, :, columns].any(axis=(1, 2)))
    run: list[_Found] = []
    for one in found:
        if run and (one.kind is not run[-1].kind or due[one.row] - due[run[-1].row] > 1):
            yield _proposal(history, seen, place, columns, run)
            run = []
        run.append(one)
    if run:
        yield _proposal(history, seen, place, columns, run)


def _proposal(
    history: DayHistory, seen: _Seen, place: DayPlace, columns: NDArray[np.intp], run: list[_Found]
) -> DayProposal:
    rows = np.array([one.row for one in run], np.intp)
    least = min(run, key=lambda one: (len(one.columns) / max(1, one.of), one.row))
    at = np.unique(np.concatenate([one.columns for one in run]))
    within = np.ix_(rows, at)
    days: list[date] = history.day[rows].astype(date).tolist()
    tells = run[0].kind is DayKind.EVENT and len(at) >= TOLD
    register = seen.register[within] if tells else np.full((1, 1), np.nan)
    usual = seen.usual[within] if len(at) >= TOLD else np.full((1, 1), np.nan)
    return DayProposal(
        run[0].kind,
        place,
        days[0],
        days[-1],
        len(days),
        DayEvidence(
            len(least.columns),
            least.of,
            _mean_of(register),
            _mean_of(usual),
            _median_of(seen.traffic[within]),
            int(history.dismissed[np.ix_(rows, columns)].any(axis=0).sum()),
        ),
    )


def _mean_of(values: Floats) -> float | None:
    """Return the mean of what is known, the same in any order."""
    known = values[np.isfinite(values)]
    return round(math.fsum(known.tolist()) / len(known), 3) if len(known) else None


def _median_of(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 3) if len(known) else None


def known_median(values: Floats, axis: int) -> Floats:
    """Return medians of what is known along an axis, NaN where nothing is."""
    ordered = np.sort(values, axis=axis)
    known = np.isfinite(values).sum(axis=axis, keepdims=True)
    if not ordered.shape[axis]:
        return np.full(known.squeeze(axis).shape, np.nan)
    middle = (np.maximum(known - 1, 0) // 2, known // 2)
    low, high = (np.take_along_axis(ordered, at, axis) for at in middle)
    found: Floats = np.where(known > 0, (low + high) / 2, np.nan).squeeze(axis)
    return found


def known_mean(values: Floats, axis: int) -> Floats:
    """Return means of what is known along an axis, NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    found: Floats = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return found
