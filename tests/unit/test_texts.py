"""The catalogue of texts: both languages complete, every key used exists, every key is used."""

import re
from functools import partial
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerting.explanation.evidence import PeerKind
from alerting.explanation.verdict import Verdict
from alerting.incidents.response import GroupBy
from alerting.messages.wording import MessageForm
from alerting.outside.validity import OutsideFault
from alerting.silences.announced import ImportOutcome
from contract.access.decision import NotAllowed
from contract.access.fault import AccessFault
from contract.access.permission import Role, TokenScope
from contract.alert import ActionKind, Because, Beginning, Ending, TransitionKind
from contract.errors import ConfigurationError
from contract.figures.definitions import FigureName
from contract.figures.plan import RESPONSE_TIMES
from contract.figures.school_day import SESSION_PARTS
from contract.figures.spans import SpanKind
from contract.fleet import DeviceKind, Level
from contract.incident import CauseKind, IncidentDeed, IncidentEventKind, NotDone
from contract.rejected import Reason, RefusalDetail
from contract.routing.delivery import AttemptOutcome
from contract.routing.notice import HeldReason, NoticeFate, NoticeReason
from contract.routing.silence import SilenceFault, SilenceKind
from contract.routing.swap import SwapFault, SwapState
from contract.rule import CHANNEL_NAMES
from contract.special_days.special_day import BELLS, DayKind, DayVerdict
from contract.texts import (
    Language,
    Texts,
    parse_language,
    parse_texts,
    write_clock,
    write_clock_off,
    write_date,
    write_number,
)
from ingest.acceptance.verdict import ConnectDenial
from ops_dashboard.charts.school_charts import PLANS, RANGES
from ops_dashboard.pages.incidents import COLUMNS as INCIDENT_COLUMNS
from ops_dashboard.pages.leadership import INCIDENT_HEADS
from ops_dashboard.pages.quarantine import COLUMNS
from ops_dashboard.pages.registry import PAGES
from ops_dashboard.pages.response import LOAD_COLUMNS, SPANS, STANDING
from ops_dashboard.pages.silences import COLUMNS as SILENCE_COLUMNS
from ops_dashboard.pages.silences import GROUPS as SILENCE_GROUPS
from ops_dashboard.pages.silences import LABELS
from ops_dashboard.pages.wall import TILES
from ops_dashboard.people.audit_words import FIELDS as AUDIT_FIELDS
from ops_dashboard.people.audit_words import deed_key
from ops_dashboard.special_days.page import COLUMNS as CALENDAR_COLUMNS
from ops_dashboard.special_days.page import DECIDED_COLUMNS
from ops_dashboard.view.desk.finding import HitKind
from ops_dashboard.view.desk.lists import GROUPS
from ops_dashboard.view.leadership.beginning import COMPARED
from ops_dashboard.view.leadership.maker import OUTER
from ops_dashboard.view.lines import Trend
from ops_dashboard.view.timeline import BY_HAND
from tests.unit.test_audit_words import commands, deeds
from watchdog.watch import NoticeKind, Suspect

SHEET_TABLES = (
    *("incidents", "figures", "cluster", "ward", "isp", "schools", "metrics", "troubled", "systems"),
    *("coverage", "reasons", "ledger", "senders", "devices", "alerts", "members", "refusals", "response"),
    *("own_devices", "neighbours", "line", "received", "past", "refused"),
)
SHEET_HEADS = (
    *("priority", "incident", "reach", "pupils", "since", "who", "figure", "target", "name", "schools"),
    *(
        "troubled",
        "availability",
        "contract_kept",
        "adequate",
        "state",
        "school",
        "ward",
        "isp",
        "contracted",
    ),
    *("measured", "heard", "alerts", "metric", "value", "reporting", "latest", "alert", "dark", "reason"),
    *("refused", "todo", "outcome", "readings", "share", "device", "trouble", "detail", "system", "open"),
    *(
        "id",
        "what",
        "most",
        "silenced_until",
        "trend",
        "until",
        "code",
        "cluster",
        "at",
        "topic",
        "excerpt",
        "bytes",
        "group",
        "incidents",
    ),
    *(f"{name}_{part}" for name in SPANS for part in ("median", "p90")),
    *("right", "judged", "direction", "contract", "median", "p5", "peak", "minutes"),
    *(kind.value for kind in SpanKind),
    *(kind.value for kind in DeviceKind),
)
ROOT = Path(__file__).parents[2]
FAMILIES = {
    "reason": {reason.value for reason in Reason},
    "refused": {detail.value for detail in RefusalDetail},
    "denial": {denial.value for denial in ConnectDenial},
    "views": {"keep", "rename", "forget"},
    "level": {level.value for level in Level},
    "device": {kind.value for kind in DeviceKind},
    "range": set(RANGES),
    "figure": {plan.key for plan in PLANS}
    | {key for plan in PLANS for _, key in plan.metrics}
    | {key for plan in PLANS for key in plan.words or ()},
    "plot": {"usual", "hole"},
    "kpi": set(TILES) | {f"{name}_coverage" for name in TILES},
    "session": {"morning", "afternoon"},
    "wall": {trend.value for trend in Trend if trend is not Trend.STEADY}
    | {f"bad_{name}" for name in ("area", "view", "rotate", "scale", "dim")},
    "silence": {kind.value for kind in SilenceKind},
    "error": {
        *(f"silence_{fault.value}" for fault in SilenceFault),
        *(f"swap_{fault.value}" for fault in SwapFault),
        *(f"outside_{fault.value}" for fault in OutsideFault),
        *(fault.value for fault in (*AccessFault, *NotAllowed)),
        *("sign_in_wait", "sign_in_wrong"),
    },
    "role": {role.value for role in Role},
    "scope": {scope.value for scope in TokenScope},
    "calendar": {f"head_{name}" for name in (*CALENDAR_COLUMNS, *DECIDED_COLUMNS)}
    | {verdict.value for verdict in DayVerdict if verdict is not DayVerdict.WITHDRAWN}
    | {f"{deed}{more}" for deed in ("reject", "withdraw") for more in ("", "_subject")}
    | {"accept", "title", "why_page", "accept_all", "none", "reading", "decided", "decided_none"},
    "day_kind": {kind.value for kind in DayKind} | {BELLS},
    "day_effect": {kind.value for kind in DayKind} | {BELLS},
    "silences": {f"head_{name}" for name in SILENCE_COLUMNS}
    | {f"group_{group}" for group in SILENCE_GROUPS}
    | {f"label_{label}" for label in LABELS}
    | {f"outcome_{outcome.value}" for outcome in ImportOutcome}
    | {f"recurs_{often}" for often in ("once", "daily", "weekly", "monthly", "rule")}
    | {"title", "none", "new", "import", "table", "calendar"},
    "swap": {state.value for state in SwapState},
    "quarantine": set(COLUMNS),
    "state": {"n", "u", "c", "m", "p1", "p2", "p3"},
    "event": {kind.value for kind in (*TransitionKind, *ActionKind, *Beginning, *Ending)},
    "because": {code.value for code in Because},
    "timeline": {kind.value for kind in IncidentEventKind} | set(BY_HAND.values()) | {"held_all"},
    "told": {reason.value for reason in NoticeReason if not reason.is_of_report},
    "held": {reason.value for reason in HeldReason},
    "incident": {f"do_{deed.value}" for deed in IncidentDeed}
    | {f"group_{group}" for group in GROUPS}
    | {f"figure_{name}" for name in ("schools", "pupils", "lost", "lasted")}
    | {"do_silence", *INCIDENT_COLUMNS},
    "weekday": {str(day) for day in range(7)},
    "attempt": {outcome.value for outcome in AttemptOutcome},
    "message": {form.value for form in MessageForm},
    "notice_reason": {reason.value for reason in NoticeReason if not reason.is_of_report},
    "notice_fate": {fate.value for fate in NoticeFate},
    "deed": {deed.value for deed in IncidentDeed if deed is not IncidentDeed.COMMENTED},
    "not_done": {reason.value for reason in NotDone},
    "response": {f"by_{by.value}" for by in GroupBy}
    | {f"choose_{name}" for name in ("by", "days")}
    | {f"table_{name}" for name in ("times", "exercises", "load")}
    | {f"head_{name}" for name in ("group", "incidents", *SPANS, "precision", *LOAD_COLUMNS)}
    | {"title", "why", "none", "days", "group_none", "load", "load_why", "load_none", *STANDING},
    "explain": {f"verdict_{verdict.value}" for verdict in Verdict}
    | {f"advice_{verdict.value}" for verdict in Verdict if verdict is not Verdict.UNKNOWN}
    | {f"found_{channel}" for channel in (*CHANNEL_NAMES, "other", "offline")}
    | {f"cause_{kind.value}" for kind in CauseKind if kind not in (CauseKind.SCHOOL, CauseKind.SYSTEM)}
    | {f"same_{kind.value}" for kind in PeerKind},
    "alerts": {"state", "priority", "rule", "cluster", "isp"}
    | {f"state_{state}" for state in ("open", "acknowledged", "silenced", "resolved")},
    "watchdog": {suspect.value for suspect in Suspect} | {f"said_{kind.value}" for kind in NoticeKind},
    "measure": {name.value for name in FigureName} | set(RESPONSE_TIMES),
    "leadership": {f"title_{kind.value}" for kind in SpanKind}
    | {f"{word}{kind.value}" for kind in SpanKind for word in ("", "lost_", "span_")}
    | {f"compare_{kind.value}" for kind in OUTER}
    | {f"compared_{kind.value}" for kind in COMPARED}
    | {f"part_{part.value}" for part in SESSION_PARTS}
    | {f"head_{name}" for name in INCIDENT_HEADS},
    "sheet": {f"system_{kind.value}" for kind in DeviceKind}
    | {f"head_{name}" for name in SHEET_HEADS}
    | {f"{word}_{name}" for word in ("table", "none") for name in SHEET_TABLES}
    | {f"about_{kind}" for kind in ("isp", "cluster", "ward")}
    | {f"ledger_{name}" for name in ("stored", "duplicate", "corrected", "quarantined")}
    | {f"{word}_{name}" for word in ("trouble", "todo") for name in ("twice", "refused", "over_share")}
    | {f"device_{word}" for word in ("works", "silent", "unheard", "waiting")}
    | {f"beside_{kind}" for kind in ("ward", "isp_cluster", "isp")}
    | {"csv", "excel"},
    "find": {kind.value for kind in HitKind},
    "record": {deed_key(name).removeprefix("record.") for name in deeds() | commands()}
    | {f"field_{name}" for name in AUDIT_FIELDS}
    | {f"part_{verb}" for verb in ("changed", "added", "removed")},
    "nav": {page.link.removeprefix("nav.") for page in PAGES if page.link},
}
"""Keys that the code puts together, by their first word."""


@pytest.fixture(scope="module")
def texts() -> Texts:
    return parse_texts((files("config") / "texts.toml").read_text(encoding="utf-8"))


def written_keys() -> set[str]:
    """Return every key that stands in a script or module as a whole."""
    found: set[str] = set()
    packages = [ROOT / name for name in ("alerting", "eduops", "ops_dashboard")]
    sources = [
        path for package in packages for end in ("py", "js", "html") for path in package.rglob(f"*.{end}")
    ]
    for path in sources:
        found |= set(re.findall(r"""['"]([a-z]+\.[a-z0-9_]+)['"]""", path.read_text(encoding="utf-8")))
        found |= {
            f"error.{code}"
            for code in re.findall(r'(?:Refusal\(\d+, |texts, \d+, )"(\w+)"', path.read_text())
        }
    return found


def test_every_key_that_the_code_says_exists(texts: Texts) -> None:
    words = {key.partition(".")[0] for key in texts.keys}
    said = {key for key in written_keys() if key.partition(".")[0] in words}
    said = {key for key in said if not key.endswith((".js", ".json", ".toml", ".csv"))}  # names of files
    assert said - texts.keys == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_key_that_is_put_together_exists(texts: Texts, family: str) -> None:
    assert {f"{family}.{name}" for name in FAMILIES[family]} - texts.keys == set()


def test_no_key_is_dead(texts: Texts) -> None:
    built = {f"{family}.{name}" for family, names in FAMILIES.items() for name in names}
    assert texts.keys - written_keys() - built == set()


def test_both_languages_have_the_same_places(texts: Texts) -> None:
    vietnamese, english = texts.all_of(Language.VI), texts.all_of(Language.EN)
    for key, sentence in vietnamese.items():
        assert set(re.findall(r"\{(\w+)\}", sentence)) == set(re.findall(r"\{(\w+)\}", english[key])), key


def test_places_are_filled(texts: Texts) -> None:
    assert texts.say("school.unknown", Language.EN, code="x-1") == "No school has the code x-1"
    with pytest.raises(ConfigurationError, match=r"no\.such"):
        texts.say("no.such", Language.VI)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x = 1", "'x'"),
        ("x = ", "not TOML"),
        ('[a]\nb = { vi = "một" }', "a.b"),
        ('[a]\nb = { vi = "một", en = " " }', "a.b"),
        ('[a]\nb = { vi = "một", en = "one", fr = "un" }', "a.b"),
        ('[a]\nb = { vi = 1, en = "one" }', "a.b"),
    ],
)
def test_a_wrong_catalogue_is_refused_by_place(text: str, place: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(place)):
        parse_texts(text)


@pytest.mark.parametrize(
    ("value", "decimals", "vietnamese", "english"),
    [
        (98.75, 2, "98,75", "98.75"),
        (1760, 0, "1.760", "1,760"),
        (-1234567.5, 1, "-1.234.567,5", "-1,234,567.5"),
    ],
)
def test_numbers_as_each_language_writes_them(
    value: float, decimals: int, vietnamese: str, english: str
) -> None:
    assert write_number(value, Language.VI, decimals) == vietnamese
    assert write_number(value, Language.EN, decimals) == english


@pytest.mark.parametrize(
    ("off_s", "vietnamese", "english"),
    [
        (-25_201.0, "chậm 7 giờ", "7 h behind"),
        (900.0, "nhanh 15 phút", "15 min ahead"),
        (119.0, "nhanh 119 giây", "119 s ahead"),
        (-400_000.0, "chậm 5 ngày", "5 d behind"),
        (float(2**31 - 1), "không chỉ giờ thật", "at no real time"),
    ],
)
def test_a_wrong_clock_is_told_in_spans_that_people_know(
    texts: Texts, off_s: float, vietnamese: str, english: str
) -> None:
    for language, told in ((Language.VI, vietnamese), (Language.EN, english)):
        assert write_clock_off(off_s, partial(texts.say, language=language), language) == told


def test_times_are_local() -> None:
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    at_us = 1_795_395_545_000_000
    assert write_date(at_us, Language.VI, zone) == "23/11/2026"
    assert write_date(at_us, Language.EN, zone) == "23 Nov 2026"
    assert write_clock(at_us, Language.VI, zone).endswith(":05")


@pytest.mark.parametrize(
    ("word", "language"), [("vi", Language.VI), ("en", Language.EN), ("fr", None), (None, None)]
)
def test_a_language_by_its_word(word: str | None, language: Language | None) -> None:
    assert parse_language(word) is language
