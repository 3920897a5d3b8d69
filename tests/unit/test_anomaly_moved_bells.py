"""Bells that have moved, proposed from when registers, traffic and e-learning began."""

from collections.abc import Collection
from typing import Final

import numpy as np
import pytest

from anomaly.moved_bells import propose_bells
from config.files import read_config
from contract.calendar import parse_calendar
from contract.fleet import LEVELS
from contract.special_days.begins import DayBegins, begins_of
from contract.special_days.history import Measure
from contract.special_days.special_day import (
    DayKind,
    DayPlace,
    DayProposal,
    DayVerdict,
    PlaceKind,
    SpecialDay,
)
from tests.special_day_city import DAYS, FLEET, decided, packaged_calendar

CITY: Final = DayPlace(PlaceKind.CITY)
OLD_BELL: Final = np.array([[[420.0], [780.0]]])
"""Minutes of the local day near the bells of the packaged calendar, of morning and afternoon."""
SCHOOL_DAYS: Final = [n for n, day in enumerate(DAYS) if day.weekday() < 5]
MOVED: Final = SCHOOL_DAYS[-3:]


def usual_minutes(seed: int = 1) -> dict[str, Measure]:
    """Return when things begin on usual days: registers within the hour after the bell, traffic before it."""
    rng = np.random.default_rng(seed)
    shape = (len(DAYS), 2, len(FLEET.schools))
    register = OLD_BELL + rng.uniform(15.0, 45.0, shape)
    traffic = OLD_BELL + rng.normal(0.0, 10.0, shape)
    found = {"register": register, "traffic": traffic, "learners": traffic + 10.0}
    return {name: 15.0 * np.floor(minutes / 15.0) for name, minutes in found.items()}


def later(
    minutes: dict[str, Measure],
    by: float,
    names: Collection[str] = ("register", "traffic", "learners"),
    level: int | None = None,
    part: slice = slice(2),
    rows: list[int] = MOVED,
) -> dict[str, Measure]:
    """Return minutes of which some begin later on the last days."""
    columns = [i for i, k in enumerate(FLEET.level_index.tolist()) if level is None or k == level]
    at = np.ix_(np.array(rows), np.arange(2)[part], np.array(columns))
    found = {name: one.copy() for name, one in minutes.items()}
    for name in names:
        found[name][at] += by
    return found


def proposed(minutes: dict[str, Measure], *known: SpecialDay) -> list[DayProposal]:
    return propose_bells(begins_of(FLEET, packaged_calendar(), DAYS, minutes), known)


@pytest.mark.parametrize("by", [15.0, 30.0, -30.0, 60.0])
def test_bells_that_move_everywhere_are_the_citys(by: float) -> None:
    (one,) = proposed(later(usual_minutes(), by))
    assert (one.kind, one.place, one.days) == (DayKind.EVENT, CITY, 3)
    assert (one.first, one.last) == (DAYS[MOVED[0]], DAYS[MOVED[-1]])
    bells = one.evidence.bells
    assert bells is not None
    assert bells.later_min == (by, by)
    assert one.evidence.of >= 0.8 * len(FLEET.schools)
    assert one.evidence.schools >= 0.8 * one.evidence.of
    for shown in (*bells.register, bells.traffic, bells.learners):
        assert shown is not None
        assert abs(shown - by) <= 8.0


def test_a_level_whose_mornings_alone_move_is_told_by_itself() -> None:
    (one,) = proposed(later(usual_minutes(), 30.0, level=1, part=slice(1)))
    assert one.place == DayPlace(PlaceKind.LEVEL, LEVELS[1].value)
    assert one.evidence.bells is not None
    assert one.evidence.bells.later_min == (30, 0)
    assert one.evidence.bells.register[1] is None


def test_nothing_is_proposed_of_what_is_usual_or_of_one_day_or_of_five_minutes() -> None:
    minutes = usual_minutes()
    assert not proposed(minutes)
    assert not proposed(later(minutes, 30.0, rows=MOVED[-1:]))
    assert not proposed(later(minutes, 5.0))
    # Three days of the week before, and then as ever.
    assert not proposed(later(minutes, 30.0, rows=SCHOOL_DAYS[-6:-3]))


def test_registers_that_are_late_while_pupils_are_there_are_no_bells() -> None:
    assert not proposed(later(usual_minutes(), 30.0, names=("register",)))
    unseen = later(usual_minutes(), 30.0, names=("register",))
    unseen |= {name: np.full_like(unseen[name], np.nan) for name in ("traffic", "learners")}
    assert proposed(unseen)  # nothing is known that contradicts


def test_a_rejection_holds_until_another_shift_or_another_level_moves() -> None:
    minutes = later(usual_minutes(), 30.0)
    (one,) = proposed(minutes)
    no = decided(one, DayVerdict.REJECTED)
    assert not proposed(minutes, no)
    # A day on, or a day less: the same bells by another first day, and so by another id.
    (by_two,) = proposed(later(usual_minutes(), 30.0, rows=MOVED[1:]))
    assert by_two.proposal_id != one.proposal_id
    assert not proposed(later(usual_minutes(), 35.0, rows=MOVED[1:]), no)
    assert not proposed(later(usual_minutes(), 30.0, level=1), no)  # is of the city, too
    assert proposed(later(usual_minutes(), 60.0), no)
    assert proposed(later(usual_minutes(), -30.0), no)
    assert proposed(later(usual_minutes(), 30.0, part=slice(1)), no)
    assert proposed(minutes, decided(one, DayVerdict.WITHDRAWN)) == [one]


def test_a_level_that_was_rejected_does_not_come_back_with_the_city() -> None:
    (one,) = proposed(later(usual_minutes(), 30.0, level=1))
    no = decided(one, DayVerdict.REJECTED)
    others = proposed(later(usual_minutes(), 30.0), no)
    assert len(others) >= 2
    assert all(found.place.kind is PlaceKind.LEVEL for found in others)
    assert one.place not in {found.place for found in others}
    assert not proposed(later(usual_minutes(), 30.0), *(decided(o, DayVerdict.REJECTED) for o in others), no)


def test_once_accepted_they_are_known() -> None:
    minutes = later(usual_minutes(), 30.0)
    (one,) = proposed(minutes)
    before, known = (
        packaged_calendar(),
        packaged_calendar().with_days([decided(one)], FLEET),
    )
    for level in range(len(LEVELS)):
        on = DAYS[MOVED[1]]
        for old, new in zip(before.sessions(level, on), known.sessions(level, on), strict=True):
            assert (new.start_us - old.start_us, new.end_us - old.end_us) == (30 * 60_000_000,) * 2
        assert known.sessions(level, DAYS[MOVED[0] - 1]) == before.sessions(level, DAYS[MOVED[0] - 1])
        # All is as usual but the hour: it is judged.
        assert known.context_at(level, known.sessions(level, on)[0].start_us // 60_000_000 + 60) == 3
    assert not propose_bells(begins_of(FLEET, known, DAYS, minutes), ())
    assert known.decided_us(DAYS[MOVED[1]]) == 1
    # Once the file has them by itself, they do not count twice.
    text = read_config(None, "calendar.toml")
    dated = f", first = {one.first} }},"
    in_file = parse_calendar(text.replace(" },\n", dated + "\n")).with_days([decided(one)], FLEET)
    assert in_file.sessions(0, on)[0].start_us == before.sessions(0, on)[0].start_us
    rejected = before.with_days([decided(one, DayVerdict.REJECTED)], FLEET)
    assert rejected.sessions(0, DAYS[MOVED[1]]) == before.sessions(0, DAYS[MOVED[1]])


def test_the_order_of_schools_does_not_matter() -> None:
    begins = begins_of(FLEET, packaged_calendar(), DAYS, later(usual_minutes(), 30.0, level=1))
    turned = np.arange(len(FLEET.schools))[::-1]
    back = DayBegins(
        begins.day,
        {place: np.sort(turned[at]) for place, at in begins.groups.items()},
        *(one[..., turned] for one in (begins.register, begins.traffic, begins.learners)),
    )
    assert propose_bells(back, ()) == propose_bells(begins, ())
