"""The board: what the wall shows, folded from summaries and alerts."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from alerting.incidents.fold import Moment, advance
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents
from contract.alert import Alert, AlertEvent
from contract.calendar import SchoolCalendar
from contract.canary import SYSTEM_SCHOOL_ID
from contract.clock import LogClock
from contract.fleet import Fleet
from contract.incident import Incident
from contract.live import AlertChanged, Canary, Kpi, Summary
from contract.routing.silence import SilenceMatcher
from device_simulator.world.fleet import generate_fleet
from ops_dashboard.view.board import TOP_LINES, Board
from tests.silence_words import silence

SECOND_US = 1_000_000
NOW_US = 1_795_400_000 * SECOND_US
PARTITIONS = 2


@pytest.fixture
def board(city: Fleet, calendar: SchoolCalendar) -> Board:
    return Board(city, PARTITIONS, LogClock(), calendar, build_id="b", stale_s=15.0)


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


def incidents_of(fleet: Fleet, alerts: Sequence[Alert]) -> list[Incident]:
    """Return the open incidents that the fold makes of these alerts."""
    state = Incidents()
    advance(Groups(fleet), state, [Moment(NOW_US, tuple(alerts)), Moment(NOW_US + SECOND_US)])
    return [kept.incident for kept in state.kept.values()]


def show(board: Board, fleet: Fleet, alerts: Sequence[Alert]) -> bool:
    """Let the tables hold these alerts and their incidents; return whether the board says it is news."""
    return board.replace_open(alerts, incidents_of(fleet, alerts))


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


def test_ages_are_real_seconds_on_a_stretched_clock(city: Fleet, calendar: SchoolCalendar) -> None:
    board = Board(city, PARTITIONS, LogClock(NOW_US, NOW_US, 60.0), calendar)
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


def test_a_chronic_line_is_a_state_that_any_other_alert_covers_and_no_line(board: Board, city: Fleet) -> None:
    everybody_well(board, city)
    chronic = alert(city, 3, 3, "chronic_line")
    show(board, city, [chronic])
    seen = board.snapshot(NOW_US, 1)
    assert seen.states[3] == "c"
    assert (seen.open.chronic, seen.open.by_priority, seen.open.line_count) == (1, [0, 0, 0], 0)
    poor_too = alert(city, 3, 2, "chronic_quality")
    show(board, city, [chronic, poor_too])
    assert board.snapshot(NOW_US, 1).open.chronic == 1  # one device
    show(board, city, [chronic, alert(city, 3, 2)])
    seen = board.snapshot(NOW_US, 1)
    assert seen.states[3] == "2"
    assert (seen.open.chronic, seen.open.by_priority, seen.open.line_count) == (1, [0, 1, 0], 1)


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


def test_an_alert_of_a_school_that_left_does_no_harm(board: Board, city: Fleet) -> None:
    gone = msgspec.structs.replace(alert(city, 0), school_id=999_999)
    assert show(board, city, [gone])
    assert board.snapshot(NOW_US, 1).open.line_count == 0


def test_a_change_told_twice_changes_nothing(board: Board, city: Fleet) -> None:
    everybody_well(board, city)
    board.apply(change(alert(city, 0)), NOW_US)
    once = board.snapshot(NOW_US, 1)
    board.apply(change(alert(city, 0)), NOW_US)
    assert board.snapshot(NOW_US, 1) == once


def test_reading_alerts_anew_is_told_only_if_something_differs(board: Board, city: Fleet) -> None:
    assert show(board, city, [alert(city, 0)])
    version = board.alerts_version
    assert not show(board, city, [alert(city, 0)])
    assert board.alerts_version == version
    assert show(board, city, [])
    assert board.alerts_version == version + 1


def test_incidents_that_were_missed_are_read_anew_as_well(board: Board, city: Fleet) -> None:
    assert show(board, city, [alert(city, 0)])
    version = board.alerts_version
    assert board.replace_open([alert(city, 0)], [])
    assert board.alerts_version == version + 1


def test_a_common_cause_is_one_line(board: Board, city: Fleet) -> None:
    isp = city.schools[0].isp
    same = [i for i, s in enumerate(city.schools) if s.isp == isp][:8]
    show(board, city, [alert(city, i) for i in same])
    lines = board.snapshot(NOW_US, 1).open.lines
    assert len(lines) == 1
    assert (lines[0].isp, lines[0].schools, lines[0].school) == (isp, 8, None)


def test_the_wall_gets_the_first_lines_only(board: Board, city: Fleet) -> None:
    show(board, city, [alert(city, i, 3, f"rule-{i}") for i in range(9)])
    found = board.snapshot(NOW_US, 1).open
    assert (len(found.lines), found.line_count) == (TOP_LINES, 9)
    assert found.lines[0].school is not None


def test_a_snapshot_of_the_city_is_small(city: Fleet, board: Board) -> None:
    everybody_well(board, city)
    show(board, city, [alert(city, i, 3, f"rule-{i}") for i in range(9)])
    encoded = msgspec.json.encode(board.snapshot(NOW_US, 1))
    assert len(encoded) - len(city.schools) < 3_000  # 6 kB with the states of the city


def about_the_center(fleet: Fleet, partition: int, rule: str = "feed_down") -> Alert:
    return msgspec.structs.replace(
        alert(fleet, 0, 1, rule), alert_id=f"{rule}-{partition}", school_id=SYSTEM_SCHOOL_ID, pupils=0
    )


def test_an_alert_of_every_partition_about_the_center_is_one_alarm(board: Board, city: Fleet) -> None:
    everybody_well(board, city)
    show(board, city, [about_the_center(city, p) for p in range(PARTITIONS)] + [alert(city, 3)])
    snapshot = board.snapshot(NOW_US, 1)
    assert (snapshot.open.by_priority, snapshot.open.sounding) == ([2, 0, 0], 2)
    first = snapshot.open.lines[0]
    assert (first.cause, first.alerts, first.schools, first.school) == ("system", PARTITIONS, 0, None)
    assert (first.isp, first.pupils) == ("", None)
    assert snapshot.states.count("1") == 1


def test_a_line_about_the_center_is_taken_once_all_of_it_is(board: Board, city: Fleet) -> None:
    own = [about_the_center(city, p) for p in range(PARTITIONS)]
    taken = [msgspec.structs.replace(a, acknowledged_at_us=NOW_US, acknowledged_by="Lan") for a in own]
    show(board, city, [taken[0], own[1]])
    assert board.snapshot(NOW_US, 1).open.unacknowledged == 1
    assert board.snapshot(NOW_US, 1).open.lines[0].acknowledged_by == ""
    show(board, city, taken)
    found = board.snapshot(NOW_US, 1).open
    assert (found.unacknowledged, found.lines[0].acknowledged_by) == (0, "Lan")


def test_the_end_of_an_alert_about_the_center_is_the_end_of_its_line(board: Board, city: Fleet) -> None:
    everybody_well(board, city)
    own = about_the_center(city, 0)
    show(board, city, [own])
    board.apply(change(msgspec.structs.replace(own, resolved_at_us=NOW_US), "resolved"), NOW_US)
    assert board.snapshot(NOW_US, 1).open.line_count == 1, "its incident still says so"
    (incident,) = incidents_of(city, [own])
    board.apply_incident(msgspec.structs.replace(incident, alerts=0, quiet_at_us=NOW_US))
    snapshot = board.snapshot(NOW_US, 1)
    assert (snapshot.open.line_count, snapshot.open.by_priority) == (0, [0, 0, 0])
    assert set(snapshot.states) == {"n"}


def test_what_someone_should_take_stands_first_then_priority_then_the_newest(
    board: Board, city: Fleet
) -> None:
    taken = msgspec.structs.replace(alert(city, 1, 1), acknowledged_at_us=NOW_US, acknowledged_by="Lan")
    newest = msgspec.structs.replace(alert(city, 4, 2, "b"), opened_at_us=NOW_US + 1)
    show(board, city, [taken, alert(city, 2, 3, "c"), alert(city, 3, 2, "a"), newest])
    lines = board.snapshot(NOW_US, 1).open.lines
    assert [line.school for line in lines] == [4, 3, 2, 1]
    assert [line.acknowledged_by for line in lines] == ["", "", "", "Lan"]


def test_the_center_stands_before_a_shared_cause_and_that_before_a_school(board: Board, city: Fleet) -> None:
    isp = city.schools[0].isp
    shared = [alert(city, i) for i, s in enumerate(city.schools) if s.isp == isp][:8]
    other = next(i for i, s in enumerate(city.schools) if s.isp != isp)
    show(board, city, [alert(city, other, 1, "loss_high"), *shared, about_the_center(city, 0)])
    lines = board.snapshot(NOW_US, 1).open.lines
    assert [line.cause for line in lines][:1] == ["system"]
    assert [line.alerts for line in lines] == [1, 8, 1]


def test_an_incident_that_is_over_is_no_line(board: Board, city: Fleet) -> None:
    show(board, city, [alert(city, 0)])
    (incident,) = incidents_of(city, [alert(city, 0)])
    assert board.snapshot(NOW_US, 1).open.lines[0].incident_id == incident.incident_id
    board.apply_incident(msgspec.structs.replace(incident, ended_at_us=NOW_US))
    assert board.snapshot(NOW_US, 1).open.lines == []


def test_canaries_are_told_by_partition(board: Board, city: Fleet) -> None:
    board.accept_summary(summary(city, 0))
    board.accept_summary(msgspec.structs.replace(summary(city, 1), canary=Canary(NOW_US, 7000.0)))
    assert msgspec.json.decode(msgspec.json.encode(board.snapshot(NOW_US, 1)))["canary"] == {
        "1": [NOW_US, 7000.0]
    }


def test_a_former_owner_that_comes_back_is_not_believed(board: Board, city: Fleet) -> None:
    new = msgspec.structs.replace(summary(city, 0, NOW_US, state="1"), seq=50)
    late = msgspec.structs.replace(summary(city, 0, NOW_US - 60 * SECOND_US), seq=20)
    assert board.accept_summary(new)
    assert not board.accept_summary(late)
    assert not board.accept_summary(msgspec.structs.replace(new, at_us=NOW_US - 1))
    assert "1" in board.states(NOW_US)
    assert board.accept_summary(msgspec.structs.replace(new, seq=51))


def test_a_log_that_began_anew_is_believed(board: Board, city: Fleet) -> None:
    board.accept_summary(msgspec.structs.replace(summary(city, 0, NOW_US), seq=50))
    anew = msgspec.structs.replace(summary(city, 0, NOW_US + 16 * SECOND_US, state="2"), seq=1)
    assert board.accept_summary(anew)
    assert "2" in board.states(NOW_US + 16 * SECOND_US)


def test_a_storm_is_at_most_ten_alarms_whatever_the_order_of_its_alerts(calendar: SchoolCalendar) -> None:
    """A thousand schools in the order in which four partitions commit them, a second each."""
    fleet, state = generate_fleet(), Incidents()
    board, groups = Board(fleet, 4, LogClock(), calendar, build_id="b"), Groups(fleet)
    down = list(range(0, 3000, 3))
    of_school = fleet.partition_of_schools(4)
    seen: set[tuple[str, str, int | None]] = set()
    for partition in range(4):
        alerts = tuple(alert(fleet, i) for i in down if of_school[i] == partition)
        for one in alerts:
            board.apply(change(one), NOW_US)
        at_us = NOW_US + 2 * partition * SECOND_US
        for changed in advance(groups, state, [Moment(at_us, alerts), Moment(at_us + SECOND_US)]):
            board.apply_incident(changed.incident)
        found = board.snapshot(NOW_US, 1).open
        assert found.line_count <= 10
        seen |= {(line.rule, line.isp, line.school) for line in found.lines}
    assert len(seen) <= 10
    assert board.snapshot(NOW_US, 2).open.by_priority == [1000, 0, 0]


def test_a_line_is_silenced_when_all_of_its_alerts_are(board: Board, city: Fleet) -> None:
    """Two alerts of one school are one line; with both it is silenced, stands last, and waits for nobody."""
    show(board, city, [alert(city, 0), alert(city, 0, 2, "latency_high"), alert(city, 1)])
    code = SilenceMatcher("school", city.schools[0].code)
    board.apply_silence(silence("a", NOW_US, NOW_US + 9, code, SilenceMatcher("rule", "latency_high")))
    told = board.snapshot(NOW_US, 1).open
    assert (told.muted, told.sounding, [line.silenced for line in told.lines]) == (1, 2, [False, False])
    board.apply_silence(silence("b", NOW_US, NOW_US + 5, code))
    told = board.snapshot(NOW_US, 2).open
    assert (told.muted, told.sounding) == (2, 1)
    assert [(line.school, line.silenced) for line in told.lines] == [(1, False), (0, True)]
    assert (told.line_count, told.untaken) == (2, 1)
    assert board.snapshot(NOW_US + 5, 3).open.muted == 1
    assert board.snapshot(NOW_US + 9, 4).open.muted == 0


def test_alerts_about_the_center_count_once_a_rule_among_the_muted(board: Board, city: Fleet) -> None:
    ours = [
        msgspec.structs.replace(alert(city, i, rule="feed_down"), school_id=SYSTEM_SCHOOL_ID) for i in (0, 1)
    ]
    show(board, city, ours)
    board.apply_silence(silence("a", NOW_US, NOW_US + 9, SilenceMatcher("system", "center")))
    told = board.snapshot(NOW_US, 1).open
    assert (told.muted, [line.silenced for line in told.lines]) == (1, [True])
