"""The board: what the wall shows, folded from summaries and alerts."""

import msgspec
import numpy as np
import pytest

from contract.alert import Alert, AlertEvent
from contract.clock import LogClock
from contract.fleet import Fleet
from contract.live import AlertChanged, Kpi, Summary
from ops_dashboard.board import TOP_LINES, Board

SECOND_US = 1_000_000
NOW_US = 1_795_400_000 * SECOND_US
PARTITIONS = 2


@pytest.fixture
def board(city: Fleet) -> Board:
    return Board(city, PARTITIONS, LogClock(), build_id="b", stale_s=15.0)


def summary(
    fleet: Fleet, partition: int, at_us: int = NOW_US, state: str = "n", online: Kpi | None = None
) -> Summary:
    members = int(np.count_nonzero(fleet.partition_of_schools(PARTITIONS) == partition))
    return Summary(partition, at_us, 1, state * members, {} if online is None else {"online": online})


def alert(
    fleet: Fleet, position: int, priority: int = 1, rule: str = "wan_down", opened_us: int = NOW_US
) -> Alert:
    school = fleet.schools[position]
    identity = f"{position:08x}{priority:08x}"
    return Alert(
        identity, rule, position << 8 | 10, school.id, priority, NOW_US, NOW_US,
        0.0, 0.5, None, None, school.pupils,
    )  # fmt: skip


def change(changed: Alert, kind: str = "opened") -> AlertChanged:
    return AlertChanged(changed, AlertEvent(changed.alert_id, kind, NOW_US, "eduops", ""))


def everybody_well(board: Board, fleet: Fleet, at_us: int = NOW_US) -> None:
    for partition in range(PARTITIONS):
        assert board.accept_summary(summary(fleet, partition, at_us))


def test_before_the_first_summary_nothing_is_well(board: Board, city: Fleet) -> None:
    snapshot = board.snapshot(NOW_US, 1)
    assert snapshot.states == "u" * len(city.schools)
    assert snapshot.age_s is None
    assert snapshot.connected.value is None
    assert snapshot.open.live_partitions == 0


def test_each_partition_fills_its_own_schools(board: Board, city: Fleet) -> None:
    board.accept_summary(summary(city, 1))
    expected = ["n" if p == 1 else "u" for p in city.partition_of_schools(PARTITIONS)]
    assert list(board.states(NOW_US)) == expected


@pytest.mark.parametrize(("partition", "states"), [(2, "n"), (-1, "n"), (0, "n"), (0, "n" * 100)])
def test_a_summary_of_another_fleet_is_refused(board: Board, partition: int, states: str) -> None:
    assert not board.accept_summary(Summary(partition, NOW_US, 1, states, {}))


def test_an_old_summary_is_unknown_and_its_figures_with_it(board: Board, city: Fleet) -> None:
    full = Kpi(20, 20, 20.0)
    board.accept_summary(summary(city, 0, NOW_US - 16 * SECOND_US, online=full))
    board.accept_summary(summary(city, 1, NOW_US, online=full))
    snapshot = board.snapshot(NOW_US, 1)
    assert (snapshot.connected.reporting, snapshot.connected.expected) == (20, 40)
    assert snapshot.connected.value is None
    assert snapshot.partition_age_s == [16.0, 0.0]
    assert snapshot.age_s == 0.0


def test_ages_are_real_seconds_on_a_stretched_clock(city: Fleet) -> None:
    board = Board(city, PARTITIONS, LogClock(NOW_US, NOW_US, 60.0))
    board.accept_summary(summary(city, 0, NOW_US))
    assert board.snapshot(NOW_US + 2 * SECOND_US, 1).age_s == 2.0


def test_a_school_that_says_nothing_is_not_online(board: Board, city: Fleet) -> None:
    board.accept_summary(summary(city, 0, online=Kpi(20, 18, 17.0)))
    assert board.snapshot(NOW_US, 1).connected.value == pytest.approx(17 / 20)


def test_an_open_alert_colours_its_school(board: Board, city: Fleet) -> None:
    everybody_well(board, city)
    board.apply(change(alert(city, 3, 2)), NOW_US)
    board.apply(change(alert(city, 3, 3)), NOW_US)
    assert board.states(NOW_US)[3] == "2"
    assert board.snapshot(NOW_US, 1).open.by_priority == [0, 1, 1]


def test_an_alert_stands_even_where_the_summary_is_old(board: Board, city: Fleet) -> None:
    board.apply(change(alert(city, 0)), NOW_US)
    assert board.states(NOW_US)[0] == "1"


def test_the_worse_of_summary_and_alert_is_shown(board: Board, city: Fleet) -> None:
    for partition in range(PARTITIONS):
        board.accept_summary(summary(city, partition, state="1"))
    board.apply(change(alert(city, 0, 3)), NOW_US)
    assert board.states(NOW_US)[0] == "1"


def test_a_resolve_calms_at_once_and_an_older_summary_does_not_undo_it(board: Board, city: Fleet) -> None:
    for partition in range(PARTITIONS):
        board.accept_summary(summary(city, partition, state="1"))
    ended = msgspec.structs.replace(alert(city, 0), resolved_at_us=NOW_US)
    board.apply(change(ended, "resolved"), NOW_US + 1)
    assert board.states(NOW_US + 2)[0] == "n"
    for partition in range(PARTITIONS):
        board.accept_summary(summary(city, partition, NOW_US + SECOND_US, state="1"))
    assert board.states(NOW_US + SECOND_US)[0] == "1"


def test_maintenance_hides_its_alerts(board: Board, city: Fleet) -> None:
    for partition in range(PARTITIONS):
        board.accept_summary(summary(city, partition, state="m"))
    board.apply(change(alert(city, 0)), NOW_US)
    assert board.states(NOW_US)[0] == "m"


def test_an_alert_of_a_school_that_left_does_no_harm(board: Board, city: Fleet) -> None:
    gone = msgspec.structs.replace(alert(city, 0), school_id=999_999)
    board.apply(change(gone), NOW_US)
    assert board.snapshot(NOW_US, 1).open.line_count == 0


def test_a_change_told_twice_changes_nothing(board: Board, city: Fleet) -> None:
    everybody_well(board, city)
    board.apply(change(alert(city, 0)), NOW_US)
    once = board.snapshot(NOW_US, 1)
    board.apply(change(alert(city, 0)), NOW_US)
    assert board.snapshot(NOW_US, 1) == once


def test_reading_alerts_anew_is_told_only_if_something_differs(board: Board, city: Fleet) -> None:
    assert board.replace_alerts([alert(city, 0)])
    version = board.alerts_version
    assert not board.replace_alerts([alert(city, 0)])
    assert board.alerts_version == version
    assert board.replace_alerts([])
    assert board.alerts_version == version + 1


def test_a_common_fate_is_one_line(board: Board, city: Fleet) -> None:
    isp = city.schools[0].isp
    same = [i for i, s in enumerate(city.schools) if s.isp == isp][:8]
    board.replace_alerts([alert(city, i) for i in same])
    lines = board.snapshot(NOW_US, 1).open.lines
    assert len(lines) == 1
    assert (lines[0].isp, lines[0].schools, lines[0].school) == (isp, 8, None)


def test_the_wall_gets_the_first_lines_only(board: Board, city: Fleet) -> None:
    board.replace_alerts([alert(city, i, 3, f"rule-{i}") for i in range(9)])
    found = board.snapshot(NOW_US, 1).open
    assert (len(found.lines), found.line_count) == (TOP_LINES, 9)
    assert found.lines[0].school is not None


def test_a_snapshot_of_the_city_is_small(city: Fleet, board: Board) -> None:
    everybody_well(board, city)
    board.replace_alerts([alert(city, i, 3, f"rule-{i}") for i in range(9)])
    encoded = msgspec.json.encode(board.snapshot(NOW_US, 1))
    assert len(encoded) - len(city.schools) < 2_500  # 5 kB with the states of the city
