"""An acknowledgement does not hold for ever: what stays open and nobody works on is told again."""

from collections.abc import Sequence

import pytest

from contract.alert import Because, Transition
from contract.incident import IncidentDeed
from contract.routing.notice import NoticeReason
from contract.routing.routes_file import parse_routes
from tests.incident_log import MINUTE_US, PACKAGED, Desk, LogEntry, did, opened, schools_of

T0 = 1_795_399_200_000_000
HOUR_US = 60 * MINUTE_US
ROUTES = """
[[channel]]
name = "inbox"
url = "inbox://"
[[escalation]]
name = "calls"
{of_escalation}
[[escalation.step]]
wait = "20m"
contacts = ["inbox"]
[[route]]
name = "all"
contacts = ["inbox"]
{of_root}
[[route]]
name = "lines"
match = {{ rule = "wan_down" }}
escalation = "calls"
{of_route}
"""


def reminders(desk: Desk, log: Sequence[LogEntry], until_us: int) -> list[float]:
    """Return after how many hours of the opening it is told that an acknowledgement ran out."""
    desk.take(log)
    for at_us in range(T0 + HOUR_US, until_us, HOUR_US):
        if not any(entry.at_us >= at_us for entry in log):
            desk.tick(at_us)
    return [(n.at_us - T0) / HOUR_US for n in desk.notices if n.reason is NoticeReason.ACK_TIMEOUT]


def an_incident(priority: int = 1) -> tuple[LogEntry, str]:
    first = opened(schools_of("FPT")[0], T0, priority=priority)
    assert isinstance(first.said, Transition)
    return first, first.said.alert_id


def test_what_nobody_works_on_is_told_again_after_a_shift() -> None:
    first, incident = an_incident()
    log = [first, did(IncidentDeed.ACKNOWLEDGED, incident, T0 + HOUR_US)]
    assert reminders(Desk(), log, T0 + 8 * HOUR_US) == []
    assert reminders(Desk(), log, T0 + 12 * HOUR_US) == [9.0]


def test_any_deed_says_that_somebody_is_at_it() -> None:
    first, incident = an_incident()
    log = [
        first,
        did(IncidentDeed.ACKNOWLEDGED, incident, T0 + HOUR_US),
        did(IncidentDeed.COMMENTED, incident, T0 + 7 * HOUR_US, note="đợi nhà mạng"),
        did(IncidentDeed.ASSIGNED, incident, T0 + 14 * HOUR_US, assignee="Minh"),
    ]
    assert reminders(Desk(), log, T0 + 21 * HOUR_US) == []
    assert reminders(Desk(), log, T0 + 24 * HOUR_US) == [22.0]


def test_a_reminder_is_answered_by_a_deed_and_else_told_again() -> None:
    first, incident = an_incident()
    taken = did(IncidentDeed.ACKNOWLEDGED, incident, T0 + HOUR_US)
    silent = Desk()
    assert reminders(silent, [first, taken], T0 + 18 * HOUR_US) == [9.0]
    repeated = [n for n in silent.notices if n.reason is NoticeReason.REPEAT_INTERVAL]
    assert len(repeated) == 2, "every four hours, as of what nobody has"
    again = did(IncidentDeed.ACKNOWLEDGED, incident, T0 + 10 * HOUR_US, actor="Minh")
    answered = Desk()
    assert reminders(answered, [first, taken, again], T0 + 18 * HOUR_US) == [9.0]
    assert not [n for n in answered.notices if n.reason is NoticeReason.REPEAT_INTERVAL]


def test_nobody_is_reminded_of_what_is_no_problem() -> None:
    first, incident = an_incident()
    denied = did(IncidentDeed.DISMISSED, incident, T0 + HOUR_US, because=Because.KNOWN_FAULT)
    assert reminders(Desk(), [first, denied], T0 + 100 * HOUR_US) == []


@pytest.mark.parametrize(
    ("of_escalation", "of_root", "of_route", "hours"),
    [
        ("", "", "", 8),
        ("", 'ack_timeout = "3h"', "", 3),
        ('ack_timeout = "2h"', 'ack_timeout = "3h"', "", 2),
        ('ack_timeout = "2h"', "", 'ack_timeout = "5h"', 5),
        ("", "", 'ack_timeout = "never"', None),
        ('ack_timeout = "never"', "", "", None),
    ],
)
def test_the_nearest_word_holds(of_escalation: str, of_root: str, of_route: str, hours: int | None) -> None:
    text = ROUTES.format(of_escalation=of_escalation, of_root=of_root, of_route=of_route)
    routes = {route.name: route for route in parse_routes(text).routes}
    assert routes["lines"].escalation.ack_timeout_us == (None if hours is None else hours * HOUR_US)


def test_what_can_wait_is_brought_up_once_a_week() -> None:
    routes = {route.name: route for route in PACKAGED.routing.routes}
    assert routes["everything"].escalation.ack_timeout_us == 8 * HOUR_US
    assert routes["can wait"].escalation.ack_timeout_us == 7 * 24 * HOUR_US
