"""A city of made-up schools whose past days are drawn, for tests of what is proposed for its calendar."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from config.files import read_config
from contract.calendar import SchoolCalendar, parse_calendar
from contract.fleet import Fleet
from contract.special_days.history import DayHistory, Measure, history_of
from contract.special_days.special_day import (
    DayEvidence,
    DayKind,
    DayPlace,
    DayProposal,
    DayVerdict,
    SpecialDay,
)
from device_simulator.world.fleet import generate_fleet

MONDAY: Final = date(2026, 10, 5)
FLEET: Final = generate_fleet(60, seed=79)
DAYS: Final = [MONDAY + timedelta(n) for n in range(26)]


def packaged_calendar(written: str = "") -> SchoolCalendar:
    """Return the calendar of the packaged file and what is written below it."""
    return parse_calendar(read_config(None, "calendar.toml") + written)


def usual_measures(seed: int = 1, schools: int = len(FLEET.schools)) -> dict[str, Measure]:
    """Return what schools measure on days on which nothing happens."""
    rng = np.random.default_rng(seed)
    shape = (len(DAYS), 2, schools)
    return {
        "register": np.clip(rng.normal(0.93, 0.01, shape), 0.5, 1.0),
        "traffic": rng.lognormal(17.0, 0.15, shape),
        "learners": rng.lognormal(3.0, 0.3, shape),
    }


def cells(day: date, columns: Iterable[int], part: slice = slice(2)) -> tuple[NDArray[np.intp], ...]:
    """Return where some schools' day, or a part of it, stands in a measure."""
    return np.ix_(np.array([DAYS.index(day)]), np.arange(2)[part], np.array(list(columns), np.intp))


def empty(measures: Mapping[str, Measure], day: date, columns: Iterable[int], part: slice = slice(2)) -> None:
    """Leave no pupil at some schools on a day, or in a part of it; their lines live."""
    at = cells(day, columns, part)
    measures["register"][at] = np.nan
    measures["traffic"][at] *= 0.05
    measures["learners"][at] = 0.0


def looked_back(
    measures: Mapping[str, Measure],
    decided: Iterable[SpecialDay] = (),
    dismissals: Iterable[tuple[str, date]] = (),
    fleet: Fleet = FLEET,
    written: str = "",
) -> DayHistory:
    """Return the history of the city, as its calendar and what was decided tell it."""
    known = tuple(decided)
    calendar = packaged_calendar(written).with_days(known, fleet)
    return history_of(fleet, calendar, DAYS, measures, known, dismissals)


def decided(proposal: DayProposal, verdict: DayVerdict = DayVerdict.ACCEPTED) -> SpecialDay:
    """Return what becomes of a proposal that somebody decides as it is."""
    return SpecialDay(
        proposal.proposal_id, proposal.kind, proposal.place, proposal.first, proposal.last, "ngập",
        verdict, 1, "An", proposal.evidence,
    )  # fmt: skip


def special_day(
    kind: DayKind,
    place: DayPlace,
    first: date,
    last: date | None = None,
    verdict: DayVerdict = DayVerdict.ACCEPTED,
) -> SpecialDay:
    """Return a decided day of a kind and place."""
    seen = DayEvidence(1, 1, None, None, None, 0)
    return SpecialDay("0" * 12, kind, place, first, last or first, "", verdict, 1, "An", seen)
