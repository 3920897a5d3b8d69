"""What a provider's lines share is taken out before one is judged, and what they never shared is news."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

import numpy as np

from contract.alert import TransitionKind
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.fleet import Fleet
from contract.reading import Readings
from contract.rule import parse_rules
from stream_processor.fold.constants import Fold, build_fold
from stream_processor.fold.providers import LEAST_LINES, NEWS_DAYS
from stream_processor.fold.state import State
from tests.fold_world import (
    CALENDAR,
    CATALOGUE,
    SECOND_US,
    assert_same,
    columns,
    fold_log,
    packaged,
    series_named,
    small_fleet,
    split_entries,
)

EACH = 6
"""Lines of each of the two providers: the first schools are Alpha's, the last Beta's."""
ALPHA, BETA = range(1, EACH + 1), range(EACH + 1, 2 * EACH + 1)
USUAL_MS = 20.0
MONDAY = 12


@lru_cache
def evening_fold(each: int = EACH, *, shared: bool = True) -> Fold:
    """Return a fold of the packaged rules over the lines of two providers."""
    rules = packaged("rules.toml") if shared else packaged("rules.toml").replace("less_shared = true", "")
    plain = small_fleet(2 * each)
    schools = tuple(replace(s, isp="Alpha" if s.id <= each else "Beta") for s in plain.schools)
    fleet = Fleet(plain.province, plain.clusters, plain.wards, schools, plain.devices)
    return build_fold(fleet, CATALOGUE, CALENDAR, parse_rules(rules, CATALOGUE), 0, 1)


def settled(fold: Fold) -> State:
    """Return a state in which every line expects the usual, give or take a millisecond, for a week."""
    state = fold.initial_state()
    cell = np.flatnonzero(fold.layout.metric_id == CATALOGUE.named("latency_ms").id)
    memory = state.detector
    memory["mean"][cell], memory["spread"][cell] = USUAL_MS, 0.8
    memory["readings"][cell], memory["observed_s"][cell], memory["weight_s"][cell] = 100, 1e6, 1e6
    memory["learnt_us"][cell] = round(datetime(2026, 10, MONDAY, 19).timestamp()) * SECOND_US
    state.days[cell] = NEWS_DAYS
    return state


def evening(*rise_ms: Mapping[int, float]) -> list[Entry]:
    """Return what lines are slower by, minute by minute from 20:00 on, each followed by a tick."""
    log: list[Entry] = []
    first_us = round(datetime(2026, 10, MONDAY, 20, tzinfo=CALENDAR.timezone).timestamp()) * SECOND_US
    for minute, rises in enumerate(rise_ms):
        at_us = first_us + minute * 60 * SECOND_US
        rows = [(at_us, series_named(s, "latency_ms"), USUAL_MS + rise) for s, rise in rises.items()]
        log += [ReadingsEntry(at_us, columns(rows)), TickEntry(at_us + 59 * SECOND_US)]
    return log


def filled(fold: Fold, log: list[Entry], shares: Sequence[float]) -> list[Entry]:
    """Return a log of minutes with how full the third school's line is, 1 from where it counts as full on."""
    slot = int(fold.layout.slots_of(np.array([series_named(3, "down_bps")], np.int32))[0])
    found = list(log)
    for minute, share in enumerate(shares):
        entry = log[2 * minute]
        assert isinstance(entry, ReadingsEntry)
        value = share * float(fold.full_bps[slot]) + minute
        rate = columns([(entry.at_us, series_named(3, "down_bps"), value)])
        found[2 * minute] = ReadingsEntry(entry.at_us, Readings.concat([entry.readings, rate]))
    return found


def slow(rise_ms: float, **others: float) -> dict[int, float]:
    """Return a rise of Alpha's lines and none of Beta's, and another of some, as `s3=40`."""
    whole = dict.fromkeys(ALPHA, rise_ms) | dict.fromkeys(BETA, 0.0)
    return {s: others.get(f"s{s}", rise) for s, rise in whole.items()}


def opened(fold: Fold, log: list[Entry], state: State | None = None) -> list[int]:
    """Return the schools whose latency is told as unusual, in order."""
    told = fold_log(fold, [log], state or settled(fold)).transitions
    return sorted(
        {t.school_id for t in told if t.rule == "latency_unusual" and t.kind is TransitionKind.OPENED}
    )


def test_what_all_lines_of_a_provider_share_is_nobodys_alarm_and_one_line_still_stands_out() -> None:
    fold = evening_fold()
    begins = [slow(7.0), slow(13.0)]
    assert opened(fold, evening(*begins, *[slow(14.0, s3=19.0)] * 6)) == []
    assert opened(evening_fold(shared=False), evening(*begins, *[slow(14.0, s3=19.0)] * 6)) == [3]
    assert opened(fold, evening(*begins, *[slow(14.0, s3=40.0)] * 6)) == [3]
    # Another provider's evening excuses nobody.
    assert opened(fold, evening(*begins, *[slow(14.0, s9=19.0)] * 6)) == [9]


def test_a_rise_that_a_provider_has_not_had_is_told_of_each_of_its_lines() -> None:
    fold = evening_fold()
    log = evening(slow(7.0), *[slow(30.0, s4=2.0)] * 6)
    assert opened(fold, log) == [1, 2, 3, 5, 6]
    # One line has wild bursts of its own: alone it would not be told.
    state = settled(fold)
    slots = np.flatnonzero(fold.layout.metric_id == CATALOGUE.named("latency_ms").id)
    state.detector["tail"][0, slots[1]], state.detector["tail"][2, slots[1]] = 0.05, 1.0
    assert opened(fold, log, state) == [1, 2, 3, 5, 6]
    alone = evening(*[slow(0.0, s2=30.0)] * 6)
    assert (opened(fold, alone), opened(fold, alone, state)) == ([2], [])


def test_a_providers_rise_is_no_news_within_its_first_week_and_one_lines_is() -> None:
    fold, young = evening_fold(), settled(evening_fold())
    young.days[young.days > 0] = NEWS_DAYS - 1
    log = evening(slow(7.0), *[slow(30.0)] * 6)
    assert (opened(fold, log), opened(fold, log, young)) == ([*ALPHA], [])
    assert opened(fold, evening(slow(7.0), *[slow(30.0, s4=60.0)] * 6), young) == [4]


def test_a_day_of_a_line_counts_when_it_is_over_and_something_came_on_it() -> None:
    fold, day_us = evening_fold(), 24 * 3600 * SECOND_US
    first = evening(slow(0.0))
    night = [TickEntry(entry.at_us + day_us) for entry in first]
    days = fold_log(fold, [[*first, *night, *(TickEntry(t.at_us + day_us) for t in night)]]).state.days
    slots = np.flatnonzero(fold.layout.metric_id == CATALOGUE.named("latency_ms").id)
    np.testing.assert_array_equal(days[slots], np.ones(2 * EACH))


def test_the_round_trip_of_a_full_line_is_neither_judged_nor_learnt() -> None:
    """The line is full from the second minute to the fourth; the first is heard before that is known."""
    fold = evening_fold()
    rises = [slow(0.0, s3=60.0 if 1 <= minute <= 4 else 0.0) for minute in range(8)]
    half_full, full = (filled(fold, evening(*rises), [share] * 4 + [0.5] * 4) for share in (0.9, 1.0))
    assert (opened(fold, half_full), opened(fold, full)) == ([3], [])
    known, free = (fold_log(fold, [log], settled(fold)).state.detector for log in (full, half_full))
    latency = int(fold.layout.slots_of(np.array([series_named(3, "latency_ms")], np.int32))[0])
    assert known["readings"][latency] == free["readings"][latency] - 4


def test_an_evening_that_a_providers_lines_know_is_not_told_and_anothers_is() -> None:
    fold = evening_fold()
    slots = np.flatnonzero(fold.layout.metric_id == CATALOGUE.named("latency_ms").id)
    for known, told in ((ALPHA, []), (BETA, [*ALPHA])):
        state = settled(fold)
        # Beyond two deviations for a twentieth of their readings, by twenty deviations in the mean.
        state.detector["tail"][0, slots[np.array(known) - 1]] = 0.05
        state.detector["tail"][2, slots[np.array(known) - 1]] = 1.0
        assert opened(fold, evening(slow(7.0), slow(14.0), *[slow(22.0)] * 6), state) == told


def test_only_what_the_rule_looks_for_is_taken_out() -> None:
    # Faster than usual together makes no line slow that is as ever, or a little slower.
    assert opened(evening_fold(), evening(*[slow(-12.0, s3=10.0)] * 8)) == []


def test_few_lines_share_nothing_and_one_that_is_silent_is_none_of_them() -> None:
    rises = {s: 20.0 if s < LEAST_LINES else 0.0 for s in range(1, 2 * LEAST_LINES - 1)}
    few = evening_fold(LEAST_LINES - 1)
    assert opened(few, evening(*[rises] * 6)) == [*range(1, LEAST_LINES)]
    just = evening_fold(LEAST_LINES)
    for heard_last, told in ((14, []), (16, [1, 2, 3, 4])):
        shared = {s: 14.0 if s <= LEAST_LINES else 0.0 for s in range(1, 2 * LEAST_LINES + 1)}
        without = {s: rise for s, rise in shared.items() if s != LEAST_LINES}
        more = {s: 18.0 if s < LEAST_LINES else 0.0 for s in without}
        log = evening(shared, *[without] * (heard_last - 1), *[more] * 3)
        assert opened(just, log) == told


def test_a_line_learns_its_readings_as_they_are() -> None:
    log = evening(slow(5.0), *[slow(14.0)] * 6)
    log.insert(0, TickEntry(log[0].at_us - SECOND_US))
    taken, plain = (
        fold_log(fold, [log], settled(fold)).state.detector
        for fold in (evening_fold(), evening_fold(shared=False))
    )
    for name, column in taken.items():
        if not name.startswith("lately"):  # which is not learnt of readings that may belong to a fault
            np.testing.assert_allclose(column, plain[name], rtol=1e-5, err_msg=name)


def test_any_cutting_and_redelivery_give_the_same() -> None:
    fold, rng = evening_fold(), np.random.default_rng(3)
    drawn = [slow(rise) | {3: 3 * rise} for rise in rng.uniform(0, 25, 20)]
    log = evening(*[{s: v + rng.uniform(0, 6) for s, v in rises.items()} for rises in drawn])
    log = filled(fold, log, rng.uniform(0.8, 1.1, len(drawn)).tolist())
    whole = fold_log(fold, [log], settled(fold))
    assert_same(whole, fold_log(fold, [[entry] for entry in split_entries(log)], settled(fold)))
    again = [e for entry in log for e in ([entry] * 2 if isinstance(entry, ReadingsEntry) else [entry])]
    more = fold_log(fold, [[e] for e in again], settled(fold))
    assert_same(whole._replace(counts=more.counts), more)
