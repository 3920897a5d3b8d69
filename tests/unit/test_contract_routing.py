"""routes.toml: what is shipped reads, what cannot be meant is refused with its line and a sentence."""

from datetime import time
from importlib.resources import files

import pytest

from contract.errors import ConfigurationError
from contract.figures.spans import SpanKind
from contract.routing.contact import Person, Rota, SharedChannel
from contract.routing.report import ReportFormat
from contract.routing.route import ActiveTime, Matchers
from contract.routing.routes_file import parse_routes
from contract.texts import Language

MINUTE_US = 60_000_000
TEXT = """\
[[channel]]
name = "inbox"
url = "inbox://"

[[person]] # An
name = "An"
channels = ["inbox"]

[[person]]
name = "Bình"
channels = ["tgram://T0KEN/12"]

[[rota]] # crew
name = "crew"

[[rota.layer]]
people = ["An", "Bình"]
handover = 2026-11-02T08:00:00
period = "7d"
# the whole week

[[rota.override]]
person = "An"
from = 2026-11-28T08:00:00
to = 2026-11-28T20:00:00

[[escalation]] # calls
name = "calls"
ack_timeout = "2h"

[[escalation.step]]
wait = "15m"
contacts = ["crew"]

[[escalation.step]] # last
wait = "30m"
contacts = ["An", "inbox"]

[[route]] # root
name = "all"
contacts = ["inbox"]

[[route]] # lines
name = "lines"
match = { priority = 1, rule = "wan_*" }
escalation = "calls"
group_wait = "0s"
repeat_interval = "1h"
group_interval = "25m"

[[route]] # deep
name = "deep"
parent = "lines"
match = { isp = "FPT" }
"""


def line_of(text: str, line: str) -> int:
    return text.splitlines().index(line) + 1


def test_the_shipped_routes_tell_the_inbox_of_everything_and_in_the_morning_what_can_wait() -> None:
    routing = parse_routes((files("config") / "routes.toml").read_text("utf-8"))
    assert [(route.match, route.active_time) for route in routing.routes] == [
        (Matchers(), ActiveTime.ALWAYS),
        (Matchers(priority=(3,)), ActiveTime.DIGEST),
    ]
    assert isinstance(routing.contacts["inbox"], SharedChannel)
    assert routing.routes[0].escalation.steps[0].contacts == ("inbox",)


def test_a_route_has_what_its_parent_has_and_it_does_not_say() -> None:
    routing = parse_routes(TEXT)
    root, lines, deep = routing.routes
    assert (root.parent, lines.parent, deep.parent) == ("", "all", "lines")
    assert (root.group_wait_us, root.group_interval_us) == (MINUTE_US // 2, 5 * MINUTE_US)
    assert root.repeat_interval_us == 240 * MINUTE_US
    assert lines.repeat_interval_us == 75 * MINUTE_US, "an hour in whole times of 25 minutes"
    assert deep.escalation == lines.escalation
    assert (deep.group_wait_us, deep.repeat_interval_us) == (0, 75 * MINUTE_US)
    assert deep.active_time is ActiveTime.ALWAYS
    assert deep.line == line_of(TEXT, "[[route]] # deep")
    assert [route.name for route in routing.children(root)] == ["lines"]


def test_contacts_and_steps_know_their_lines() -> None:
    routing = parse_routes(TEXT)
    an, crew = routing.contacts["An"], routing.contacts["crew"]
    assert an == Person("An", ("inbox",), Language.VI, "", "", line_of(TEXT, "[[person]] # An"))
    assert isinstance(crew, Rota)
    assert crew.layers[0].line == line_of(TEXT, "[[rota.layer]]")
    assert crew.overrides[0].line == line_of(TEXT, "[[rota.override]]")
    steps = routing.routes[1].escalation.steps
    assert steps[1].line == line_of(TEXT, "[[escalation.step]] # last")


NIGHT = 'period = "7d"\nfrom = 18:00:00\nto = 07:00:00'
ANOTHER = "\n[[rota.override]]\nperson = 'Bình'\nfrom = 2026-11-28T19:00:00\nto = 2026-11-29T08:00:00\n"
EMPTY_ESCALATION = '[[escalation]] # empty\nname = "none"\n'


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        # names
        ('name = "Bình"', 'name = "An"', 'name = "An"', "`name` is that of another person, rota or channel"),
        ('name = "crew"', 'name = "inbox"', 'name = "inbox"', "`name` is that of another person, rota"),
        ('name = "deep"', 'name = "lines"', 'name = "lines"', "`name` is that of another route"),
        ('name = "deep"', 'name = "de\\u0007ep"', 'name = "de\\u0007ep"', "has a control character (U+0007)"),
        ('name = "deep"', 'name = "de\\u202eep"', 'name = "de\\u202eep"', "control character (U+202E)"),
        ('name = "deep"', 'name = " deep"', 'name = " deep"', "`name` has spaces around it"),
        ('name = "deep"', 'name = ""', 'name = ""', "length >= 1"),
        # fields
        ('name = "deep"', 'name = "deep"\nmute = 1', "mute = 1", "unknown field `mute`"),
        ('name = "deep"\n', "", "[[route]] # deep", "required field `name`"),
        ('ack_timeout = "2h"', "ack_timeout = 7200", "ack_timeout = 7200", "Expected `str`, got `int`"),
        # channels, whose addresses are secrets
        ('url = "inbox://"', 'url = "S3CRET"', 'url = "S3CRET"', "`url` is no address"),
        ('"tgram://T0KEN/12"', '"S3CRET"', 'channels = ["S3CRET"]', "neither an address nor the name of a"),
        ('["tgram://T0KEN/12"]', '["S3CRET\\n"]', 'channels = ["S3CRET\\n"]', "control character (U+000A)"),
        ('["tgram://T0KEN/12"]', '"S3CRET"', 'channels = "S3CRET"', "Expected `array`"),
        # rotas
        ('"An", "Bình"', '"An", "Chi"', 'people = ["An", "Chi"]', "`people` names no person: 'Chi'"),
        ('"An", "Bình"', '"inbox"', 'people = ["inbox"]', "`people` names no person: 'inbox'"),
        ('"An", "Bình"', "", "people = []", "length >= 1"),
        ('"7d"', '"0d"', 'period = "0d"', "`period` is '0d'; it is from 3600 s"),
        ('"7d"', '"-1d"', 'period = "-1d"', "`period` is '-1d'; write it like 30s"),
        ('period = "7d"', NIGHT, "[[rota]] # crew", "has a gap: no layer is on from Monday 07:00"),
        ("# the whole week", "weekdays = [0,1,2,3,4]", "[[rota]] # crew", "on from Saturday 00:00"),
        ("# the whole week", "weekdays = [7]", "weekdays = [7]", "<= 6"),
        ("# the whole week", "from = 08:00:00", "from = 08:00:00", "has only one of `from` and `to`"),
        ("# the whole week", "from = 08:00:00\nto = 08:00:00", "to = 08:00:00", "the same as `from`"),
        (
            'name = "crew"',
            'name = "crew"\ntimezone = "Asia/Hue"',
            'timezone = "Asia/Hue"',
            "no time zone: 'Asia/Hue'",
        ),
        (
            'name = "crew"',
            'name = "crew"\ntimezone = "Europe/Paris"',
            'timezone = "Europe/Paris"',
            "has summer time",
        ),
        ("2026-11-28T20:00:00", "2026-11-28T08:00:00", "to = 2026-11-28T08:00:00", "not after `from`"),
        (
            "2026-11-28T20:00:00",
            "2026-11-28T20:00:00" + ANOTHER,
            "from = 2026-11-28T19:00:00",
            "overlaps the",
        ),
        ('person = "An"', 'person = "crew"', 'person = "crew"', "names no person: 'crew'"),
        # escalations
        (
            "[[escalation]] # calls",
            EMPTY_ESCALATION + "[[escalation]]",
            "[[escalation]] # empty",
            "no `step`",
        ),
        ('["An", "inbox"]', "[]", "contacts = []", "step 2: `contacts` is empty, so nobody would be told"),
        ('["An", "inbox"]', '["Chi"]', 'contacts = ["Chi"]', "names no person, rota or channel: 'Chi'"),
        ('"15m"', '"0m"', 'wait = "0m"', "step 1: `wait` is '0m'"),
        ('ack_timeout = "2h"', 'ack_timeout = ""', 'ack_timeout = ""', "`ack_timeout` is ''; write it like"),
        ('ack_timeout = "2h"', "repeat = -1", "repeat = -1", ">= 0 - at `$.repeat`, not -1"),
        # routes
        ('"lines"\nmatch = { i', '"deep"\nmatch = { i', 'parent = "deep"', "in a circle: deep → deep"),
        (
            "match = { priority",
            'parent = "deep"\nmatch = { priority',
            'parent = "deep"',
            "lines → deep → lines",
        ),
        ('parent = "lines"', 'parent = "nobody"', 'parent = "nobody"', "names no route: 'nobody'"),
        ("match = { priority", 'parent = "none"\nmatch = { priority', 'parent = "none"', "no route: 'none'"),
        ('escalation = "calls"', 'escalation = "call"', 'escalation = "call"', "names none: 'call'"),
        ('match = { isp = "FPT" }', 'contacts = ["Chi"]', 'contacts = ["Chi"]', "rota or channel: 'Chi'"),
        (
            'escalation = "calls"',
            'escalation = "calls"\ncontacts = ["An"]',
            'escalation = "calls"',
            "one of them",
        ),
        ('"25m"', '"0m"', 'group_interval = "0m"', "`group_interval` is '0m'"),
        ('"1h"', '"59s"', 'repeat_interval = "59s"', "it is from 60 s"),
        ('"1h"', '"500d"', 'repeat_interval = "500d"', "to 366 days"),
        (
            "# root",
            "# root\ncontinue = true",
            "continue = true",
            "the first route takes what no other one does",
        ),
        ('contacts = ["inbox"]\n\n[[route]] # l', "[[route]] # l", "[[route]] # root", "needs `contacts` or"),
        ('match = { priority = 1, rule = "wan_*" }\n', "", None, "is never asked: 'lines' in line"),
        # matchers
        ("priority = 1", "priority = 4", 'match = { priority = 4, rule = "wan_*" }', "Invalid enum value 4"),
        ('"FPT"', '"FP[T"', 'match = { isp = "FP[T" }', "`isp` 'FP[T' has a [ without its ]"),
        ('"FPT"', '"[z-a]"', 'match = { isp = "[z-a]" }', "range that ends before it begins"),
        ('isp = "FPT"', 'cause = "isp_*s"', 'match = { cause = "isp_*s" }', "is none of system, fleet, city"),
        ('isp = "FPT"', "pupils_from = 0", "match = { pupils_from = 0 }", ">= 1"),
        ('isp = "FPT"', "isp = []", "match = { isp = [] }", "length >= 1"),
        ('isp = "FPT"', 'pupil = "x"', 'match = { pupil = "x" }', "unknown field `pupil`"),
        (
            '{ isp = "FPT" }',
            "{ priority = 3 }\ndigest_at = 06:00:00",
            "digest_at = 06:00:00",
            "no `active_time",
        ),
        (
            '{ isp = "FPT" }',
            '{ isp = "FPT" }\nactive_time = "digest"',
            'active_time = "digest"',
            "priority = 3",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_line(old: str, new: str, line: str | None, says: str) -> None:
    text = TEXT
    if line is None:  # the second route takes everything, and a third one is never asked
        text += '[[route]] # late\nname = "late"\n'
        line = "[[route]] # late"
    changed = text[::-1].replace(old[::-1], new[::-1], 1)[::-1]
    assert changed != text
    last = len(changed.splitlines()) - changed.splitlines()[::-1].index(line)
    with pytest.raises(ConfigurationError) as caught:
        parse_routes(changed)
    said = str(caught.value)
    assert says in said
    assert said.startswith(f"routes.toml, line {last}: ")
    assert "S3CRET" not in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[route", "routes.toml, line 1: this is no TOML: "),
        ("[[receiver]]\nname = 'x'", "line 1: Object contains unknown field `receiver`; it may have "),
        ("[[routes]]\nname = 'x'", "line 1: Object contains unknown field `routes`; did you mean `route`?"),
        ("", "routes.toml: has no [[route]]"),
        ('route = [{ name = "all" }]', "routes.toml, line 1: route 'all': the first route needs `contacts`"),
    ],
)
def test_a_file_that_is_no_list_of_routes_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_routes(text)
    assert says in str(caught.value)


def test_tables_in_braces_and_below_their_own_head_have_lines_too() -> None:
    text = TEXT.replace('match = { isp = "FPT" }', '\n[route.match]\nisp = "F[T"')
    wrong = line_of(text, 'isp = "F[T"')
    with pytest.raises(ConfigurationError, match=rf"line {wrong}: route 'deep'"):
        parse_routes(text)
    start, end = TEXT.index("[[escalation.step]]"), TEXT.index("[[route]]")
    steps = 'step = [\n  { wait = "5m", contacts = ["An"] },\n  { wait = "5m", contacts = [] },\n]\n'
    text = TEXT[:start] + steps + TEXT[end:]
    wrong = line_of(text, '  { wait = "5m", contacts = [] },')
    with pytest.raises(ConfigurationError, match=rf"line {wrong}: escalation 'calls', step 2"):
        parse_routes(text)


def test_names_are_the_same_however_their_letters_are_composed() -> None:
    decomposed = TEXT.replace('people = ["An", "Bình"]', 'people = ["An", "Bi\u0300nh"]')
    assert decomposed != TEXT
    assert parse_routes(decomposed) == parse_routes(TEXT)


REPORT = """
[[report]] # morning
name = "morning"
span = "day"
at = 07:30:00
contacts = ["crew", "inbox"]
"""


def test_a_report_has_one_paged_file_in_the_language_of_each_reader() -> None:
    (order,) = parse_routes(TEXT + REPORT).reports
    assert (order.span, order.at, order.contacts) == (SpanKind.DAY, time(7, 30), ("crew", "inbox"))
    assert (order.formats, order.language) == ((ReportFormat.PDF,), None)
    assert order.line == line_of(TEXT + REPORT, "[[report]] # morning")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('"day"', '"month"', 'span = "month"', "Invalid enum value 'month'"),
        ("at = 07:30:00\n", "", "[[report]] # morning", "required field `at`"),
        ("07:30:00", '"x"', 'at = "x"', "`$.at`"),
        ('"crew", ', '"Chi", ', 'contacts = ["Chi", "inbox"]', "no person, rota or channel: 'Chi'"),
        ('["crew", "inbox"]', "[]", "contacts = []", "length >= 1"),
        ('["crew", "inbox"]', '["inbox"]\nformats = ["ods"]', 'formats = ["ods"]', "enum value 'ods'"),
        ('["crew", "inbox"]', '["inbox"]\nformats = []', "formats = []", "length >= 1"),
        (
            REPORT,
            REPORT + REPORT.replace('"morning"', '"morning" # again'),
            'name = "morning" # again',
            "`name` is that of another report",
        ),
        (
            'name = "Bình"\n',
            'name = "Bình"\narea = "Sài Gòn"\n',
            'contacts = ["crew", "inbox"]',
            "reaches 'Bình', who has an `area`: reports are of the whole city",
        ),
    ],
)
def test_a_report_that_cannot_be_meant_is_refused(old: str, new: str, line: str, says: str) -> None:
    assert old in TEXT + REPORT
    text = (TEXT + REPORT).replace(old, new)
    with pytest.raises(ConfigurationError) as refused:
        parse_routes(text)
    assert says in str(refused.value)
    assert f"line {line_of(text, line)}: report 'morning'" in str(refused.value)
