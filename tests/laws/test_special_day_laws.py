"""What is proposed for the calendar, whatever history holds."""

from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anomaly.special_days import propose_days
from contract.special_days.history import DayHistory, Measure
from contract.special_days.special_day import DayKind, DayVerdict, PlaceKind
from tests.examples import examples
from tests.special_day_city import DAYS, FLEET, decided, empty, looked_back, usual_measures

SCHOOLS = len(FLEET.schools)
Absences = list[tuple[date, set[int], slice]]
Falls = list[tuple[date, set[int], float]]
Said = list[tuple[str, date]]
school_days = st.sampled_from([day for day in DAYS if day.weekday() < 5])
columns = st.sets(st.integers(0, SCHOOLS - 1), max_size=SCHOOLS)
absences = st.lists(st.tuples(school_days, columns, st.sampled_from([slice(2), slice(1, 2)])), max_size=4)
falls = st.lists(st.tuples(school_days, columns, st.floats(0.02, 0.6)), max_size=4)
dismissals = st.lists(st.tuples(st.sampled_from([s.code for s in FLEET.schools]), school_days), max_size=4)


BY_SCHOOL = set(DayHistory._fields) - {"day", "groups"}


def drawn(absent: Absences, fallen: Falls) -> dict[str, Measure]:
    """Return usual days on which some schools are empty and at others fewer pupils come."""
    measures = usual_measures()
    for day, who, part in absent:
        empty(measures, day, sorted(who), part)
    for day, who, share in fallen:
        measures["register"][DAYS.index(day)][:, sorted(who)] *= 1.0 - share
    return measures


@examples(20)
@given(absent=absences, fallen=falls, said=dismissals, seed=st.integers(0, 99))
def test_no_order_of_schools_matters(absent: Absences, fallen: Falls, said: Said, seed: int) -> None:
    measures = drawn(absent, fallen)
    history = looked_back(measures, (), said)
    order = np.random.default_rng(seed).permutation(SCHOOLS)
    place = np.argsort(order)
    shuffled = history._replace(
        groups={one: place[columns] for one, columns in reversed(list(history.groups.items()))},
        **{name: getattr(history, name)[..., order] for name in BY_SCHOOL},
    )
    assert propose_days(history) == propose_days(shuffled)


@examples(20)
@given(
    absent=absences,
    fallen=falls,
    said=dismissals,
    verdict=st.sampled_from([DayVerdict.ACCEPTED, DayVerdict.REJECTED]),
)
def test_what_was_decided_is_not_proposed_again(
    absent: Absences, fallen: Falls, said: Said, verdict: DayVerdict
) -> None:
    measures = drawn(absent, fallen)
    first = propose_days(looked_back(measures, (), said))
    known = [decided(one, verdict) for one in first]
    again = propose_days(looked_back(measures, known, said))
    before = {(one.kind, one.place, day) for one in known for day in one.days}
    assert not any((one.kind, one.place, one.first) in before for one in again)
    wide = {day for one in known if one.place.kind is PlaceKind.CITY for day in one.days}
    assert not any(one.first in wide and one.kind is not DayKind.EVENT for one in again)


@examples(20)
@given(absent=absences, fallen=falls)
def test_a_proposal_says_what_was_seen(absent: Absences, fallen: Falls) -> None:
    history = looked_back(drawn(absent, fallen))
    for one in propose_days(history):
        seen = one.evidence
        assert 1 <= seen.schools <= seen.of <= len(history.groups[one.place])
        assert one.first <= one.last
        assert 1 <= one.days <= (one.last - one.first).days + 1
        assert seen.register is None or seen.schools >= 1


def test_an_empty_history_proposes_nothing() -> None:
    history = looked_back(usual_measures())
    none = history._replace(
        **{name: getattr(history, name)[:0] for name in DayHistory._fields if name != "groups"}
    )
    assert propose_days(none) == []
    nothing = {name: np.full_like(values, np.nan) for name, values in usual_measures().items()}
    assert propose_days(looked_back(nothing)) == []
    assert propose_days(history) == []
