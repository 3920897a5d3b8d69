"""Stories of who is told: escalations, handovers, school hours, Tết, acknowledgements."""

from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from alerting.incidents.groups import cause_of
from alerting.routing.duty import OnDuty, duty_turns, on_duty
from alerting.routing.facts import IncidentFacts, Mismatch, facts_of, mismatch
from alerting.routing.hours import active_from_us
from alerting.routing.known import shut_accounts, unknown_names
from alerting.routing.plan import Handling, HandlingKind, plan
from alerting.routing.tree import RouteReason, routes_of
from contract.calendar import SchoolCalendar, parse_calendar
from contract.fleet import LEVELS, Fleet
from contract.incident import Cause, CauseKind, Incident, IncidentState
from contract.routing.contact import Rota
from contract.routing.route import Matchers
from contract.routing.routes_file import parse_routes
from contract.rule import Rule

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PEOPLE = "".join(
    f'[[person]]\nname = "{name}"\nchannels = ["tgram://t/{n}"]\n' for n, name in enumerate("ABCD")
)
INBOX = '[[channel]]\nname = "inbox"\nurl = "inbox://"\n'
CREW = """
[[rota]]
name = "crew"
[[rota.layer]] # days
people = ["C"]
handover = 2026-11-02T00:00:00
period = "1w"
[[rota.layer]] # nights
people = ["A", "B"]
handover = 2026-11-02T23:00:00
period = "1d"
from = 18:00:00
to = 07:00:00
weekdays = [0, 1, 2, 3, 4, 5]
[[rota.override]] # stand-in
person = "D"
from = 2026-11-26T20:00:00
to = 2026-11-26T23:30:00
"""
CALLS = """
[[escalation]]
name = "calls"
repeat = 1
ack_timeout = "2h"
[[escalation.step]]
wait = "20m"
contacts = ["crew"]
[[escalation.step]]
wait = "20m"
contacts = ["crew", "inbox"]
[[escalation.step]]
wait = "30m"
contacts = ["D"]
"""
ROOT = '[[route]]\nname = "all"\ncontacts = ["inbox"]\n'
BASE = INBOX + PEOPLE + CREW + CALLS + ROOT
FACTS = IncidentFacts(1, "wan_down", CauseKind.ISP_WARD, "VNPT", ("01", "Sài Gòn"), ("26737", "Tân Định"))


def us(local: str) -> int:
    return round(datetime.fromisoformat(local).replace(tzinfo=ZONE).timestamp()) * 1_000_000


def local(at_us: int | None) -> str:
    return "never" if at_us is None else f"{datetime.fromtimestamp(at_us // 1_000_000, ZONE):%d %H:%M:%S}"


def route(name: str, *fields: str) -> str:
    return "\n".join(["[[route]]", f'name = "{name}"', *fields, ""])


def told(
    text: str, opened: str, calendar: SchoolCalendar, *handled: tuple[str, HandlingKind], hours: float = 3
) -> list[tuple[str, str, str]]:
    """Return when whom and why, of an incident of `FACTS`."""
    done = [Handling(us(at), kind) for at, kind in handled]
    found = plan(FACTS, us(opened), parse_routes(text), calendar, hours=hours, handled=done)
    return [(local(n.at_us), n.to, n.reason.value) for n in found.notices]


def test_three_steps_with_a_handover_in_between(calendar: SchoolCalendar) -> None:
    text = BASE + route("calls", 'escalation = "calls"')
    assert told(text, "2026-11-25T22:40:00", calendar, hours=2.5) == [
        ("25 22:40:30", "A", "opened"),
        ("25 23:00:30", "B", "next_step"),
        ("25 23:00:30", "inbox", "next_step"),
        ("25 23:20:30", "D", "next_step"),
        ("25 23:50:30", "B", "repeated"),
        ("26 00:10:30", "B", "next_step"),
        ("26 00:10:30", "inbox", "next_step"),
        ("26 00:30:30", "D", "next_step"),
    ]
    found = plan(FACTS, us("2026-11-25T22:40:00"), parse_routes(text), calendar, hours=2.5)
    assert local(found.routes[0].next_us) == "26 04:30:30", "the last step again, after repeat_interval"
    lines = text.splitlines()
    notice = found.notices[1]
    assert notice.duty_line == lines.index("[[rota.layer]] # nights") + 1
    assert (notice.step, notice.step_line) == (2, lines.index('contacts = ["crew", "inbox"]') - 1)


def test_an_acknowledgement_stops_and_running_out_or_handing_back_begins_again(
    calendar: SchoolCalendar,
) -> None:
    text = BASE + route("calls", 'escalation = "calls"', 'group_wait = "0s"')
    acked = ("2026-11-25T09:05:00", HandlingKind.ACKNOWLEDGED)
    opened = "2026-11-25T09:00:00"
    first = ("25 09:00:00", "C", "opened")
    assert told(text, opened, calendar, acked) == [
        first,
        ("25 11:05:00", "C", "ack_timeout"),
        ("25 11:25:00", "C", "next_step"),
        ("25 11:25:00", "inbox", "next_step"),
        ("25 11:45:00", "D", "next_step"),
    ]
    back = ("2026-11-25T10:00:00", HandlingKind.HANDED_BACK)
    again = ("2026-11-25T10:10:00", HandlingKind.ACKNOWLEDGED)
    assert told(text, opened, calendar, acked, back, again) == [
        first,
        ("25 10:00:00", "C", "handed_back"),
    ], "the second acknowledgement lasts until after three hours"
    ended = ("2026-11-25T10:15:00", HandlingKind.RESOLVED)
    assert told(text, opened, calendar, acked, ended, hours=48) == [first]
    anew = ("2026-11-25T10:20:00", HandlingKind.REOPENED)
    assert told(text, opened, calendar, acked, ended, anew, hours=1.5) == [
        first,
        ("25 10:20:00", "C", "reopened"),
    ]


def test_handing_back_what_nobody_has_changes_nothing(calendar: SchoolCalendar) -> None:
    text = BASE + route("calls", 'escalation = "calls"')
    back = ("2026-11-25T09:10:00", HandlingKind.HANDED_BACK)
    opened = "2026-11-25T09:00:00"
    assert told(text, opened, calendar, back) == told(text, opened, calendar)


def test_what_cannot_be_done_now_changes_nothing(calendar: SchoolCalendar) -> None:
    text = BASE + route("calls", 'escalation = "calls"')
    opened, acked = "2026-11-25T09:00:00", ("2026-11-25T09:10:00", HandlingKind.ACKNOWLEDGED)
    run_out = told(text, opened, calendar, acked)
    assert ("25 11:10:00", "C", "ack_timeout") in run_out
    late = ("2026-11-25T11:20:00", HandlingKind.HANDED_BACK)
    assert told(text, opened, calendar, acked, late) == run_out, "it is told of again already"
    early = ("2026-11-25T09:05:00", HandlingKind.REOPENED)
    assert told(text, opened, calendar, early) == told(text, opened, calendar), "it is open"
    ended = ("2026-11-25T09:05:00", HandlingKind.RESOLVED)
    assert told(text, opened, calendar, ended, acked, late) == told(text, opened, calendar, ended)


def test_a_wait_begins_when_its_step_was_told(calendar: SchoolCalendar) -> None:
    text = BASE + route("calls", 'escalation = "calls"', 'active_time = "in_session"')
    assert told(text, "2026-11-25T22:40:00", calendar, hours=8.5) == [
        ("26 06:31:00", "B", "opened"),
        ("26 06:51:00", "B", "next_step"),
        ("26 06:51:00", "inbox", "next_step"),
    ]


def test_who_is_named_twice_by_a_step_is_told_once(calendar: SchoolCalendar) -> None:
    text = BASE + route("twice", 'contacts = ["crew", "C", "D"]')
    assert [to for _, to, _ in told(text, "2026-11-25T09:00:00", calendar)] == ["C", "D"]


def test_a_school_that_is_closed_by_itself_is_not_in_session() -> None:
    packaged = (files("config") / "calendar.toml").read_text("utf-8")
    flood = "\n[[closure.79010042]]\nfirst = 2026-11-25\nlast = 2026-11-26\nname = 'Ngập'\n"
    calendar = parse_calendar(packaged + flood)
    held = parse_routes(BASE + route("held", 'active_time = "in_session"')).routes[1]
    for school, first in (("79010042", "27 06:31:00"), ("79010043", "25 09:00:00")):
        facts = IncidentFacts(1, "wan_down", CauseKind.SCHOOL, school=(school, "Trường"))
        assert local(active_from_us(held, facts, calendar, us("2026-11-25T09:00:00"))) == first


@pytest.mark.parametrize("kind", [HandlingKind.RESOLVED, HandlingKind.ACKNOWLEDGED])
def test_what_ends_within_group_wait_is_never_told(calendar: SchoolCalendar, kind: HandlingKind) -> None:
    assert told(BASE, "2026-11-25T09:00:00", calendar, ("2026-11-25T09:00:29", kind), hours=8) == []


def test_contacts_of_a_route_are_told_again_each_repeat_interval(calendar: SchoolCalendar) -> None:
    text = BASE.replace('contacts = ["inbox"]\n', 'contacts = ["inbox"]\nrepeat_interval = "1h"\n')
    assert told(text, "2026-11-25T09:00:00", calendar, hours=2.5) == [
        ("25 09:00:30", "inbox", "opened"),
        ("25 10:00:30", "inbox", "repeat_interval"),
        ("25 11:00:30", "inbox", "repeat_interval"),
    ]


@pytest.mark.parametrize(
    ("active_time", "opened", "first"),
    [
        ("in_session", "2026-11-25T09:00:00", "25 09:00:30"),
        ("in_session", "2026-11-25T22:40:00", "26 06:31:00"),  # half an hour before the first session
        ("in_session", "2026-11-29T10:00:00", "30 06:31:00"),  # a Sunday
        ("in_session", "2027-01-30T20:00:00", "15 06:31:00"),  # a Saturday: Tết holidays follow
        ("outside_session", "2026-11-25T09:00:00", "25 12:00:00"),  # half an hour after the last morning
        ("outside_session", "2026-11-25T22:40:00", "25 22:40:30"),
        ("outside_session", "2027-02-05T09:00:00", "05 09:00:30"),
        ("in_session", "2027-06-10T09:00:00", "never"),  # after the calendar's last term
    ],
)
def test_hours_by_the_school_calendar(
    calendar: SchoolCalendar, active_time: str, opened: str, first: str
) -> None:
    text = BASE + route("held", f'active_time = "{active_time}"')
    found = plan(FACTS, us(opened), parse_routes(text), calendar, hours=24 * 20)
    notices = found.notices
    assert local(notices[0].at_us if notices else None) == first
    assert not notices or notices[0].due_us == us(opened) + 30_000_000
    assert notices or found.routes[0].next_us is None


@pytest.mark.parametrize(
    ("opened", "first"),
    [
        ("2026-11-25T09:00:00", "26 07:30:00"),
        ("2026-11-25T06:00:00", "25 07:30:00"),
        ("2026-11-27T09:00:00", "30 07:30:00"),  # over the weekend
        ("2026-11-23T09:00:00", "25 07:30:00"),  # a public holiday on Tuesday
        ("2026-07-01T09:00:00", "02 07:30:00"),  # offices work in the summer
    ],
)
def test_a_digest_waits_for_the_next_working_day(calendar: SchoolCalendar, opened: str, first: str) -> None:
    digest = route("late", "match = { priority = 3 }", 'active_time = "digest"')
    facts = IncidentFacts(3, "latency_high", CauseKind.SCHOOL)
    found = plan(facts, us(opened), parse_routes(BASE + digest), calendar, hours=100)
    assert local(found.notices[0].at_us) == first


def test_sessions_are_those_of_the_incidents_own_schools(calendar: SchoolCalendar) -> None:
    held = parse_routes(BASE + route("held", 'active_time = "in_session"')).routes[1]
    saturday = us("2026-11-28T09:00:00")
    levels = {level.value: n for n, level in enumerate(LEVELS)}
    primary = IncidentFacts(1, "wan_down", CauseKind.SCHOOL, levels=(levels["primary"],))
    upper = IncidentFacts(1, "wan_down", CauseKind.SCHOOL, levels=(levels["upper_secondary"],))
    assert active_from_us(held, upper, calendar, saturday) == saturday
    assert local(active_from_us(held, primary, calendar, saturday)) == "30 06:46:00"


TREE = (
    BASE
    + route("lines", 'match = { rule = ["wan_*", "gateway_*"] }', 'contacts = ["A"]')
    + route(
        "far", 'parent = "lines"', "match = { pupils_from = 5000 }", 'contacts = ["B"]', "continue = true"
    )
    + route("vnpt", 'parent = "lines"', 'match = { isp = "VN*" }', 'contacts = ["A", "C"]')
    + route("ward", 'parent = "lines"', 'match = { ward = "Tân Định" }')
    + route("below", 'parent = "ward"')
    + route("slow", 'match = { priority = 3, cluster = "Sài Gòn" }')
    + route("deep", 'parent = "slow"')
)


def reasons(facts: IncidentFacts) -> dict[str, RouteReason]:
    return {a.route.name: a.reason for a in routes_of(facts, parse_routes(TREE)).answers}


def test_the_first_match_wins_and_every_other_route_says_why_not() -> None:
    assert reasons(FACTS) == {
        "all": RouteReason.CHILD_CHOSEN,
        "lines": RouteReason.CHILD_CHOSEN,
        "far": RouteReason.NO_MATCH,
        "vnpt": RouteReason.CHOSEN,
        "ward": RouteReason.TAKEN_BEFORE,
        "below": RouteReason.PARENT_NOT_ASKED,
        "slow": RouteReason.TAKEN_BEFORE,
        "deep": RouteReason.PARENT_NOT_ASKED,
    }
    answers = {a.route.name: a for a in routes_of(FACTS, parse_routes(TREE)).answers}
    assert answers["far"].mismatch == Mismatch("pupils_from", ("5000",), ("0",))
    assert (answers["ward"].other, answers["slow"].other) == ("vnpt", "lines")


def test_continue_asks_the_next_and_nobody_is_told_twice_at_once(calendar: SchoolCalendar) -> None:
    many = IncidentFacts(1, "wan_down", CauseKind.ISP, "VNPT", pupils=5000)
    found = plan(many, us("2026-11-25T09:00:00"), parse_routes(TREE), calendar, hours=1)
    assert [r.name for r in found.routed.chosen] == ["far", "vnpt"]
    assert [n.to for n in found.notices] == ["B", "A", "C"]
    same = parse_routes(TREE.replace('contacts = ["B"]', 'contacts = ["A"]'))
    notices = plan(many, us("2026-11-25T09:00:00"), same, calendar, hours=1).notices
    assert [(n.to, n.route) for n in notices] == [("A", "far"), ("C", "vnpt")]


def test_what_no_route_asks_for_is_the_roots() -> None:
    facts = IncidentFacts(2, "feed_down", CauseKind.SYSTEM)
    assert [r.name for r in routes_of(facts, parse_routes(TREE)).chosen] == ["all"]


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        (Matchers(), True),
        (Matchers(priority=(1, 2)), True),
        (Matchers(priority=(2, 3)), False),
        (Matchers(cause=("isp_*",)), True),
        (Matchers(cause=("isp",)), False),
        (Matchers(cluster=("01",), ward=("Tân *",)), True),
        (Matchers(cluster=("01",), ward=("Tân Phú",)), False),
        (Matchers(isp=("FPT", "VNP[ST]")), True),
        (Matchers(isp=("vnpt",)), False),
        (Matchers(school=("*",)), False),
    ],
)
def test_all_matchers_must_match_by_any_of_their_patterns(match: Matchers, matches: bool) -> None:
    assert (mismatch(match, FACTS) is None) is matches


def crew() -> Rota:
    found = parse_routes(BASE).contacts["crew"]
    assert isinstance(found, Rota)
    return found


@pytest.mark.parametrize(
    ("at", "person"),
    [
        ("2026-11-25T12:00:00", "C"),
        ("2026-11-25T18:00:00", "A"),
        ("2026-11-25T22:59:59", "A"),
        ("2026-11-25T23:00:00", "B"),
        ("2026-11-26T06:59:59", "B"),
        ("2026-11-26T07:00:00", "C"),
        ("2026-11-26T19:59:59", "B"),
        ("2026-11-26T20:00:00", "D"),  # the override
        ("2026-11-26T23:29:59", "D"),
        ("2026-11-26T23:30:00", "A"),
        ("2026-11-29T03:00:00", "A"),  # Saturday's night goes on into Sunday
        ("2026-11-29T20:00:00", "C"),  # Sunday's does not begin
        ("2020-01-01T03:00:00", "A"),  # turns go on before the first handover
    ],
)
def test_who_is_on_duty(at: str, person: str) -> None:
    assert on_duty(crew(), us(at)).person == person


def test_turns_of_a_night_with_a_stand_in() -> None:
    turns = duty_turns(crew(), us("2026-11-26T12:00:00"), us("2026-11-27T12:00:00"))
    assert [(local(t.from_us), local(t.to_us), t.on_duty.person) for t in turns] == [
        ("26 12:00:00", "26 18:00:00", "C"),
        ("26 18:00:00", "26 20:00:00", "B"),
        ("26 20:00:00", "26 23:30:00", "D"),
        ("26 23:30:00", "27 07:00:00", "A"),
        ("27 07:00:00", "27 12:00:00", "C"),
    ]
    stand_in = BASE.splitlines().index("[[rota.override]] # stand-in") + 1
    assert turns[2].on_duty == OnDuty("D", stand_in, override=True)


def an_incident(cause: Cause) -> Incident:
    return Incident(
        incident_id="0" * 16, state=IncidentState.OPEN, cause=cause, rule="wan_down", rules=("wan_down",),
        cause_rules=(), priority=2, worst_priority=1, alerts=1, all_alerts=1, unacknowledged=1, schools=1,
        most_schools=1, pupils=10, most_pupils=800, lost_pupil_s=0, counted_at_us=0, began_at_us=0,
        opened_at_us=0, last_opened_at_us=0,
    )  # fmt: skip


def test_facts_of_an_incident_are_its_worst_with_all_names_of_its_place(city: Fleet) -> None:
    school = city.schools[0]
    ward = city.ward_by_code[school.ward_code]
    cluster = city.cluster_by_code[ward.cluster_code]
    alone = facts_of(an_incident(Cause(CauseKind.SCHOOL, school_id=school.id)), city)
    assert alone == IncidentFacts(
        1, "wan_down", CauseKind.SCHOOL, school.isp, (cluster.code, cluster.name),
        (ward.code, ward.name, ward.short_name), (school.code, school.name), 800,
        (LEVELS.index(school.level),),
        frozenset({cluster.code, cluster.name, ward.code, ward.name, ward.short_name}),
    )  # fmt: skip
    shared = facts_of(an_incident(cause_of(school, CauseKind.ISP, city)), city)
    assert (shared.isp, shared.cluster, shared.ward, shared.school) == (school.isp, (), (), ())
    of_isp = {LEVELS.index(s.level) for s in city.schools if s.isp == school.isp}
    assert shared.levels == tuple(sorted(of_isp))


def test_names_that_nothing_has_are_told(city: Fleet, rules: tuple[Rule, ...]) -> None:
    ward, isp = city.wards[0].name, city.schools[0].isp
    text = (
        BASE.replace('name = "A"\n', 'name = "A"\narea = "Atlantis"\n')
        + route("right", f'match = {{ ward = "{ward}", isp = "{isp[0]}*", rule = "wan_*" }}')
        + route(
            "wrong", 'match = { ward = "Quận 1", isp = ["Saigon Postel"], cluster = "99", rule = "wlan" }'
        )
    )
    said = list(unknown_names(parse_routes(text), city, rules))
    at = text.splitlines().index('name = "wrong"')
    assert said == [
        f"routes.toml, line {at}: route 'wrong': no cluster is called '99'",
        f"routes.toml, line {at}: route 'wrong': no ward is called 'Quận 1'",
        f"routes.toml, line {at}: route 'wrong': no provider (isp) is called 'Saigon Postel'",
        f"routes.toml, line {at}: route 'wrong': no rule is called 'wlan'",
        f"routes.toml, line {INBOX.count(chr(10)) + 1}: person 'A': no cluster or ward is called 'Atlantis'",
    ]


def test_a_person_whose_account_nobody_may_use_is_named() -> None:
    persons = "".join(
        f'[[person]]\nname = "{name}"\nchannels = ["inbox"]\nuser = "{user}"\n'
        for name, user in (("E", ""), ("F", "Lan@City"), ("G", "gone"))
    )
    routing = parse_routes(INBOX + persons + ROOT)
    (said,) = shut_accounts(routing, {"lan@city"})
    assert "person 'G': nobody may sign in as 'gone'" in said


def test_a_person_with_an_area_is_told_of_what_touches_it_alone(calendar: SchoolCalendar) -> None:
    areas = frozenset({"01", "Sài Gòn", "26737", "Tân Định"})
    found = {}
    for area in ("", "Tân Định", "02"):
        person = f'[[person]]\nname = "E"\nchannels = ["inbox"]\narea = "{area}"\n'
        text = INBOX + person + ROOT + route("own", 'escalation = "own"')
        text += '[[escalation]]\nname = "own"\n[[escalation.step]]\nwait = "20m"\ncontacts = ["E"]\n'
        text += '[[escalation.step]]\nwait = "20m"\ncontacts = ["inbox"]\n'
        facts = replace(FACTS, areas=areas)
        whole = plan(facts, us("2026-11-25T09:00:00"), parse_routes(text), calendar, hours=1)
        found[area] = [(local(n.at_us), n.to, n.outside) for n in whole.notices]
    told = [("25 09:00:30", "E", ""), ("25 09:20:30", "inbox", "")]
    assert found == {
        "": told,
        "Tân Định": told,
        "02": [("25 09:00:30", "E", "02"), ("25 09:00:30", "inbox", "")],
    }, "a step that tells nobody waits for nobody"


def test_a_route_that_tells_only_people_with_an_area_is_named(city: Fleet, rules: tuple[Rule, ...]) -> None:
    area = city.wards[0].code
    person = f'[[person]]\nname = "E"\nchannels = ["inbox"]\narea = "{area}"\n'
    text = INBOX + person + ROOT + route("own", 'contacts = ["E"]')
    (said,) = unknown_names(parse_routes(text), city, rules)
    assert "route 'own': everybody whom it tells has an area" in said
