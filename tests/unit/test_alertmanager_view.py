"""What is open, in Alertmanager's words: each label set once, incidents as groups, routes as its YAML."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from alerting.silences.matching import compiled
from config.files import load_configuration
from contract.alert import Alert, fingerprint
from contract.canary import SYSTEM_SCHOOL_ID, system_series
from contract.incident import Cause, CauseKind, Incident, IncidentState
from contract.routing.routes_file import parse_routes
from contract.routing.silence import Silence, SilenceMatcher
from ops_dashboard.view.alertmanager import (
    AlertChoice,
    OpenDesk,
    WireState,
    WireWorld,
    has_matchers,
    tell_alerts,
    tell_groups,
    tell_silence,
)
from ops_dashboard.view.alertmanager_config import glob_pattern, write_config
from tests.incident_log import FLEET, MINUTE_US
from tests.silence_words import HOUR_US, recurring, silence

NOW_US = 1_795_399_200_000_000
SHIFT_US = 86_400_000_000
"""The log's clock is a day ahead."""
ROUTES = """
[[channel]]
name = "inbox"
url = "inbox://"
[[person]]
name = "Lan: \\"#1\\""
channels = ["inbox"]
[[escalation]]
name = "night"
repeat = 1
[[escalation.step]]
contacts = ["inbox"]
wait = "5m"
[[escalation.step]]
contacts = ["Lan: \\"#1\\""]
wait = "5m"
[[route]]
name = "all"
contacts = ["inbox"]
[[route]]
name = "big"
match = { pupils_from = 500, ward = ["W[!Q]", "W.1"], priority = [1, 2] }
escalation = "night"
continue = true
[[route]]
name = "later"
match = { priority = 3 }
active_time = "digest"
"""
ROUTING = parse_routes(ROUTES)
WORLD = WireWorld(
    FLEET,
    load_configuration(None).calendar,
    ROUTING,
    lambda log_us: log_us - SHIFT_US,
    lambda alert: {"summary": alert.rule},
    lambda incident_id: f"http://wall/incidents/{incident_id}",
)


def alert(number: int, **more: Any) -> Alert:
    """Return an alert at the school at `number`, its gateway's."""
    school = FLEET.schools[number]
    usual = Alert(
        f"{number:016x}", "wan_down", school.id << 8, school.id, 1, NOW_US - MINUTE_US, NOW_US, 0.0, 0.5,
        None, None, 100,
    )  # fmt: skip
    return replace(usual, **more)


def incident(name: str, number: int) -> Incident:
    """Return the open incident of one school."""
    cause = Cause(CauseKind.SCHOOL, school_id=FLEET.schools[number].id)
    return Incident(
        incident_id=name, state=IncidentState.OPEN, cause=cause, rule="wan_down", rules=("wan_down",),
        cause_rules=(), priority=1, worst_priority=1, alerts=1, all_alerts=1, unacknowledged=1, schools=1,
        most_schools=1, pupils=600, most_pupils=600, lost_pupil_s=0, counted_at_us=NOW_US,
        began_at_us=NOW_US, opened_at_us=NOW_US, last_opened_at_us=NOW_US,
    )  # fmt: skip


def desk(alerts: Sequence[Alert], of: Mapping[str, str], *silences: Silence) -> OpenDesk:
    """Return what is open now, its incidents by the id of an alert."""
    incidents = {name: incident(name, n) for n, name in enumerate(sorted(set(of.values())))}
    return OpenDesk(alerts, incidents, of, silences, NOW_US)


def states(open_now: OpenDesk, **choice: Any) -> dict[str, WireState]:
    """Return the states that are told, by school."""
    told = tell_alerts(open_now, WORLD, AlertChoice(**choice))
    return {one.labels["school"]: one.status.state for one in told}


def test_an_alert_is_unprocessed_then_active_or_suppressed() -> None:
    one, two, three = alert(0), alert(1), alert(2)
    quiet = silence("q", NOW_US - 1, NOW_US + HOUR_US, SilenceMatcher("school", "School 1"))
    over = silence("o", NOW_US - 2, NOW_US, SilenceMatcher("school", "s0"))
    open_now = desk([one, two, three], {one.alert_id: "a", two.alert_id: "b"}, quiet, over)
    found = {"s0": WireState.ACTIVE, "s1": WireState.SUPPRESSED, "s2": WireState.UNPROCESSED}
    assert states(open_now) == found
    for choice, state in (("active", "s0"), ("silenced", "s1"), ("unprocessed", "s2")):
        assert states(open_now, **{choice: False}) == {k: v for k, v in found.items() if k != state}
    (muted,) = tell_alerts(open_now, WORLD, AlertChoice([SilenceMatcher("school", "s1")]))
    assert muted.status.silenced_by == ["q"]


def test_a_filter_knows_every_name_of_a_label() -> None:
    open_now = desk([alert(0), alert(1)], {})
    for matcher in (
        SilenceMatcher("school", "School 1"),
        SilenceMatcher("school", "s[1-9]", is_regex=True),
        SilenceMatcher("isp", FLEET.schools[0].isp, is_equal=False),
    ):
        assert list(states(open_now, matchers=[matcher])) == ["s1"], matcher


def test_times_are_those_of_whoever_asks() -> None:
    (told,) = tell_alerts(desk([alert(0)], {}), WORLD, AlertChoice())
    real_us = NOW_US - SHIFT_US
    starts = datetime.fromtimestamp((real_us - MINUTE_US) // 1_000_000, UTC)
    assert datetime.fromisoformat(told.starts_at) == starts
    assert datetime.fromisoformat(told.ends_at).timestamp() == real_us // 1_000_000 + 300


def test_what_has_the_same_labels_is_told_once() -> None:
    center = [
        alert(n, rule="feed_down", school_id=SYSTEM_SCHOOL_ID, series=system_series(n)) for n in range(3)
    ]
    (told,) = tell_alerts(desk(center, {}), WORLD, AlertChoice())
    assert told.labels["system"] == "center"
    assert told.fingerprint == fingerprint(told.labels)
    assert len({fingerprint(labels) for labels in ({"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""})}) == 3


def test_an_incident_is_a_group_for_each_of_its_receivers() -> None:
    one, two, young = alert(0), alert(1), alert(2)
    open_now = desk([one, two, young], {one.alert_id: "a", two.alert_id: "b"})
    groups = tell_groups(open_now, WORLD, AlertChoice())
    contacts = ["inbox", 'Lan: "#1"']
    assert [(g.labels["incident"], g.receiver.name) for g in groups] == [
        (name, contact) for name in ("a", "b") for contact in contacts
    ]
    assert [r.name for r in groups[0].alerts[0].receivers] == contacts
    assert groups[0].alerts[0].generator_url == "http://wall/incidents/a"
    some = tell_groups(open_now, WORLD, AlertChoice(takes_receiver=lambda name: name == "inbox"))
    assert [g.receiver.name for g in some] == ["inbox", "inbox"]


def test_a_silence_is_told_with_its_state_and_found_by_its_matchers() -> None:
    weekly = recurring("w", NOW_US + HOUR_US, "FREQ=WEEKLY", 3)
    told = tell_silence(weekly, WORLD, NOW_US)
    assert (told.status["state"], told.created_by, told.matchers[0].value) == ("pending", "Lan", "FPT")
    assert has_matchers(weekly, [SilenceMatcher("isp", "F.*", is_regex=True)])
    assert not has_matchers(weekly, [SilenceMatcher("isp", "VNPT")])
    assert not has_matchers(weekly, [SilenceMatcher("school", "", is_regex=True)])


def test_the_routes_are_a_configuration_of_alertmanager() -> None:
    text = write_config(ROUTING)
    told = yaml.safe_load(text)
    both = 'inbox, Lan: "#1"'
    assert {r["name"] for r in told["receivers"]} == {"inbox", 'Lan: "#1"', both}
    big, later = told["route"]["routes"]
    assert (told["route"]["receiver"], big["receiver"], later["receiver"]) == ("inbox", both, "inbox")
    assert (big["continue"], later["continue"]) == (True, False)
    assert big["matchers"] == ['priority=~"1|2"', r'ward=~"W[^Q]|W\\.1"']
    assert told["route"]["group_wait"] == "30s"
    assert "# only from 500 pupils on" in text
    assert "# told digest, by the school calendar" in text


@pytest.mark.parametrize(
    ("glob", "fits", "does_not"),
    [
        ("wan_*", "wan_down", "lan_down"),
        ("a?c", "abc", "ac"),
        ("a.c(1)|{}^$+\\", "a.c(1)|{}^$+\\", "abc"),
        ("[!a-c]x", "dx", "ax"),
        ("[]^]x", "]x", "ax"),
        ("Trường *", "Trường A", "Truong A"),
    ],
)
def test_a_glob_is_a_pattern(glob: str, fits: str, does_not: str) -> None:
    pattern = compiled(glob_pattern(glob))
    assert pattern.fullmatch(fits.encode())
    assert not pattern.fullmatch(does_not.encode())
