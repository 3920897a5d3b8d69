"""What a wall says of its figures, its lines, its area and its address."""

import msgspec
import numpy as np
import pytest

from alerting.silences.matching import in_maintenance
from config.files import load_configuration, load_targets, shipped_texts
from contract.access.area import Area
from contract.access.decision import Principal
from contract.access.permission import Role
from contract.calendar import SchoolCalendar
from contract.clock import LogClock
from contract.fleet import DeviceKind, Fleet
from contract.incident import Incident, IncidentState
from contract.live import Hidden, Kpi, Summary, WardSums
from contract.privacy import add_hidden, may_be_summed, told_apart
from contract.routing.silence import SilenceKind, SilenceMatcher
from contract.texts import Language
from ops_dashboard.access.register import Bearer
from ops_dashboard.api.day import told_to
from ops_dashboard.pages.wall_address import read_address
from ops_dashboard.view.areas import CitySums, find_area, wards_of
from ops_dashboard.view.board import Board
from ops_dashboard.view.day import DutyNow, curve_stretches, make_day, users_curve
from ops_dashboard.view.kpis import make_affected, make_tiles
from ops_dashboard.view.lines import Trend, trend_of
from ops_dashboard.view.past import LEAST_SCHOOLS, STEP, WEEK_US, Past, PastSums, past_of, shown_users
from storage.people.credentials import CredentialKind
from tests.silence_words import HOUR_US, silence
from tests.unit.test_ops_dashboard_board import NOW_US, SECOND_US, alert, change, incidents_of, show

RULES_OF = {DeviceKind.GATEWAY: frozenset({"wan_down"})}
TARGETS = load_targets(None)
MINUTE_US = 60 * SECOND_US


@pytest.fixture
def board(city: Fleet, calendar: SchoolCalendar) -> Board:
    return Board(city, 1, LogClock(), calendar, targets=TARGETS)


def ward_sums(fleet: Fleet, value: float, latest_us: int = NOW_US) -> WardSums:
    """Return sums of a metric that is open: every school reports one value."""
    schools = np.bincount(fleet.ward_index, minlength=len(fleet.wards))
    latest = np.where(schools > 0, latest_us, 0)
    return WardSums(schools.tolist(), schools.tolist(), (schools * value).tolist(), latest.tolist())


def city_summary(fleet: Fleet, online: float = 1.0, **metrics: float) -> Summary:
    values = {"online": online, **metrics}
    schools = len(fleet.schools)
    return Summary(
        0, NOW_US, 1, "n" * schools,
        {name: Kpi(schools, schools, schools * value) for name, value in values.items()},
        None,
        {name: ward_sums(fleet, value, NOW_US - 40 * SECOND_US) for name, value in values.items()},
    )  # fmt: skip


def test_a_figure_past_its_target_says_so_and_tells_its_own_age(board: Board, city: Fleet) -> None:
    board.accept_summary(city_summary(city, online=0.96, active_users=50.0))
    snapshot = board.snapshot(NOW_US, 1)
    assert snapshot.connected.value == pytest.approx(0.96)
    assert snapshot.connected.priority == 2
    assert snapshot.connected.latest_us == NOW_US - 40 * SECOND_US
    assert snapshot.elearning.priority is None, "what is usual is not known"
    board.past = Past({"elearning": 4_000.0}, {"elearning": (4_200.0, 5_000.0)})
    snapshot = board.snapshot(NOW_US, 2)
    assert (snapshot.elearning.priority, snapshot.elearning.before) == (1, 4_000.0)


def test_an_unknown_figure_is_past_no_target() -> None:
    tiles = make_tiles({"online": Kpi(100, 50, 20.0)}, 0.8, TARGETS)
    assert (tiles.connected.value, tiles.connected.priority) == (None, None)


def test_attendance_says_which_session_it_is_of(board: Board, city: Fleet) -> None:
    board.accept_summary(city_summary(city, present=570.0, enrolled=600.0))
    assert board.snapshot(NOW_US, 1).session == "morning"
    assert Board(city, 1, LogClock(), board._calendar).snapshot(NOW_US, 1).session == ""


def test_the_affected_are_the_pupils_of_urgent_schools(city: Fleet) -> None:
    states = "12" + "3" + "u" * (len(city.schools) - 3)
    found = make_affected(states, city.pupils, np.ones(len(city.schools), np.bool_), TARGETS)
    assert (found.schools, found.pupils) == (2, int(city.pupils[:2].sum()))
    assert found.priority in (1, 2)
    nobody = make_affected(states, np.ones(len(states), np.int64), np.ones(len(states), np.bool_))
    assert (nobody.pupils, nobody.schools) == (None, 2)


def test_an_announced_work_at_a_school_is_a_state_of_its_own(board: Board, city: Fleet) -> None:
    board.accept_summary(city_summary(city))
    works = SilenceMatcher("school", city.schools[3].code)
    span = NOW_US - HOUR_US, NOW_US + HOUR_US
    board.apply(change(alert(city, 3)), NOW_US)
    board.apply_silence(silence("quiet", *span, works))
    assert board.states(NOW_US)[3] == "1", "what somebody does not want to hear of is no work"
    board.apply_silence(silence("works", *span, works, kind=SilenceKind.MAINTENANCE))
    states = board.snapshot(NOW_US, 1).states
    assert (states[3], states.count("m")) == ("m", 1)
    assert board.snapshot(NOW_US + 2 * HOUR_US, 1).states[3] == "1"


def test_work_on_one_rule_is_not_work_on_the_school(city: Fleet, calendar: SchoolCalendar) -> None:
    span, kind = (NOW_US - HOUR_US, NOW_US + HOUR_US), SilenceKind.MAINTENANCE
    school = SilenceMatcher("school", city.schools[3].code)
    narrow = silence("a", *span, school, SilenceMatcher("rule", "wan_down"), kind=kind)
    assert in_maintenance([narrow], city, calendar, NOW_US) == frozenset()
    isp = silence("b", *span, SilenceMatcher("isp", city.schools[0].isp), kind=kind)
    same = {i for i, s in enumerate(city.schools) if s.isp == city.schools[0].isp}
    assert in_maintenance([isp], city, calendar, NOW_US) == same


def incident(city: Fleet, schools: int, most: int, opened_ago_us: int) -> Incident:
    (found,) = incidents_of(city, [alert(city, 0)])
    return msgspec.structs.replace(
        found, schools=schools, most_schools=most, last_opened_at_us=NOW_US - opened_ago_us
    )


@pytest.mark.parametrize(
    ("schools", "most", "ago_us", "trend"),
    [
        (9, 9, MINUTE_US, Trend.GROWING),
        (9, 9, 6 * MINUTE_US, Trend.STEADY),
        (1, 1, 0, Trend.STEADY),
        (4, 9, 3 * MINUTE_US, Trend.HEALING),
        (4, 9, MINUTE_US, Trend.STEADY),
    ],
)
def test_growing_and_healing_are_told_apart(
    city: Fleet, schools: int, most: int, ago_us: int, trend: Trend
) -> None:
    assert trend_of(incident(city, schools, most, ago_us), NOW_US) is trend


def test_a_line_says_reach_and_harm_and_what_does_not_fit_is_counted(board: Board, city: Fleet) -> None:
    show(board, city, [alert(city, i, 1 + i % 3, f"rule-{i}") for i in range(9)])
    found = board.snapshot(NOW_US + 10 * MINUTE_US, 1).open
    line = found.lines[0]
    pupils = city.schools[line.school or 0].pupils
    assert (line.schools, line.most_schools, line.pupils) == (1, 1, pupils)
    assert line.lost_pupil_minutes == pytest.approx(pupils * 10, abs=pupils)
    assert (found.lines_by_priority, found.line_count, found.untaken) == ([3, 3, 3], 9, 9)


@pytest.mark.parametrize("typed", ["Thủ Đức", "thu duc", "THU-DUC", "cụm Thủ Đức", "C03"])
def test_an_area_is_found_as_people_type_it(city: Fleet, typed: str) -> None:
    cluster = next(c for c in city.clusters if c.name == "Thủ Đức")
    found = find_area(cluster.code if typed == "C03" else typed, city)
    assert found is not None
    assert (found.code, found.is_ward) == (cluster.code, False)


def test_a_ward_is_found_by_code_and_by_name(city: Fleet) -> None:
    names = {c.name for c in city.clusters}
    ward = next(w for w in city.wards if w.short_name not in names)
    for typed in (ward.code, ward.name):
        found = find_area(typed, city)
        assert found is not None
        assert found.is_ward
        assert [city.wards[i].code for i in wards_of(found, city)] == [ward.code]
    assert find_area("Atlantis", city) is None


def test_an_area_has_its_own_figures_alerts_and_lines(board: Board, city: Fleet) -> None:
    board.accept_summary(city_summary(city, active_users=3.0))
    inside, outside = 0, next(
        i for i in range(len(city.schools))
        if city.cluster_of_wards[city.ward_index[i]] != city.cluster_of_wards[city.ward_index[0]]
    )  # fmt: skip
    show(board, city, [alert(city, inside, 2, "a"), alert(city, outside, 1, "b")])
    cluster = city.clusters[city.cluster_of_wards[city.ward_index[inside]]]
    area = find_area(cluster.code, city)
    snapshot = board.snapshot(NOW_US, 1, area)
    schools = int((city.cluster_of_wards[city.ward_index] == city.clusters.index(cluster)).sum())
    assert (snapshot.area, snapshot.connected.expected) == (cluster.code, schools)
    assert (snapshot.open.by_priority, snapshot.open.lines_by_priority) == ([0, 1, 0], [0, 1, 0])
    assert snapshot.affected.schools == 1
    assert len(snapshot.states) == len(city.schools)


def test_what_is_left_out_of_a_whole_tells_nothing_either() -> None:
    alone, fine = Hidden(5, 0, 9, 9), Hidden(50, 0, 100, 9)
    assert not may_be_summed(alone)
    told = told_apart([fine, alone, fine])
    assert told == [False, False, True], "the one that is hidden would follow from the others"
    assert may_be_summed(add_hidden(alone, fine))
    assert told_apart([fine, fine]) == [True, True]


def test_a_cluster_tells_no_attendance_of_a_single_school(city: Fleet) -> None:
    pupils = city.pupils
    present = WardSums(*(column.tolist() for column in _ones(city)))
    enrolled = ward_sums(city, float(pupils.mean()))
    sums = CitySums(city, [({"present": present, "enrolled": enrolled}, True)])
    shares, withheld = sums.attendance(0.8)
    sizes = np.bincount(city.cluster_of_wards[city.ward_index], minlength=len(city.clusters))
    assert all(share is None for share, size in zip(shares, sizes, strict=True) if size < 2)
    assert withheld == [c for c, share in enumerate(shares) if share is None and sizes[c] > 0]
    assert withheld
    unheard = CitySums(city, [({"present": present, "enrolled": enrolled}, False)])
    assert unheard.attendance(0.8) == ([None] * len(sizes), []), "what nobody knows is not withheld"


def test_a_figure_that_would_tell_of_few_pupils_says_that_it_is_withheld() -> None:
    alone, many = Hidden(5, 0, 9, 9), Hidden(50, 0, 100, 9)
    enrolled = Kpi(1, 1, 60.0)

    def attendance(reporting: int, hidden: Hidden) -> tuple[float | None, bool]:
        tile = make_tiles({"present": Kpi(1, reporting, 55.0, hidden), "enrolled": enrolled}, 0.8).attendance
        return tile.value, tile.withheld

    assert attendance(1, alone) == (None, True)
    assert attendance(0, alone) == (None, False)
    assert attendance(1, many) == (55 / 60, False)
    users = Kpi(60, 60, 900.0)
    tile = make_tiles({"active_users": users}, 0.8, untold={"active_users"}).elearning
    assert (tile.value, tile.withheld) == (None, True)


def _ones(fleet: Fleet) -> list[np.ndarray]:
    """Return columns of a metric of which every school hides 5 of 0 to 9 pupils."""
    n = np.bincount(fleet.ward_index, minlength=len(fleet.wards))
    return [n, n, n * 5.0, n * 0, n * 5, n * 0, n * 9, np.where(n > 0, 9, 0)]


def stretch(users: float, schools: float = 100.0) -> PastSums:
    return PastSums(schools, schools, users)


def test_the_past_is_told_coarsely_and_of_many_schools_only() -> None:
    assert shown_users(stretch(1234.0), 0.8) == round(1234 / STEP) * STEP
    assert shown_users(stretch(1234.0, LEAST_SCHOOLS - 1), 0.8) is None
    assert shown_users(PastSums(1000.0, 100.0, 1234.0), 0.8) is None


def test_last_week_and_what_is_usual() -> None:
    def week(share: float, users: float) -> dict[str, PastSums]:
        return {
            "online": PastSums(100.0, 100.0, 100 * share),
            "present": PastSums(100.0, 100.0, 57_000.0),
            "enrolled": PastSums(100.0, 100.0, 60_000.0),
            "active_users": stretch(users),
        }

    past = past_of([week(0.98, 1000.0), {}, week(0.99, 1200.0)], 0.8)
    assert past.before == {"connected": 0.98, "attendance": 0.95, "elearning": 1000.0}
    assert past.usual["elearning"] == (1000.0, 1200.0)
    assert past_of([{}, week(0.99, 1.0)], 0.8).before == {}
    assert past_of([week(0.99, 1.0)], 0.8).usual == {}


def test_a_curve_has_today_and_the_band_of_the_weeks_before() -> None:
    stretches = curve_stretches(NOW_US)
    found = {first: stretch(1000.0 * (n + 1)) for n, week in enumerate(stretches) for first, _ in week}
    now, usual = users_curve(found, stretches, 0.8)
    assert len(now) == len(stretches[0])
    assert (usual[0][0], usual[0][1:]) == (stretches[1][0][0] + WEEK_US, (2000.0, 5000.0))
    assert usual[-1][0] > now[-1][0]
    assert users_curve({}, stretches, 0.8) == ([], [])


def test_the_day_has_what_ended_today(city: Fleet, calendar: SchoolCalendar) -> None:
    (found,) = incidents_of(city, [alert(city, 0)])
    over = [
        msgspec.structs.replace(found, state=IncidentState.RESOLVED, ended_at_us=NOW_US - ago)
        for ago in (MINUTE_US, 2 * MINUTE_US, 24 * HOUR_US)
    ]
    routing = load_configuration(None).routing
    day = make_day(NOW_US, ([], []), [found, *over], routing, city, calendar, RULES_OF)
    assert [r.ended_at_us for r in day.resolved] == [NOW_US - MINUTE_US, NOW_US - 2 * MINUTE_US]
    assert day.resolved_count == 2
    assert day.quiet_since_us is None
    assert day.lanes == []
    (line,) = day.systems
    assert (line.kind, line.incidents, line.schools, line.priority) == ("gateway", 1, 1, found.priority)


def test_the_day_has_its_sessions_and_when_anything_was_wrong(city: Fleet, calendar: SchoolCalendar) -> None:
    (found,) = incidents_of(city, [alert(city, 0)])
    spans = [(5, 3, 1), (4, 2, 1), (2, 1, 2), (40, 30, 1)]
    over = [
        msgspec.structs.replace(
            found,
            state=IncidentState.RESOLVED,
            began_at_us=NOW_US - first * HOUR_US,
            ended_at_us=NOW_US - last * HOUR_US,
            worst_priority=priority,
        )
        for first, last, priority in spans
    ]
    routing = load_configuration(None).routing
    day = make_day(NOW_US, ([], []), over, routing, city, calendar, RULES_OF, (), NOW_US - HOUR_US)
    assert day.known_from_us == NOW_US - HOUR_US
    assert day.troubled == [
        (NOW_US - 2 * HOUR_US, NOW_US - HOUR_US, 2),
        (NOW_US - 5 * HOUR_US, NOW_US - 2 * HOUR_US, 1),
    ]
    assert day.quiet_since_us == NOW_US - HOUR_US
    assert [(b - a) / HOUR_US for a, b in day.sessions] == [4.5, 4.25], "of all levels together"
    few = Fleet(city.province, city.clusters, city.wards, city.schools[:2], city.devices)
    gone = alert(few, 1)
    lanes = make_day(NOW_US, ([], []), [], routing, few, calendar, {}, [gone]).lanes
    assert lanes == [[], [(gone.opened_at_us, NOW_US, gone.priority)]]


@pytest.mark.parametrize(
    ("role", "hears"), [(Role.SCREEN, True), (Role.OPERATOR, True), (Role.SCHOOL, False)]
)
def test_of_an_area_who_is_on_duty_is_told_to_walls_and_those_who_may_see_rotas(
    city: Fleet, calendar: SchoolCalendar, role: Role, hears: bool
) -> None:
    day = make_day(NOW_US, ([], []), [], load_configuration(None).routing, city, calendar, {})
    day = msgspec.structs.replace(day, duty=[DutyNow("lines", "Lan", NOW_US)])
    bearer = Bearer(CredentialKind.SESSION, Principal("An", role, Area(clusters=("01",))), b"")
    assert bool(told_to(day, bearer).duty) is hears


def test_an_address_is_understood_or_said(city: Fleet) -> None:
    def read(**query: str) -> tuple[object, ...]:
        return read_address(query, city, shipped_texts(), Language.EN)

    assert read() == (None, "map", 0, 1.0, "", [])
    right = read(area="thu duc", view="traffic", rotate="30", scale="1.2", dim="18-6", sound="1", lang="en")
    assert right[1:] == ("traffic", 30, 1.2, "18-6", [])
    wrong = read(area="x", view="y", rotate="5", scale="9", dim="25-3", colour="red")
    assert wrong[:5] == (None, "map", 0, 1.0, "")
    assert len(wrong[5]) == 6  # type: ignore[arg-type]
    assert any("colour" in sentence for sentence in wrong[5])  # type: ignore[attr-defined]
