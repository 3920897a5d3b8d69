"""How right the days are that history proposes for the calendar, on a real city's registers.

One register a day and school, no traffic: closures and events can be seen, half days cannot. Districts stand
for clusters. As in a running center what is usual is what `WINDOW` school days say, and somebody looks every
`STEP` of them. Beside what is known of the city, days are planted: a district that is closed, and one in
which a quarter to a half of the pupils stay away.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.special_days import propose_days
from contract.special_days.history import DayHistory
from contract.special_days.special_day import DayEvidence, DayKind, DayPlace, DayProposal, PlaceKind
from evaluation.attendance.known_days import CITY, KNOWN, KnownDay, recess_days
from evaluation.attendance.recorded import Registers

WINDOW: Final = 40
"""School days that are looked at: eight weeks, as in a running center."""
STEP: Final = 10
PLANTED: Final = 20
"""Days of each kind that are planted in a half."""
FALL: Final = (0.25, 0.5)


NOTHING_SEEN: Final = DayEvidence(0, 0, None, None, None, 0)
"""Evidence of a day that is found in several windows: each has its own."""


class ProposalFigures(NamedTuple):
    """What was proposed of one half of the days."""

    days: int
    known: tuple[int, int]
    """Known days that were proposed, and all of them."""
    closures: tuple[int, int]
    """The same of planted closures."""
    events: tuple[int, int]
    """… and of planted events."""
    explained: tuple[int, int]
    """Proposals that something known or planted, a recess or the end of the year explains, and all."""
    unexplained: tuple[DayProposal, ...]
    missed: tuple[KnownDay, ...]
    """Of what is known."""


def judge_proposals(
    registers: Registers, level: NDArray[np.str_], seed: int
) -> tuple[ProposalFigures, ProposalFigures]:
    """Return what is proposed of the days before `registers.half`, and of those after it.

    Args:
        registers: as recorded; nothing that was lowered for other purposes counts.
        level: of each school, empty where it is not known, shape (n,).
        seed: chooses where days are planted.
    """
    early, recesses = registers.day < registers.half, recess_days(registers.day)
    first, second = (
        _judge(registers, level, rows, recesses, np.random.default_rng([seed, number]))
        for number, rows in enumerate((np.flatnonzero(early), np.flatnonzero(~early)))
    )
    return first, second


def _judge(
    registers: Registers,
    level: NDArray[np.str_],
    rows: NDArray[np.intp],
    recesses: frozenset[date],
    rng: np.random.Generator,
) -> ProposalFigures:
    day, ratio = registers.day[rows], registers.ratio[rows].copy()
    known = [one for one in KNOWN if (day >= np.datetime64(one.first)).any() and _has(day, one)]
    planted = list(_plant(day, ratio, registers.district, rng))
    groups = _groups(registers, level)
    found = list(dict.fromkeys(one for part in _windows(len(day)) for one in _look(day, ratio, groups, part)))
    hits = [one for one in planted if any(one.is_told_by(p) for p in found)]
    unexplained = [
        p
        for p in found
        if not any(one.is_told_by(p) for one in (*known, *planted))
        and not any(p.first <= recess <= p.last for recess in recesses)
    ]
    missed = tuple(one for one in known if not any(one.is_told_by(p) for p in found))
    closures, events = (
        (sum(one.kind is kind for one in hits), sum(one.kind is kind for one in planted))
        for kind in (DayKind.CLOSURE, DayKind.EVENT)
    )
    return ProposalFigures(
        len(day),
        (len(known) - len(missed), len(known)),
        closures,
        events,
        (len(found) - len(unexplained), len(found)),
        tuple(unexplained),
        missed,
    )


def _has(day: NDArray[np.datetime64], one: KnownDay) -> bool:
    return bool(((day >= np.datetime64(one.first)) & (day <= np.datetime64(one.last))).any())


def _plant(
    day: NDArray[np.datetime64],
    ratio: NDArray[np.float64],
    district: NDArray[np.intp],
    rng: np.random.Generator,
) -> Iterator[KnownDay]:
    """Change registers on days of their own, and yield what was done."""
    rows = rng.choice(len(day), 2 * PLANTED, replace=False)
    for n, row in enumerate(rows.tolist()):
        number = int(rng.integers(district.max() + 1))
        on, place = day[row].astype(date), DayPlace(PlaceKind.CLUSTER, str(number))
        members = np.flatnonzero(district == number)
        if n < PLANTED:
            ratio[row, members] = np.nan
            yield KnownDay(DayKind.CLOSURE, place, on, on)
        else:
            ratio[row, members] *= 1.0 - rng.uniform(*FALL, len(members))
            yield KnownDay(DayKind.EVENT, place, on, on)


def _groups(registers: Registers, level: NDArray[np.str_]) -> dict[DayPlace, NDArray[np.intp]]:
    found = {CITY: np.arange(len(level))}
    for name in sorted(set(level.tolist()) - {""}):
        found[DayPlace(PlaceKind.LEVEL, name)] = np.flatnonzero(level == name)
    for number in range(int(registers.district.max()) + 1):
        place = DayPlace(PlaceKind.CLUSTER, str(number))
        found[place] = np.flatnonzero(registers.district == number)
    return found


def _windows(days: int) -> Iterator[slice]:
    for end in range(min(WINDOW, days), days + STEP, STEP):
        yield slice(max(0, min(end, days) - WINDOW), min(end, days))


def _look(
    day: NDArray[np.datetime64],
    ratio: NDArray[np.float64],
    groups: dict[DayPlace, NDArray[np.intp]],
    part: slice,
) -> list[DayProposal]:
    """Return what is proposed of a window, without what was seen: the same day is found in several."""
    known = ratio[part]
    shape = (len(known), 2, known.shape[1])
    register, unknown, expected = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.bool_)
    register[:, 0], expected[:, 0] = known, True
    nobody = np.zeros(known.shape, np.bool_)
    history = DayHistory(day[part], groups, expected, register, unknown, unknown, nobody, nobody)
    single = []
    for one in propose_days(history):
        inside = [on for on in day[part].tolist() if one.first <= on <= one.last]
        single += [one._replace(first=on, last=on, days=1, evidence=NOTHING_SEEN) for on in inside]
    return single
