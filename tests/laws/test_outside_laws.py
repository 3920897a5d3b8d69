"""Alerts from outside follow from the log alone; who is told of one is told that it is over."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from contract.alert import Alert, OutsideReport
from contract.incident import CauseKind
from contract.routing.silence import SilenceMatcher
from tests.incident_log import FLEET, MINUTE_US, SECOND_US, Desk, LogEntry, folded, reported
from tests.laws.test_incident_laws import BEGAN_US, cut, logs
from tests.silence_words import silence, wanted

few = settings(max_examples=60)
LABELS = (
    {"alertname": "DiskFull", "instance": "a"},
    {"alertname": "DiskFull", "instance": "b", "severity": "critical"},
    {"alertname": "SiteDown", "school": "s3", "priority": "1"},
    {"alertname": "SiteDown", "school": "s6", "system": "gateway"},
    {"alertname": "PeeringDown", "provider": "FPT", "severity": "info"},
    {"job": "nameless"},
)


@st.composite
def reports(draw: st.DrawFn) -> list[LogEntry]:
    """Return an alerts log of reports from outside among outages of ours, by log time, and time to end."""
    entries = draw(logs()) if draw(st.booleans()) else []
    for number in range(draw(st.integers(1, 14))):
        at_us = BEGAN_US + draw(st.integers(0, 80)) * MINUTE_US // 4 + number
        lasts_us = draw(st.sampled_from((-3600, -1, 0, 1, 7, 60, 240, 1200))) * SECOND_US
        starts_us = at_us - draw(st.sampled_from((0, 0, 30, 900, -20))) * SECOND_US
        entries.append(reported(at_us, lasts_us, draw(st.sampled_from(LABELS)), starts_us))
    entries += [
        LogEntry(BEGAN_US + tick * SECOND_US) for tick in draw(st.lists(st.integers(0, 1200), max_size=4))
    ]
    entries.sort(key=lambda entry: entry.at_us)
    return [*entries, LogEntry(entries[-1].at_us + 2 * 86_400 * SECOND_US)]


def told(desk: Desk) -> tuple[object, ...]:
    """Return all that a desk has written down."""
    return (
        desk.alerts, desk.history, desk.incidents, desk.timeline, desk.notices, desk.courses, desk.outside
    )  # fmt: skip


def outside_alerts(desk: Desk) -> list[Alert]:
    """Return the alerts from outside, by their opening."""
    found = [alert for alert in desk.alerts.values() if alert.outside is not None]
    return sorted(found, key=lambda alert: (alert.opened_at_us, alert.alert_id))


@few
@given(reports(), st.data())
def test_any_cutting_and_any_restart_gives_the_same_alerts(
    entries: list[LogEntry], data: st.DataObject
) -> None:
    whole, desk = folded([entries]), Desk()
    for stretch in cut(data, entries):
        desk.take(stretch)
        assert desk.restored() == desk.state
        desk.restart()
    assert told(desk) == told(whole)


@few
@given(reports(), st.data())
def test_what_is_said_again_changes_nothing(entries: list[LogEntry], data: st.DataObject) -> None:
    again: list[LogEntry] = []
    for n, entry in enumerate(entries):
        again.append(entry)
        before = data.draw(st.lists(st.integers(0, n), max_size=1))
        again += [entries[i]._replace(at_us=entry.at_us) for i in before if is_report(entries[i])]
    assert told(folded([again])) == told(folded([entries]))


def is_report(entry: LogEntry) -> bool:
    """Return whether an entry reports an alert from outside."""
    return isinstance(entry.said, OutsideReport)


@few
@given(reports(), st.data())
def test_a_tick_more_changes_nothing(entries: list[LogEntry], data: st.DataObject) -> None:
    moments = data.draw(st.lists(st.integers(entries[0].at_us, entries[-1].at_us), max_size=8))
    more = sorted([*entries, *map(LogEntry, moments)], key=lambda entry: entry.at_us)
    assert told(folded([more])) == told(folded([entries]))


@few
@given(reports())
def test_every_alert_ends_and_its_labels_have_one_at_a_time(entries: list[LogEntry]) -> None:
    desk = folded([entries])
    ends: dict[str, int] = {}
    for alert in outside_alerts(desk):
        assert alert.outside is not None
        assert alert.resolved_at_us is not None
        assert alert.opened_at_us >= ends.get(alert.outside.fingerprint, 0)
        ends[alert.outside.fingerprint] = alert.resolved_at_us
    firing = {
        e.said.outside.fingerprint
        for e in entries
        if isinstance(e.said, OutsideReport) and e.said.ends_us > e.said.at_us
    }
    assert ends.keys() == firing
    assert not desk.outside
    rules = {alert.rule for alert in outside_alerts(desk)}
    owed = [p for p in desk.telling.pursuits.values() if rules.issuperset(p.incident.rules)]
    assert not owed, "nothing is owed any more"


def told_of(entries: Sequence[LogEntry]) -> list[tuple[float, str]]:
    """Return when somebody is told, in seconds after the first entry, and why."""
    return [((n.at_us - entries[0].at_us) / SECOND_US, n.reason.value) for n in folded([entries]).notices]


def test_what_is_reported_again_goes_on_and_ends_when_nobody_does() -> None:
    four = 4 * MINUTE_US
    entries = [reported(BEGAN_US + n * MINUTE_US, four, LABELS[1]) for n in range(3)]
    desk = folded([[*entries, LogEntry(BEGAN_US + 20 * MINUTE_US)]])
    (alert,) = outside_alerts(desk)
    assert alert.resolved_at_us == BEGAN_US + 6 * MINUTE_US
    assert [(e.kind, e.note) for e in desk.history] == [("opened", ""), ("resolved", "not_resent")]
    assert told_of([*entries, LogEntry(BEGAN_US + 20 * MINUTE_US)]) == [(31, "opened"), (421, "resolved")]


def test_what_is_said_to_be_over_is_over_then_and_opens_anew_later() -> None:
    start_us, five = BEGAN_US, 5 * MINUTE_US
    entries = [
        reported(start_us, five, LABELS[1]),
        reported(start_us + MINUTE_US, -SECOND_US, LABELS[1]),
        reported(start_us + 2 * MINUTE_US, five, LABELS[1], start_us),
        LogEntry(start_us + 3 * MINUTE_US),
    ]
    first, second = outside_alerts(folded([entries]))
    assert first.resolved_at_us == start_us + MINUTE_US - SECOND_US
    assert (second.opened_at_us, second.resolved_at_us) == (start_us + 2 * MINUTE_US, None)
    assert first.alert_id != second.alert_id


def test_labels_say_where_it_is_and_how_urgent() -> None:
    entries = [reported(BEGAN_US + n, MINUTE_US, labels) for n, labels in enumerate(LABELS)]
    desk = folded([[*entries, LogEntry(BEGAN_US + 2 * SECOND_US)]])
    found = {alert.outside: (alert.rule, alert.school_id, alert.priority) for alert in desk.alerts.values()}
    schools = FLEET.school_by_code
    assert [found[e.said.outside] for e in entries if isinstance(e.said, OutsideReport)] == [
        ("external/DiskFull", 0, 2),
        ("external/DiskFull", 0, 1),
        ("external/SiteDown", schools["s3"].id, 1),
        ("external/SiteDown", schools["s6"].id, 2),
        ("external/PeeringDown", 0, 3),
        ("external", 0, 2),
    ]
    causes = sorted((i.cause.kind, i.cause.isp, i.rule, i.alerts) for i in desk.incidents.values())
    assert causes == [
        (CauseKind.ISP, "FPT", "external/PeeringDown", 1),
        (CauseKind.SCHOOL, "", "external/SiteDown", 1),
        (CauseKind.SCHOOL, "", "external/SiteDown", 1),
        (CauseKind.SYSTEM, "", "external", 1),
        (CauseKind.SYSTEM, "", "external/DiskFull", 2),
    ]


def test_what_follows_at_one_instance_is_one_incident_and_nobody_is_told_again() -> None:
    down = {"alertname": "HostDown", "instance": "a", "severity": "critical"}
    slow = {"alertname": "DiskSlow", "instance": "a", "severity": "warning"}
    other = slow | {"instance": "c"}
    five = 5 * MINUTE_US
    end = LogEntry(BEGAN_US + 4 * MINUTE_US)
    apart_us = 2 * SECOND_US
    follows = [reported(BEGAN_US, five, down), reported(BEGAN_US + apart_us, five, slow), end]
    assert [i.alerts for i in folded([follows]).incidents.values()] == [2]
    assert told_of(follows) == [(31, "opened")]
    # What is more urgent is told, and what is elsewhere is another one, although the name is in one already.
    worse = [reported(BEGAN_US, five, slow), reported(BEGAN_US + apart_us, five, down), end]
    assert len(told_of(worse)) == 2
    # An incident of several instances is of none: others there are told by themselves.
    several = [reported(BEGAN_US, five, down | {"instance": name}) for name in "ab"]
    assert len(folded([[*several, follows[1], end]]).incidents) == 2
    elsewhere = [*follows[:2], reported(BEGAN_US + 2 * apart_us, five, other), end]
    assert sorted(i.alerts for i in folded([elsewhere]).incidents.values()) == [1, 2]


def test_a_silence_chooses_it_by_its_own_labels_and_by_ours() -> None:
    for matcher in (
        SilenceMatcher("instance", "b"),
        SilenceMatcher("alertname", "DiskFull"),
        SilenceMatcher("rule", "external"),
        SilenceMatcher("priority", "P1"),
    ):
        made = wanted(silence("x", BEGAN_US, BEGAN_US + 60 * MINUTE_US, matcher, created_at_us=BEGAN_US))
        entries = [
            made,
            reported(BEGAN_US + 1, 10 * MINUTE_US, LABELS[1]),
            LogEntry(BEGAN_US + 9 * MINUTE_US),
        ]
        assert told_of(entries) == [], matcher
    other = wanted(
        silence(
            "x", BEGAN_US, BEGAN_US + 60 * MINUTE_US, SilenceMatcher("instance", "a"), created_at_us=BEGAN_US
        )
    )
    assert told_of(
        [other, reported(BEGAN_US + 1, 10 * MINUTE_US, LABELS[1]), LogEntry(BEGAN_US + 9 * MINUTE_US)]
    )
