"""Stories of work on an incident: who has it, what belongs to it, and when it is over."""

import pytest

from alerting.incidents.state import SETTLE_US
from contract.access.area import Area
from contract.alert import Because
from contract.canary import SYSTEM_SCHOOL_ID
from contract.incident import (
    SECOND_US,
    Cause,
    CauseKind,
    Incident,
    IncidentDeed,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
    NotDone,
)
from tests.incident_log import (
    MINUTE_US,
    PUPILS,
    Desk,
    LogEntry,
    acknowledged,
    did,
    opened,
    resolved,
    schools_of,
)

T0 = 1_795_399_200_000_000
"""A whole second."""
WARD = schools_of("FPT", 0)


def down(
    desk: Desk, schools: list[int], at_us: int, rule: str = "wan_down", priority: int = 2
) -> list[LogEntry]:
    """Let schools fail within a second, and let it pass."""
    entries = [opened(school, at_us, rule, priority) for school in schools]
    desk.take([*entries, LogEntry(at_us + SECOND_US)])
    return entries


def an_outage() -> tuple[Desk, Incident, list[LogEntry]]:
    """Return a desk with one incident of five schools."""
    desk = Desk()
    entries = down(desk, WARD, T0)
    (incident,) = desk.open()
    return desk, incident, entries


def now(desk: Desk, incident: Incident) -> Incident:
    """Return an incident as it stands now."""
    return desk.incidents[incident.incident_id]


def last(desk: Desk, incident: Incident) -> IncidentEvent:
    """Return the last line of a timeline."""
    return desk.work_on(incident.incident_id)[-1]


def alert_id(entry: LogEntry) -> str:
    """Return the alert that an entry opens."""
    assert entry.said is not None
    assert hasattr(entry.said, "alert_id")
    return str(entry.said.alert_id)


def said_of(desk: Desk, entry: LogEntry) -> list[tuple[str, str]]:
    """Return what happened to an alert, and by whom."""
    return [(e.kind, e.actor) for e in desk.history if e.alert_id == alert_id(entry)]


def test_two_engineers_take_it_at_once_and_the_first_has_it() -> None:
    desk, incident, entries = an_outage()
    at_us = T0 + 5 * SECOND_US
    desk.take(
        [
            did(IncidentDeed.ACKNOWLEDGED, incident.incident_id, at_us, "Lan"),
            did(IncidentDeed.ACKNOWLEDGED, incident.incident_id, at_us, "Minh", note="tôi cũng thấy"),
        ]
    )
    taken = now(desk, incident)
    assert (taken.state, taken.unacknowledged) == (IncidentState.ACKNOWLEDGED, 0)
    assert (taken.acknowledged_by, taken.assignee, taken.acknowledged_at_us) == ("Lan", "Lan", at_us)
    first, second = desk.work_on(incident.incident_id)[-2:]
    assert (first.kind, first.actor, first.alerts) == (IncidentEventKind.ACKNOWLEDGED, "Lan", 5)
    assert (second.kind, second.actor, second.note) == (
        IncidentEventKind.COMMENTED,
        "Minh",
        "tôi cũng thấy",
    )
    assert (second.tried, second.not_done) == (IncidentDeed.ACKNOWLEDGED, NotDone.TAKEN)
    for entry in entries:
        assert said_of(desk, entry) == [("opened", "eduops"), ("acknowledged", "Lan")]
        assert desk.alerts[alert_id(entry)].acknowledged_by == "Lan"


def test_an_alert_that_somebody_had_stays_with_the_first() -> None:
    desk, incident, entries = an_outage()
    desk.take([acknowledged(entries[0], T0 + 2 * SECOND_US, "Minh")])
    desk.take([did(IncidentDeed.ACKNOWLEDGED, incident.incident_id, T0 + 5 * SECOND_US, "Lan")])
    assert desk.alerts[alert_id(entries[0])].acknowledged_by == "Minh"
    assert said_of(desk, entries[0]) == [("opened", "eduops"), ("acknowledged", "Minh")]
    assert (now(desk, incident).acknowledged_by, last(desk, incident).alerts) == ("Lan", 4)


def test_what_joins_is_taken_along_and_what_is_more_urgent_is_not() -> None:
    desk, incident, _ = an_outage()
    desk.take([did(IncidentDeed.ACKNOWLEDGED, incident.incident_id, T0 + 5 * SECOND_US)])
    (slow,) = down(desk, WARD[:1], T0 + MINUTE_US, "latency_high", 3)
    assert (now(desk, incident).state, now(desk, incident).alerts) == (IncidentState.ACKNOWLEDGED, 6)
    assert said_of(desk, slow) == [("opened", "eduops"), ("acknowledged", "Lan")]
    assert last(desk, incident).kind is IncidentEventKind.JOINED
    urgent = down(desk, [s for s in schools_of("FPT") if s not in WARD], T0 + 2 * MINUTE_US, priority=1)
    sounds = now(desk, incident)
    assert (sounds.state, sounds.unacknowledged) == (IncidentState.OPEN, len(urgent))
    assert said_of(desk, urgent[0]) == [("opened", "eduops")]
    assert sounds.assignee == "Lan"


def test_what_joins_alerts_that_were_taken_one_by_one_sounds() -> None:
    desk, incident, entries = an_outage()
    desk.take([acknowledged(entry, T0 + 5 * SECOND_US) for entry in entries])
    assert now(desk, incident).state is IncidentState.ACKNOWLEDGED
    down(desk, WARD[:1], T0 + MINUTE_US, "latency_high", 3)
    assert now(desk, incident).state is IncidentState.OPEN


def test_handed_back_nobody_has_it_and_it_can_be_taken_anew() -> None:
    desk, incident, entries = an_outage()
    deed = did(IncidentDeed.ACKNOWLEDGED, incident.incident_id, T0 + 5 * SECOND_US, "Lan")
    back = did(IncidentDeed.HANDED_BACK, incident.incident_id, T0 + 6 * SECOND_US, "Lan", note="hết ca")
    desk.take([deed, back])
    free = now(desk, incident)
    assert (free.state, free.unacknowledged, free.assignee) == (IncidentState.OPEN, 5, None)
    assert (free.acknowledged_by, free.acknowledged_at_us) == (None, None)
    alert = desk.alerts[alert_id(entries[0])]
    assert (alert.acknowledged_by, alert.acknowledged_at_us) == (None, None)
    assert said_of(desk, entries[0])[-1] == ("handed_back", "Lan")
    desk.take([deed, back])
    assert now(desk, incident) == free, "what is told again changes nothing"
    desk.take([did(IncidentDeed.ACKNOWLEDGED, incident.incident_id, T0 + 9 * SECOND_US, "Minh")])
    assert now(desk, incident).acknowledged_by == "Minh"


def test_what_nobody_has_cannot_be_handed_back() -> None:
    desk, incident, _ = an_outage()
    desk.take([did(IncidentDeed.HANDED_BACK, incident.incident_id, T0 + 6 * SECOND_US)])
    assert now(desk, incident) == incident
    assert last(desk, incident).not_done == NotDone.NOT_TAKEN


def test_an_alert_whose_second_taker_was_told_again_stays_handed_back() -> None:
    desk, incident, entries = an_outage()
    first, second = (acknowledged(entries[0], T0 + n * SECOND_US, a) for n, a in ((5, "Lan"), (6, "Minh")))
    desk.take([first, second, did(IncidentDeed.HANDED_BACK, incident.incident_id, T0 + 7 * SECOND_US)])
    desk.take([second, first])
    assert desk.alerts[alert_id(entries[0])].acknowledged_by is None


def test_who_is_named_has_it_and_has_yet_to_take_it() -> None:
    desk, incident, _ = an_outage()
    at_us = T0 + 5 * SECOND_US
    desk.take([did(IncidentDeed.ASSIGNED, incident.incident_id, at_us, "Lan", assignee="Minh")])
    assert (now(desk, incident).assignee, now(desk, incident).state) == ("Minh", IncidentState.OPEN)
    assert (last(desk, incident).actor, last(desk, incident).assignee) == ("Lan", "Minh")
    desk.take([did(IncidentDeed.ASSIGNED, incident.incident_id, at_us, "An", assignee="Minh")])
    assert last(desk, incident).not_done == NotDone.SAME_ASSIGNEE


def test_dismissed_each_member_is_and_so_is_what_joins() -> None:
    desk, incident, entries = an_outage()
    why = Because.PLANNED_WORK.value
    desk.take(
        [
            did(IncidentDeed.DISMISSED, incident.incident_id, T0 + 5 * SECOND_US, "Lan", because=why),
            did(
                IncidentDeed.DISMISSED,
                incident.incident_id,
                T0 + 6 * SECOND_US,
                "Minh",
                because=Because.TOO_SENSITIVE.value,
            ),
        ]
    )
    (late,) = down(desk, WARD[:1], T0 + MINUTE_US, "latency_high", 3)
    for entry in (*entries, late):
        said = [(e.actor, e.because) for e in desk.history if e.alert_id == alert_id(entry)]
        assert said[1:] == [("Lan", why)]
        assert desk.alerts[alert_id(entry)].acknowledged_by == "Lan"
    assert (now(desk, incident).because, now(desk, incident).state) == (why, IncidentState.ACKNOWLEDGED)
    (second,) = [e for e in desk.timeline if e.actor == "Minh"]
    assert (second.not_done, second.because) == (NotDone.DISMISSED_BEFORE, "too_sensitive")


def test_what_measures_it_says_when_it_is_over_and_nobody_else() -> None:
    desk, incident, entries = an_outage()
    desk.take([did(IncidentDeed.RESOLVED, incident.incident_id, T0 + 5 * SECOND_US)])
    assert now(desk, incident) == incident
    assert (last(desk, incident).tried, last(desk, incident).not_done) == ("resolved", NotDone.MEASURED)
    over_us = T0 + MINUTE_US
    desk.take([*(resolved(entry, over_us) for entry in entries), LogEntry(over_us + SECOND_US)])
    at_us = over_us + 5 * SECOND_US
    assert at_us < over_us + SETTLE_US
    desk.take([did(IncidentDeed.RESOLVED, incident.incident_id, at_us)])
    ended = now(desk, incident)
    assert (ended.state, ended.ended_at_us) == (IncidentState.RESOLVED, at_us)
    assert (last(desk, incident).kind, last(desk, incident).actor) == (IncidentEventKind.RESOLVED, "Lan")


@pytest.mark.parametrize("minutes", [3, 300])
def test_after_its_end_there_are_only_words(minutes: int) -> None:
    desk, incident, entries = an_outage()
    desk.take([resolved(entry, T0 + MINUTE_US) for entry in entries])
    at_us = T0 + minutes * MINUTE_US
    desk.tick(at_us)
    ended = now(desk, incident)
    desk.take(
        [
            did(IncidentDeed.COMMENTED, incident.incident_id, at_us, note="tủ mạng mất điện"),
            did(IncidentDeed.ACKNOWLEDGED, incident.incident_id, at_us + 1),
        ]
    )
    words, tried = [e for e in desk.timeline if e.actor == "Lan"]
    assert (words.kind, words.note, words.not_done) == (
        IncidentEventKind.COMMENTED,
        "tủ mạng mất điện",
        "",
    )
    assert tried.not_done == NotDone.OVER
    assert now(desk, incident) == ended


def split_off(desk: Desk, incident: Incident, entry: LogEntry, at_us: int) -> Incident:
    """Split an alert off and return its incident."""
    desk.take([did(IncidentDeed.SPLIT, incident.incident_id, at_us, other=alert_id(entry))])
    (part,) = [i for i in desk.open() if i.split_from == incident.incident_id]
    return part


def test_what_is_split_off_does_not_rejoin_by_itself() -> None:
    desk, incident, entries = an_outage()
    school = WARD[0]
    part = split_off(desk, incident, entries[0], T0 + 10 * SECOND_US + 7)
    assert (part.cause, part.alerts) == (Cause(CauseKind.SCHOOL, school_id=school), 1)
    assert part.incident_id not in desk.alerts
    assert now(desk, incident).alerts == now(desk, incident).schools == 4
    assert (last(desk, incident).kind, last(desk, incident).other) == (
        IncidentEventKind.SPLIT,
        part.incident_id,
    )
    down(desk, [s for s in schools_of("FPT") if s not in WARD], T0 + MINUTE_US)
    assert now(desk, incident).cause == Cause(CauseKind.ISP, "FPT")
    assert now(desk, part).state is IncidentState.OPEN
    assert now(desk, part).alerts == 1

    desk.take([resolved(entries[0], T0 + 2 * MINUTE_US), LogEntry(T0 + 2 * MINUTE_US + SECOND_US)])
    down(desk, [school], T0 + 2 * MINUTE_US + 5 * SECOND_US)
    assert (now(desk, part).alerts, now(desk, part).all_alerts) == (1, 2), "it comes back to its own"
    down(desk, [school], T0 + 3 * MINUTE_US, "gateway_silent")
    assert now(desk, part).alerts == 1, "and nothing else comes to it"


def test_time_lost_goes_on_where_the_alert_is() -> None:
    desk, incident, entries = an_outage()
    part = split_off(desk, incident, entries[0], T0 + 11 * SECOND_US + 5)
    desk.take([*(resolved(e, T0 + MINUTE_US) for e in entries), LogEntry(T0 + MINUTE_US + SECOND_US)])
    assert now(desk, part).lost_pupil_s == 50 * PUPILS[WARD[0]]
    assert now(desk, incident).lost_pupil_s == 60 * sum(PUPILS[s] for s in WARD) - 50 * PUPILS[WARD[0]]


def test_the_only_alert_and_a_strange_one_cannot_be_split_off() -> None:
    desk, incident, entries = an_outage()
    (other,) = down(desk, [schools_of("Viettel", 3)[0]], T0 + MINUTE_US)
    single = desk.incidents[alert_id(other)]
    at_us = T0 + 2 * MINUTE_US
    desk.take([did(IncidentDeed.SPLIT, single.incident_id, at_us, other=alert_id(other))])
    assert last(desk, single).not_done == NotDone.LAST_MEMBER
    desk.take([did(IncidentDeed.SPLIT, incident.incident_id, at_us, other=alert_id(other))])
    assert last(desk, incident).not_done == NotDone.NO_MEMBER
    assert len(desk.open()) == 2
    assert len(entries) == now(desk, incident).alerts


@pytest.mark.parametrize("asks_the_older", [True, False])
def test_merged_the_older_id_stays_and_the_other_leads_to_it(asks_the_older: bool) -> None:
    desk, incident, _ = an_outage()
    (other,) = down(desk, [schools_of("Viettel", 3)[0]], T0 + MINUTE_US)
    single = desk.incidents[alert_id(other)]
    one, two = (incident, single) if asks_the_older else (single, incident)
    at_us = T0 + 2 * MINUTE_US
    desk.take([did(IncidentDeed.MERGED, one.incident_id, at_us, other=two.incident_id, note="một cáp")])
    (left,) = desk.open()
    assert (left.incident_id, left.alerts, left.cause) == (incident.incident_id, 6, incident.cause)
    assert left.beyond_cause
    assert desk.survivor(single.incident_id) == left
    ended = last(desk, single)
    assert (ended.kind, ended.actor, ended.note) == (IncidentEventKind.MERGED, "Lan", "một cáp")
    took = last(desk, incident)
    assert (took.kind, took.actor, took.other) == (
        IncidentEventKind.ABSORBED,
        "Lan",
        single.incident_id,
    )
    desk.take([did(IncidentDeed.ACKNOWLEDGED, single.incident_id, at_us + SECOND_US)])
    assert now(desk, incident).state is IncidentState.ACKNOWLEDGED, "an old link leads to the survivor"


def test_a_deed_reaches_no_further_than_who_does_it_may() -> None:
    """The door let it in while the outage was the ward's; when it is folded, the provider's line is down."""
    desk, incident, _ = an_outage()
    (other,) = down(desk, [schools_of("Viettel", 0)[0]], T0 + MINUTE_US)
    ward, at_us = Area(wards=("w0",)), T0 + 2 * MINUTE_US
    down(desk, [s for s in schools_of("FPT") if s not in WARD], at_us)
    assert now(desk, incident).cause == Cause(CauseKind.ISP, "FPT")
    single = desk.incidents[alert_id(other)]
    for one, two in ((incident, single), (single, incident)):
        at_us += MINUTE_US
        desk.take([did(IncidentDeed.MERGED, one.incident_id, at_us, area=ward, other=two.incident_id)])
        assert (last(desk, one).tried, last(desk, one).not_done) == (IncidentDeed.MERGED, NotDone.BEYOND_AREA)
    desk.take([did(IncidentDeed.ACKNOWLEDGED, incident.incident_id, at_us + 1, area=ward)])
    assert last(desk, incident).not_done == NotDone.BEYOND_AREA
    assert now(desk, incident).state is IncidentState.OPEN
    desk.take([did(IncidentDeed.ACKNOWLEDGED, single.incident_id, at_us + 2, area=ward)])
    assert now(desk, single).acknowledged_by == "Lan"
    desk.take([did(IncidentDeed.MERGED, incident.incident_id, at_us + 3, other=single.incident_id)])
    assert len(desk.open()) == 1, "whoever may act on the whole city merges them"


def test_what_was_split_off_may_be_merged_again_by_hand() -> None:
    desk, incident, entries = an_outage()
    part = split_off(desk, incident, entries[0], T0 + 10 * SECOND_US)
    desk.take([did(IncidentDeed.MERGED, part.incident_id, T0 + MINUTE_US, other=incident.incident_id)])
    assert [(i.incident_id, i.alerts, i.beyond_cause) for i in desk.open()] == [
        (incident.incident_id, 5, False)
    ]


def test_the_center_and_a_school_are_not_one_incident() -> None:
    desk, incident, _ = an_outage()
    (entry,) = down(desk, [SYSTEM_SCHOOL_ID], T0 + MINUTE_US, "feed_down")
    at_us = T0 + 2 * MINUTE_US
    for other, why in (
        (alert_id(entry), NotDone.OF_CENTER),
        (incident.incident_id, NotDone.NO_OTHER),
        ("0" * 16, NotDone.NO_OTHER),
    ):
        desk.take([did(IncidentDeed.MERGED, incident.incident_id, at_us, other=other)])
        at_us += 1
        assert last(desk, incident).not_done == why
    assert len(desk.open()) == 2


def test_a_deed_acts_in_one_order_whatever_a_restart_did() -> None:
    """An outage of which some come and go within a second, and come back: tables keep it in another order."""
    first = {school: opened(school, T0, "wan_down", 1) for school in (1, 4, 7, 10, 13)}
    again = [opened(school, T0 + 30 * SECOND_US, "wan_down", 1) for school in (1, 4, 7)]
    log = [
        *(first[1], acknowledged(first[1], T0)),
        *(entry for school in (4, 7, 10, 13) for entry in (first[school], resolved(first[school], T0))),
        *(opened(school, T0 + n, "wan_down", 1) for n, school in enumerate((2, 5, 8))),
        *again,
        LogEntry(T0 + 45 * SECOND_US),
        did(IncidentDeed.ACKNOWLEDGED, alert_id(first[1]), T0 + 61 * SECOND_US),
    ]
    whole, restarted = Desk(), Desk()
    whole.take(log)
    restarted.take(log[:-1])
    restarted.restart()
    restarted.take(log[-1:])
    acted = [event.alert_id for event in whole.history if event.kind == "acknowledged"]
    assert len(acted) == 7
    assert [event.alert_id for event in restarted.history if event.kind == "acknowledged"] == acted
