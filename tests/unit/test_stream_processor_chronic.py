"""Chronic devices: told once, judged by what is usual for them, and well again after a calm week."""

from datetime import date

import pytest

from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.errors import ConfigurationError
from contract.rule import parse_rules
from stream_processor.fold.reconcile import close_untold, held_open
from stream_processor.fold.snapshot import decode, encode
from stream_processor.fold.unrest.spells import KEPT, LEAST_US, Spells
from tests.fold_world import (
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    Folded,
    assert_same,
    assert_same_state,
    columns,
    fold_log,
    series_named,
    small_fold,
    with_words,
)

RULES = with_words("""
[[rule]]
name = "wan_down"
metric = "online"
channel = "threshold"
below = 0.5
close_after = 1
steady_s = 0.0
priority = 2
priority_in_session = 1

[[rule]]
name = "traffic_high"
metric = "down_bps"
channel = "threshold"
above = 8e7
close_after = 1
steady_s = 0.0
suppressed_by = "wan_down"
priority = 3
priority_in_session = 2

[[rule]]
name = "chronic_line"
metric = "down_bps"
channel = "chronic"
of = ["wan_down", "traffic_high"]
priority = 3
priority_in_session = 3
""")
HOUR_US, DAY_US = 3600 * SECOND_US, 24 * 3600 * SECOND_US
FOLD = small_fold(rules=RULES, schools=1)


def spell(day: int, hour: float, minutes: float, metric: str, bad: float, well: float) -> list[Entry]:
    """Return what a metric says while it is bad for a while, and the ticks by which it is seen."""
    start_us = MONDAY_9H_US + day * DAY_US + round(hour * HOUR_US)
    end_us = start_us + round(minutes * 60 * SECOND_US)
    series = series_named(1, metric)
    log: list[Entry] = [TickEntry(us) for us in range(start_us, end_us + 120 * SECOND_US, 20 * SECOND_US)]
    log += [ReadingsEntry(start_us, columns([(start_us, series, bad)]))]
    log += [ReadingsEntry(end_us, columns([(end_us, series, well)]))]
    return sorted(log, key=lambda entry: entry.at_us)


def cut(day: int, hour: float, minutes: float) -> list[Entry]:
    """Return a cut of the line, and the ticks by which it is seen."""
    return spell(day, hour, minutes, "online", 0.0, 1.0)


def bad_days(days: int = 3, cuts: int = 2) -> list[Entry]:
    """Return short cuts on each of some days."""
    return [entry for day in range(days) for k in range(cuts) for entry in cut(day, float(k), 5)]


def told(folded: Folded) -> list[tuple[str, str, str]]:
    return [(t.rule, t.kind.value, t.reason) for t in folded.transitions]


def state_after(folded: Folded) -> str:
    assert folded.summary is not None
    return folded.summary.states


@pytest.mark.parametrize(("days", "cuts"), [(3, 1), (2, 3)])
def test_a_line_that_was_bad_too_seldom_or_on_too_few_days_is_not_chronic(days: int, cuts: int) -> None:
    folded = fold_log(FOLD, [bad_days(days, cuts)])
    assert {rule for rule, _, _ in told(folded)} == {"wan_down"}


def test_a_chronic_line_is_told_once_and_what_is_usual_for_it_is_not_told() -> None:
    folded = fold_log(FOLD, [[*bad_days(), *cut(3, 0.0, 5), *cut(3, 1.0, 9)]])
    said = told(folded)
    assert said[8:] == [
        ("wan_down", "opened", ""),
        ("chronic_line", "opened", ""),
        ("wan_down", "resolved", ""),
    ]
    assert state_after(folded) == "c"


def test_a_figure_counts_what_nobody_is_told_of_and_the_school_stays_chronic() -> None:
    folded = fold_log(FOLD, [[*bad_days(), *cut(3, 0.0, 9)[:20]]])
    assert folded.summary is not None
    assert folded.summary.kpis["online"].total == 0.0
    assert state_after(folded) == "c"


def test_what_is_worse_than_usual_is_told_when_it_has_become_that() -> None:
    start_us = MONDAY_9H_US + 3 * DAY_US
    folded = fold_log(FOLD, [[*bad_days(), *cut(3, 0.0, 40)]])
    worse, over = folded.transitions[-2:]
    assert (worse.rule, worse.kind.value, worse.reason) == ("wan_down", "opened", "worse")
    assert (worse.opened_at_us, worse.priority, worse.value) == (start_us, 1, 0.0)
    assert worse.detected_at_us - start_us == (3 * 5 * 60 + 20) * SECOND_US  # it was seen 20 s late
    assert (over.alert_id, over.kind.value) == (worse.alert_id, "resolved")


def test_a_spell_that_is_worse_is_told_by_all_its_rules() -> None:
    start_us = MONDAY_9H_US + 3 * DAY_US
    high = ReadingsEntry(start_us - 1, columns([(start_us - 1, series_named(1, "down_bps"), 9e7)]))
    folded = fold_log(FOLD, [[*bad_days(), TickEntry(start_us - 2), high, *cut(3, 0.0, 40)]])
    assert told(folded)[-3:-1] == [("traffic_high", "opened", "worse"), ("wan_down", "opened", "worse")]


def test_what_is_often_slow_is_told_at_once_when_it_is_cut() -> None:
    by_kind = RULES.replace('of = ["wan_down", "traffic_high"]', 'of = ["wan_down"]') + with_words("""
[[rule]]
name = "chronic_quality"
metric = "latency_ms"
channel = "chronic"
of = ["traffic_high"]
priority = 3
priority_in_session = 3
""")
    slow = [e for day in range(3) for k in (0, 3) for e in spell(day, k, 120, "down_bps", 9e7, 1e6)]
    still_slow = spell(3, 0.0, 60, "down_bps", 9e7, 1e6)
    folded = fold_log(small_fold(rules=by_kind, schools=1), [[*slow, *still_slow, *cut(3, 2.0, 30)]])
    assert ("chronic_quality", "opened", "") in told(folded)
    assert told(folded)[-2:] == [("wan_down", "opened", ""), ("wan_down", "resolved", "")]
    assert [t.rule for t in folded.transitions if t.at_us >= MONDAY_9H_US + 3 * DAY_US] == ["wan_down"] * 2


def test_a_week_with_one_cut_ends_it() -> None:
    calm: list[Entry] = [TickEntry(MONDAY_9H_US + day * DAY_US) for day in range(5, 10)]
    folded = fold_log(FOLD, [[*bad_days(), *cut(4, 0.0, 5), *calm]])
    assert told(folded)[-1] == ("chronic_line", "resolved", "steady")
    assert folded.transitions[-1].at_us == MONDAY_9H_US + 9 * DAY_US  # the last two are of day 2 and day 4
    assert state_after(folded) == "u"
    later = fold_log(FOLD, [[*cut(20, 0.0, 5)]], folded.state)
    assert told(later) == [("wan_down", "opened", ""), ("wan_down", "resolved", "")]


def test_a_calm_week_leaves_nothing_behind() -> None:
    calm: list[Entry] = [TickEntry(MONDAY_9H_US + day * DAY_US) for day in range(1, 12)]
    assert fold_log(FOLD, [[*cut(0, 0.0, 5), *calm]]).state.spells == {}


@pytest.mark.parametrize("at", [40, 100, 130, 135])
def test_a_restart_and_a_cut_of_the_log_change_nothing(at: int) -> None:
    log = [*bad_days(), *cut(3, 0.0, 40)]
    whole = fold_log(FOLD, [log])
    assert_same(whole, fold_log(FOLD, [log[:at], log[at:]]))
    first = fold_log(FOLD, [log[:at]])
    again = decode(FOLD, encode(FOLD, first.state))
    assert_same_state(first.state, again)
    after = fold_log(FOLD, [log[at:]], again, first.table)
    assert first.transitions + after.transitions == whole.transitions
    assert_same_state(after.state, whole.state)


def test_what_nobody_was_told_of_is_not_held_for_an_alert_of_the_tables() -> None:
    folded = fold_log(FOLD, [[*bad_days(), *cut(3, 0.0, 9)[:20]]])
    state = folded.state
    assert len(state.withheld) == 1
    close_untold(state, held_open(FOLD, state), {t.alert_id for t in folded.transitions})
    assert state.is_open.sum() == 2  # it goes on as it was


def test_without_its_rule_what_was_withheld_opens_by_the_next_evidence() -> None:
    state = fold_log(FOLD, [[*bad_days(), *cut(3, 0.0, 9)[:20]]]).state
    without = small_fold(rules=RULES.rpartition("[[rule]]")[0], schools=1)
    fitted = decode(without, encode(FOLD, state))
    assert not fitted.is_open.any()
    assert (fitted.withheld, fitted.spells) == (set(), {})


def test_lengths_are_few_and_one_outlier_widens_nothing() -> None:
    spells = Spells()
    today = date(2026, 11, 23)
    for k in range(20):
        length_us = (100 if k == 19 else 1) * LEAST_US
        spells = spells.begun(k * 1000 * LEAST_US + 1, today, is_told=False)
        spells = spells.ended(k * 1000 * LEAST_US + 1 + length_us)
    assert (len(spells.lasted_us), spells.times, spells.worse_us) == (KEPT, 20, 3 * LEAST_US)
    assert spells.on(date(2026, 11, 29)) == spells
    assert spells.on(date(2026, 11, 30)).times == 0


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"traffic_high"]', '"no_such"]', "`of` names no rule of a reading: 'no_such'"),
        ('"traffic_high"]', '"chronic_line"]', "`of` names no rule of a reading: 'chronic_line'"),
        ('name = "chronic_line"', 'name = "bad_line"', "`name` begins with 'chronic_'"),
        ('name = "wan_down"', 'name = "chronic_wan"', "`name` begins with 'chronic_'"),
        (
            'metric = "down_bps"\nchannel = "chronic"',
            'metric = "present"\nchannel = "chronic"',
            "from another device",
        ),
        ("\nof = ", "\nspells = 0\nof = ", "at `$.spells`, not 0"),
    ],
)
def test_rules_that_fit_nothing_are_refused(old: str, new: str, why: str) -> None:
    assert old in RULES
    with pytest.raises(ConfigurationError, match=r"rules\.toml, line") as refused:
        parse_rules(RULES.replace(old, new, 1), CATALOGUE)
    assert why in str(refused.value)
