"""Key figures with their coverage, and one state a school."""

import numpy as np

from contract.calendar import parse_calendar
from contract.commit import Counts
from contract.entry import Entry, ReadingsEntry, TickEntry
from contract.live import Hidden, Kpi
from contract.rule import parse_rules
from stream_processor.fold.constants import build_fold
from tests.fold_world import (
    CATALOGUE,
    MONDAY_9H_US,
    RULES,
    SECOND_US,
    Folded,
    columns,
    fold_log,
    packaged,
    series_named,
    small_fleet,
    small_fold,
)

HOUR_US = 3600 * SECOND_US


def heard(now_us: int, *rows: tuple[int, str, float]) -> list[Entry]:
    """Return an entry of readings and a tick."""
    readings = columns([(now_us, series_named(school, metric), value) for school, metric, value in rows])
    return [ReadingsEntry(now_us, readings), TickEntry(now_us)]


def kpis(folded: Folded) -> dict[str, Kpi]:
    """Return the figures of the last tick."""
    assert folded.summary is not None
    return folded.summary.kpis


def test_a_figure_says_how_many_report_of_how_many_expected() -> None:
    log = heard(MONDAY_9H_US, (1, "down_bps", 5e7), (2, "down_bps", 3e7))
    assert kpis(fold_log(small_fold(), [log]))["down_bps"] == Kpi(4, 2, 8e7)


def test_what_is_stale_no_longer_reports() -> None:
    log = [*heard(MONDAY_9H_US, (1, "down_bps", 5e7)), TickEntry(MONDAY_9H_US + 60 * SECOND_US)]
    assert kpis(fold_log(small_fold(), [log]))["down_bps"] == Kpi(4, 0, 0.0)


def test_attendance_counts_from_the_first_session_to_midnight_and_only_of_today() -> None:
    fold = small_fold()
    morning = fold_log(fold, [heard(MONDAY_9H_US, (1, "present", 90.0))])
    assert kpis(morning)["present"] == Kpi(4, 1, 90.0)
    evening = fold_log(fold, [[TickEntry(MONDAY_9H_US + 12 * HOUR_US)]], morning.state)
    assert kpis(evening)["present"] == Kpi(4, 1, 90.0)
    night = fold_log(fold, [[TickEntry(MONDAY_9H_US + 18 * HOUR_US)]], morning.state)
    assert kpis(night)["present"] == Kpi(0, 0, 0.0)
    # Tuesday, 24 November, is the Day of Vietnamese Culture.
    wednesday = fold_log(fold, [[TickEntry(MONDAY_9H_US + 48 * HOUR_US)]], morning.state)
    assert kpis(wednesday)["present"] == Kpi(4, 0, 0.0)


def test_a_closed_school_is_not_expected() -> None:
    fleet = small_fleet()
    code = fleet.school_by_id[2].code
    closure = f'\n[[closure.{code}]]\nfirst = 2026-11-23\nlast = 2026-11-23\nname = "flood"\n'
    calendar = parse_calendar(packaged("calendar.toml") + closure)
    fold = build_fold(fleet, CATALOGUE, calendar, parse_rules(RULES, CATALOGUE), 0, 1)
    log = heard(MONDAY_9H_US, (1, "down_bps", 5e7), (2, "down_bps", 3e7))
    assert kpis(fold_log(fold, [log]))["down_bps"] == Kpi(3, 1, 5e7)


def test_a_minute_is_written_once_when_the_next_begins() -> None:
    ticks: list[Entry] = [TickEntry(MONDAY_9H_US + i * SECOND_US) for i in range(0, 181)]
    folded = fold_log(small_fold(), [[*heard(MONDAY_9H_US, (1, "down_bps", 5e7)), *ticks]])
    down = [k for k in folded.kpis if k.metric_id == CATALOGUE.named("down_bps").id]
    assert [(k.minute_us - MONDAY_9H_US) // (60 * SECOND_US) for k in down] == [0, 1, 2]
    assert [k.reporting for k in down] == [0, 0, 0]
    assert len({(k.minute_us, k.metric_id) for k in folded.kpis}) == len(folded.kpis)


def test_a_sum_over_pupils_says_what_of_it_single_schools_do_not_tell() -> None:
    # Of 100 to 400 pupils: 9 at each end are not told, from 180 pupils on 5 %.
    rows = [(1, "present", 95.0), (2, "present", 150.0), (4, "present", 5.0), (3, "active_users", 4.0)]
    found = kpis(fold_log(small_fold(), [heard(MONDAY_9H_US, *rows)]))
    assert found["present"] == Kpi(4, 3, 250.0, Hidden(100, 91, 120, 20))
    assert found["active_users"] == Kpi(4, 1, 4.0, Hidden(4, 0, 9, 9))


def test_states_show_the_worst_alert_and_never_call_the_unheard_well() -> None:
    log = heard(
        MONDAY_9H_US, (1, "down_bps", 5e7), (2, "down_bps", 5e7), (2, "online", 0.0), (4, "present", 3.0)
    )
    summary = fold_log(small_fold(), [log]).summary
    assert summary is not None
    assert summary.states == "n1uu"


def test_offline_holds_until_something_is_heard_and_online_only_while_it_is() -> None:
    rules = parse_rules(packaged("rules.toml"), CATALOGUE)
    fold = build_fold(small_fleet(), CATALOGUE, parse_calendar(packaged("calendar.toml")), rules, 0, 1)
    lines = [(school, "down_bps", 5e7) for school in (1, 2)]
    log = heard(MONDAY_9H_US, *lines, (1, "online", 1.0), (2, "online", 0.0))
    ticks = [TickEntry(MONDAY_9H_US + i * SECOND_US) for i in range(1, 601)]
    assert kpis(fold_log(fold, [log]))["online"] == Kpi(4, 2, 1.0)
    assert kpis(fold_log(fold, [[*log, *ticks]]))["online"] == Kpi(4, 1, 0.0)


def test_series_of_no_school_are_kept_but_not_counted() -> None:
    stray = columns([(MONDAY_9H_US, 999 << 8 | 1, 7.0)])
    folded = fold_log(small_fold(), [[ReadingsEntry(MONDAY_9H_US, stray), TickEntry(MONDAY_9H_US)]])
    assert folded.counts == Counts(1, 1)
    assert np.isnan(folded.rows.score).all()
