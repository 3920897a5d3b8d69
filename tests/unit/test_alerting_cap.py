"""Incidents as CAP 1.2: held against the structure of the standard, and against what may be told."""

import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, fromstring

import pytest

from alerting.messages.cap import ATOM, CAP, KEPT_US, is_told, write_cap, write_feed
from alerting.messages.story import Office
from config.files import load_configuration
from contract.fleet import Fleet
from contract.incident import Cause, CauseKind, Incident
from contract.texts import Language
from notifier.config import NotifierConfig
from notifier.shell import make_office
from tests.outbox import MINUTE_US, NOW_US, incident_of, resolved

WORD = r"[^\s,<&]+"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d"
TEXT = r"(?s)\S.*"
ONE, MAYBE, ANY, SOME = (1, 1), (0, 1), (0, 99), (1, 99)
Part = tuple[str, tuple[int, int], Any]
AREA: Final[tuple[Part, ...]] = (
    ("areaDesc", ONE, TEXT), ("polygon", ANY, TEXT), ("circle", ANY, TEXT),
    ("geocode", ANY, (("valueName", ONE, TEXT), ("value", ONE, TEXT))),
    ("altitude", MAYBE, TEXT), ("ceiling", MAYBE, TEXT),
)  # fmt: skip
INFO: Final[tuple[Part, ...]] = (
    ("language", MAYBE, r"[a-z]{2}-[A-Z]{2}"),
    ("category", SOME, "Geo|Met|Safety|Security|Rescue|Fire|Health|Env|Transport|Infra|CBRNE|Other"),
    ("event", ONE, TEXT),
    ("responseType", ANY, "Shelter|Evacuate|Prepare|Execute|Avoid|Monitor|Assess|AllClear|None"),
    ("urgency", ONE, "Immediate|Expected|Future|Past|Unknown"),
    ("severity", ONE, "Extreme|Severe|Moderate|Minor|Unknown"),
    ("certainty", ONE, "Observed|Likely|Possible|Unlikely|Unknown"),
    ("audience", MAYBE, TEXT), ("eventCode", ANY, TEXT), ("effective", MAYBE, TIME), ("onset", MAYBE, TIME),
    ("expires", MAYBE, TIME), ("senderName", MAYBE, TEXT), ("headline", MAYBE, TEXT),
    ("description", MAYBE, TEXT), ("instruction", MAYBE, TEXT), ("web", MAYBE, r"https?://\S+"),
    ("contact", MAYBE, TEXT), ("parameter", ANY, TEXT), ("resource", ANY, TEXT), ("area", ANY, AREA),
)  # fmt: skip
ALERT: Final[tuple[Part, ...]] = (
    ("identifier", ONE, WORD), ("sender", ONE, WORD), ("sent", ONE, TIME),
    ("status", ONE, "Actual|Exercise|System|Test|Draft"), ("msgType", ONE, "Alert|Update|Cancel|Ack|Error"),
    ("source", MAYBE, TEXT), ("scope", ONE, "Public|Restricted|Private"), ("restriction", MAYBE, TEXT),
    ("addresses", MAYBE, TEXT), ("code", ANY, TEXT), ("note", MAYBE, TEXT),
    ("references", MAYBE, rf"{WORD},{WORD},{TIME}( {WORD},{WORD},{TIME})*"), ("incidents", MAYBE, TEXT),
    ("info", ANY, INFO),
)  # fmt: skip
"""Elements in their order, how many there may be, and what they hold. Source: CAP 1.2, section 3.4."""


@pytest.fixture(scope="module")
def office(city: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Office:
    own, folder = load_configuration(None), tmp_path_factory.mktemp("office")
    config = NotifierConfig("", "http://wall.example", folder, folder)
    return make_office(config, city, own.catalogue, own.calendar, own.rules)


def faults(element: Element, parts: tuple[Part, ...], where: str) -> list[str]:
    """Return what is wrong with an element by the structure."""
    names = [child.tag.removeprefix(f"{{{CAP}}}") for child in element]
    order = [name for name, _, _ in parts]
    found = [f"{where}: {name} is unknown" for name in names if name not in order]
    if [n for n in order for m in names if n == m] != names:
        found.append(f"{where}: {names} are out of order")
    for name, (least, most), holds in parts:
        own = element.findall(f"{{{CAP}}}{name}")
        if not least <= len(own) <= most:
            found.append(f"{where}: {len(own)} times {name}")
        for child in own:
            if isinstance(holds, tuple):
                found += faults(child, holds, f"{where}/{name}")
            elif re.fullmatch(holds, child.text or "") is None:
                found.append(f"{where}/{name} is {child.text!r}")
    return found


def message(incident: Incident, office: Office) -> Element:
    """Return a message that fits the standard."""
    alert = fromstring(write_cap(incident, office, lambda us: us))
    assert alert.tag == f"{{{CAP}}}alert"
    assert faults(alert, ALERT, "alert") == []
    return alert


def texts(alert: Element, *names: str) -> Mapping[str, list[str | None]]:
    """Return what elements anywhere in a message hold."""
    return {name: [found.text for found in alert.iter(f"{{{CAP}}}{name}")] for name in names}


def of_ward(city: Fleet, **more: Any) -> Incident:
    """Return an outage in the first school's ward."""
    ward = city.ward_by_code[city.schools[0].ward_code]
    return incident_of(1, Cause(CauseKind.WARD, "", ward.cluster_code, ward.code), **more)


def test_a_message_speaks_both_languages(office: Office, city: Fleet) -> None:
    ward = city.ward_by_code[city.schools[0].ward_code]
    alert = message(of_ward(city), office)
    assert texts(alert, "status", "msgType", "identifier", "sent", "references", "incidents") == {
        "status": ["Actual"],
        "msgType": ["Alert"],
        "identifier": [f"0000000000000001.{NOW_US // 1_000_000}"],
        "sent": ["2026-11-23T09:13:20+07:00"],
        "references": [],
        "incidents": ["0000000000000001"],
    }
    assert texts(alert, "language", "urgency", "severity", "areaDesc", "value") == {
        "language": ["vi-VN", "en-US"],
        "urgency": ["Immediate"] * 2,
        "severity": ["Severe"] * 2,
        "areaDesc": [ward.name] * 2,
        "value": [ward.code, ward.cluster_code] * 2,
    }
    vi, en = texts(alert, "description")["description"]
    assert vi is not None
    assert "học sinh" in vi
    assert en == "Since 09:12. 12 schools, 7,300 pupils."


def test_what_changed_refers_to_the_first_message(office: Office, city: Fleet) -> None:
    incident = of_ward(city, counted_at_us=NOW_US + 3 * MINUTE_US + 5, exercise="x")
    first = message(of_ward(city), office)
    alert = message(incident, office)
    assert texts(alert, "status", "msgType")["msgType"] == ["Update"]
    assert texts(alert, "status")["status"] == ["Exercise"]
    known = texts(first, "sender", "identifier", "sent")
    assert texts(alert, "references")["references"] == [
        ",".join(str(known[name][0]) for name in ("sender", "identifier", "sent"))
    ]
    assert texts(alert, "identifier") != texts(first, "identifier")


def test_what_is_over_is_clear(office: Office, city: Fleet) -> None:
    alert = message(resolved(of_ward(city)), office)
    assert texts(alert, "msgType", "urgency", "responseType") == {
        "msgType": ["Update"], "urgency": ["Past"] * 2, "responseType": ["AllClear"] * 2
    }  # fmt: skip


@pytest.mark.parametrize("kind", [k for k in CauseKind if k not in (CauseKind.SYSTEM, CauseKind.SCHOOL)])
def test_every_cause_and_a_name_with_awkward_letters(office: Office, city: Fleet, kind: CauseKind) -> None:
    ward = city.ward_by_code[city.schools[0].ward_code]
    has_place = kind.value.endswith(("cluster", "ward"))
    cause = Cause(
        kind,
        '<a & "b">' if "isp" in kind.value else "",
        ward.cluster_code if has_place else "",
        ward.code if kind.value.endswith("ward") else "",
    )
    message(incident_of(1, cause), office)


@pytest.mark.parametrize("pupils", range(2, 12))
def test_no_number_of_pupils_below_k_is_told(office: Office, city: Fleet, pupils: int) -> None:
    few = of_ward(city, schools=1, most_schools=1, alerts=1, all_alerts=1, pupils=pupils, most_pupils=pupils)
    for incident in (few, resolved(few)):
        told = " ".join(str(text) for text in texts(message(incident, office), "description")["description"])
        assert (f"{pupils} pupils" in told) == (pupils >= 10)
        assert ("fewer than 10 pupils" in told) == (pupils < 10)


def test_the_feed_has_what_is_a_wards_and_not_over_for_a_day(office: Office, city: Fleet) -> None:
    over = resolved(of_ward(city))
    assert over.ended_at_us is not None
    assert is_told(over, over.ended_at_us + KEPT_US)
    others = [
        incident_of(2, Cause(CauseKind.SCHOOL, school_id=city.schools[0].id)),
        incident_of(3, Cause(CauseKind.SYSTEM), schools=0, most_schools=0),
        incident_of(4, Cause(CauseKind.FLEET)),
        of_ward(city, because="planned_work"),
        incident_of(
            5, Cause(CauseKind.ISP, isp="FPT"), rule="external/PeeringDown", schools=0, most_schools=0
        ),
    ]
    assert not any(is_told(incident, NOW_US) for incident in others)
    assert not is_told(over, over.ended_at_us + KEPT_US + 1)
    body = write_feed([of_ward(city), over], office, Language.VI, lambda us: us)
    feed = fromstring(body)
    links = [e.get("href") for e in feed.iterfind(f"{{{ATOM}}}entry/{{{ATOM}}}link")]
    assert links == ["http://wall.example/api/cap/0000000000000001"] * 2
    for name in ("id", "title", "updated", "author"):
        assert feed.find(f"{{{ATOM}}}{name}") is not None
    assert fromstring(write_feed([], office, Language.EN, lambda us: us)).tag == f"{{{ATOM}}}feed"
