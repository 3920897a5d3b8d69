"""Which days are proposed for the calendar: planted days are, faults are not."""

from datetime import timedelta

import numpy as np

from anomaly.special_days import TOLD, propose_days
from contract.special_days.special_day import DayKind, DayPlace, PlaceKind
from tests.special_day_city import (
    DAYS,
    FLEET,
    cells,
    decided,
    empty,
    looked_back,
    special_day,
    usual_measures,
)

CITY = DayPlace(PlaceKind.CITY)
EVERYBODY = range(len(FLEET.schools))
TUESDAY, WEDNESDAY, FRIDAY, NEXT_MONDAY = DAYS[15], DAYS[16], DAYS[18], DAYS[21]


def columns_of(place: DayPlace) -> list[int]:
    found: list[int] = looked_back(usual_measures()).groups[place].tolist()
    return found


def of_kind(kind: PlaceKind, least: int) -> DayPlace:
    """Return a place of a kind with so many schools or more."""
    groups = looked_back(usual_measures()).groups
    return next(p for p in sorted(groups) if p.kind is kind and len(groups[p]) >= least)


def test_a_closed_cluster_is_one_proposal_with_what_was_seen() -> None:
    place, measures = of_kind(PlaceKind.CLUSTER, 5), usual_measures()
    members = columns_of(place)
    for day in (FRIDAY, NEXT_MONDAY):  # upper levels have school on the Saturday between
        empty(measures, day, members)
    (one, *rest) = propose_days(looked_back(measures))
    assert (one.kind, one.place, one.first) == (DayKind.CLOSURE, place, FRIDAY)
    assert (one.evidence.schools, one.evidence.of) == (len(members), len(members))
    assert one.evidence.traffic is not None
    assert one.evidence.traffic < 0.1
    assert one.evidence.register is None
    assert {p.place for p in rest} == {place}


def test_days_that_follow_one_another_in_the_calendar_are_one() -> None:
    measures = usual_measures()
    for day in (FRIDAY, FRIDAY + timedelta(1), NEXT_MONDAY):
        empty(measures, day, EVERYBODY)
    (one,) = propose_days(looked_back(measures))
    assert (one.place, one.first, one.last, one.days) == (CITY, FRIDAY, NEXT_MONDAY, 3)


def test_an_afternoon_without_anybody_is_a_half_day() -> None:
    measures = usual_measures()
    empty(measures, TUESDAY, EVERYBODY, slice(1, 2))
    (one,) = propose_days(looked_back(measures))
    assert (one.kind, one.place, one.first, one.last) == (DayKind.HALF_DAY, CITY, TUESDAY, TUESDAY)


def test_a_day_on_which_fewer_come_everywhere_is_one_event() -> None:
    measures = usual_measures()
    measures["register"][DAYS.index(TUESDAY)] *= 0.8
    (one,) = propose_days(looked_back(measures))
    assert (one.kind, one.place) == (DayKind.EVENT, CITY)
    assert len(EVERYBODY) >= TOLD
    assert one.evidence.register is not None
    assert abs(one.evidence.register - 0.744) < 0.01
    assert one.evidence.register_usual is not None
    assert abs(one.evidence.register_usual - 0.93) < 0.01


def test_of_few_schools_no_register_is_told() -> None:
    place, measures = of_kind(PlaceKind.CLUSTER, 5), usual_measures()
    measures["register"][cells(TUESDAY, columns_of(place))] *= 0.6
    (one,) = propose_days(looked_back(measures))
    assert (one.kind, one.place) == (DayKind.EVENT, place)
    assert (one.evidence.register, one.evidence.register_usual) == (None, None)


def test_an_outage_is_no_closure() -> None:
    """A provider's lines are dead: its schools' registers came by another way, or are not known."""
    isp = FLEET.schools[0].isp
    members = [i for i, school in enumerate(FLEET.schools) if school.isp == isp]
    for registers_come in (True, False):
        measures = usual_measures()
        at = cells(TUESDAY, members)
        measures["traffic"][at] = 0.0
        measures["learners"][at] = np.nan
        if not registers_come:
            measures["register"][at] = np.nan
        assert propose_days(looked_back(measures)) == []


def test_registers_that_do_not_come_from_full_schools_are_no_closure() -> None:
    measures = usual_measures()
    measures["register"][DAYS.index(TUESDAY)] = np.nan
    assert propose_days(looked_back(measures)) == []


def test_what_one_school_does_by_itself_is_proposed_if_it_was_empty_all_day_or_somebody_said_so() -> None:
    measures = usual_measures()
    measures["register"][DAYS.index(TUESDAY), :, 7] = 0.5
    empty(measures, WEDNESDAY, [8], slice(1, 2))
    assert propose_days(looked_back(measures)) == []
    empty(measures, WEDNESDAY, [8])
    (closed,) = propose_days(looked_back(measures))
    assert (closed.kind, closed.place.code) == (DayKind.CLOSURE, FLEET.schools[8].code)
    said = [(FLEET.schools[7].code, TUESDAY)]
    event, _ = propose_days(looked_back(measures, (), said))
    assert (event.kind, event.place.code, event.first) == (DayKind.EVENT, FLEET.schools[7].code, TUESDAY)
    assert event.evidence.dismissed == 1


def test_dismissals_are_told_with_what_is_proposed_of_more_schools() -> None:
    measures = usual_measures()
    empty(measures, TUESDAY, EVERYBODY)
    said = [(FLEET.schools[i].code, TUESDAY) for i in (3, 5)]
    (one,) = propose_days(looked_back(measures, (), said))
    assert (one.place, one.evidence.dismissed) == (CITY, 2)


def test_a_known_day_is_not_proposed_and_the_rest_of_it_is() -> None:
    measures = usual_measures()
    for day in (TUESDAY, WEDNESDAY):
        empty(measures, day, EVERYBODY)
    (one,) = propose_days(looked_back(measures))
    assert (one.first, one.last) == (TUESDAY, WEDNESDAY)
    known = [special_day(DayKind.CLOSURE, CITY, TUESDAY)]
    (rest,) = propose_days(looked_back(measures, known))
    assert (rest.first, rest.last) == (WEDNESDAY, WEDNESDAY)
    assert propose_days(looked_back(measures, [decided(one)])) == []


def test_its_name_stays_while_days_are_added_at_its_end() -> None:
    measures = usual_measures()
    empty(measures, TUESDAY, EVERYBODY)
    (short,) = propose_days(looked_back(measures))
    empty(measures, WEDNESDAY, EVERYBODY)
    (longer,) = propose_days(looked_back(measures))
    assert (short.proposal_id, short.last) == (longer.proposal_id, longer.last - timedelta(1))


def test_an_event_that_the_file_has_is_not_proposed() -> None:
    measures = usual_measures()
    measures["register"][cells(TUESDAY, EVERYBODY)] -= 0.2
    (one,) = propose_days(looked_back(measures))
    assert (one.kind, one.place, one.first) == (DayKind.EVENT, CITY, TUESDAY)
    written = f'\n[[event]]\nfirst = {TUESDAY}\nlast = {TUESDAY}\nname = "x"\n'
    assert not propose_days(looked_back(measures, written=written))
