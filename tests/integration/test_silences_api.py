"""Silences over HTTP: seen, tried, wanted, ended; what is refused changes nothing."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar
from msgspec.structs import replace

from bus.codec import decode_silence_word
from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.entry import ALERTS_LOG, EntryKind
from contract.routing.silence import DAY_US, Silence, SilenceEnded, SilenceMatcher, SilenceSet, SilenceWord
from tests.alerts_owner import payloads_of
from tests.dashboard_stage import Stage, resolved
from tests.silence_words import HOUR_US, recurring, silence

ID = "5a7e1c52-9a0b-4e0e-8f43-0d6f3c3f9a11"
NEW_ID = "5a7e1c52-9a0b-4e0e-8f43-0d6f3c3f9a12"


def wish(stage: Stage, **other: Any) -> dict[str, Any]:
    """Return the body that wants a provider silenced for an hour."""
    usual: dict[str, Any] = {
        "matchers": [{"name": "isp", "value": stage.fleet.schools[0].isp}],
        "until_us": stage.now_us() + HOUR_US,
        "owner": "Lan",
        "reason": "nhà mạng bảo trì",
    }
    return {name: value for name, value in (usual | other).items() if value is not None}


async def words(stage: Stage) -> list[SilenceWord]:
    """Return what was said of silences in the alerts log."""
    return [decode_silence_word(payload) for payload in await payloads_of(stage.log, EntryKind.SILENCE)]


async def stored(stage: Stage, *silences: Silence) -> None:
    """Write silences as the owner of alerts does."""
    await stage.commit(ALERTS_LOG, silences=silences)


def of_first_school(stage: Stage, silence_id: str = ID, **more: Any) -> Silence:
    """Return a silence of the first school's provider, begun an hour ago."""
    isp = SilenceMatcher("isp", stage.fleet.schools[0].isp)
    return silence(silence_id, stage.now_us() - HOUR_US, stage.now_us() + DAY_US, isp, **more)


async def open_alerts(stage: Stage) -> list[Alert]:
    """Open an alert at each of the first ten schools; return those of the first one's provider."""
    opened = [stage.opened(position) for position in range(10)]
    await stage.change(*opened)
    isps = {school.id: school.isp for school in stage.fleet.schools}
    return [c.alert for c in opened if isps[c.alert.school_id] == stage.fleet.schools[0].isp]


async def test_a_silence_is_an_entry_of_the_log(stage: Stage, client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/silences", json=wish(stage, silence_id=ID, kind="maintenance"))
    assert (answer.status_code, answer.json()) == (202, {"silence_id": ID, "warnings": []})
    (word,) = await words(stage)
    assert isinstance(word, SilenceSet)
    made = word.silence
    assert (made.silence_id, made.owner, made.kind.value) == (ID, "Lan", "maintenance")
    assert made.from_us == made.created_at_us
    assert str(made.matchers[0]) == f'isp="{stage.fleet.schools[0].isp}"'


async def test_a_recurring_one_needs_no_end_if_its_rule_has_one(
    stage: Stage, client: httpx.AsyncClient, calendar: SchoolCalendar
) -> None:
    rule = {"rrule": "RRULE:FREQ=WEEKLY;BYDAY=SU;COUNT=2", "duration_s": 3 * 3600, "not_in_exam": True}
    from_us = stage.now_us() + DAY_US
    answer = await client.post(
        "/api/silences", json=wish(stage, from_us=from_us, until_us=None, recurrence=rule)
    )
    assert answer.status_code == 202, answer.text
    (word,) = await words(stage)
    assert isinstance(word, SilenceSet)
    assert word.silence.recurrence is not None
    assert word.silence.recurrence.timezone == calendar.timezone.key
    assert 7 * DAY_US < word.silence.until_us - from_us <= 14 * DAY_US


@pytest.mark.parametrize(
    ("other", "code", "said"),
    [
        ({"until_us": None}, "silence_no_end", "needs an end"),
        ({"owner": None}, "silence_no_owner", "who wants"),
        ({"reason": " "}, "silence_no_reason", "why"),
        ({"matchers": [{"name": "isp", "value": "(", "is_regex": True}]}, "silence_bad_pattern", "missing )"),
        (
            {"matchers": [{"name": "isp", "value": "a\u0007"}]},
            "silence_control_character",
            "isp has a control",
        ),
        ({"matchers": [{"name": "is\u0007p", "value": "a"}]}, "silence_bad_label", "is?p is no name"),
        ({"matchers": []}, "silence_no_matcher", "what should be muted"),
        ({"recurrence": {"rrule": "FREQ=SECONDLY", "duration_s": 1}}, "silence_bad_frequency", "FREQ"),
        (
            {"recurrence": {"rrule": "FREQ=DAILY", "duration_s": 10**30}},
            "silence_bad_duration",
            "longer than",
        ),
        ({"from_us": 10**30, "until_us": 10**31}, "silence_too_far", "400 days"),
        ({"surprise": 1}, "bad_request", "surprise"),
        ({"replaces": NEW_ID}, "unknown_silence", "No silence"),
    ],
)
async def test_what_is_refused_leaves_the_old_one_in_force(
    stage: Stage, client: httpx.AsyncClient, other: dict[str, Any], code: str, said: str
) -> None:
    await stored(stage, of_first_school(stage))
    answer = await client.post("/api/silences?lang=en", json=wish(stage, **{"replaces": ID, **other}))
    assert answer.json()["code"] == code
    assert said in answer.json()["sentence"]
    assert await words(stage) == []
    (known,) = (await client.get("/api/silences")).json()["silences"]
    assert (known["silence_id"], known["state"]) == (ID, "active")


async def test_silences_are_listed_with_what_they_mute(stage: Stage, client: httpx.AsyncClient) -> None:
    own = await open_alerts(stage)
    active = of_first_school(stage)
    from_us = stage.now_us() + HOUR_US
    pending = replace(active, silence_id=NEW_ID, from_us=from_us)
    expired = replace(active, silence_id="c", until_us=stage.now_us() - DAY_US, from_us=0)
    long_over = replace(active, silence_id="d", until_us=stage.now_us() - 8 * DAY_US, from_us=0)
    await stored(stage, active, pending, expired, long_over)
    answer = (await client.get("/api/silences")).json()
    found = {s["silence_id"]: (s["state"], s["mutes_now"], s["next_edge_us"]) for s in answer["silences"]}
    assert found == {
        ID: ("active", len(own), active.until_us),
        NEW_ID: ("pending", 0, from_us),
        "c": ("expired", 0, None),
    }
    assert answer["muted"] == len(own)


async def test_a_silence_is_tried_before_it_is_wanted(stage: Stage, client: httpx.AsyncClient) -> None:
    own = await open_alerts(stage)
    over = stage.opened(0, "latency_high", 3)
    await stage.change(over, resolved(over, stage.now_us()))
    body = wish(stage, owner=None, reason=None, until_us=stage.now_us() + 8 * DAY_US)
    seen = (await client.post("/api/silences/preview", json=body)).json()
    assert (seen["mutes_now"], seen["would_have_muted"], seen["matched"]) == (len(own), *[len(own) + 1] * 2)
    assert seen["by_priority"] == {"1": len(own), "2": 0, "3": 1}
    assert {e["school"] for e in seen["examples"]} <= {s.code for s in stage.fleet.schools[:10]}
    assert await words(stage) == []


async def test_a_silence_is_ended_once(stage: Stage, client: httpx.AsyncClient) -> None:
    made = of_first_school(stage)
    await stored(stage, made)
    answer = await client.delete(f"/api/silences/{ID}?actor=Minh")
    assert answer.status_code == 202, answer.text
    (word,) = await words(stage)
    assert isinstance(word, SilenceEnded)
    assert (word.silence_id, word.actor) == (ID, "Minh")
    await stored(stage, replace(made, ended_at_us=stage.now_us(), ended_by="Minh"))
    assert (await client.delete(f"/api/silences/{ID}?actor=Minh")).status_code == 409
    assert (await client.delete(f"/api/silences/{NEW_ID}?actor=Minh")).status_code == 404
    assert (await client.delete(f"/api/silences/{ID}")).status_code == 422
    assert (await client.post("/api/silences", json=wish(stage, replaces=ID))).json()[
        "code"
    ] == "silence_expired"


async def test_other_sites_may_not_silence(stage: Stage, client: httpx.AsyncClient) -> None:
    foreign = {"Origin": "http://elsewhere.example"}
    await stored(stage, of_first_school(stage))
    for answer in (
        await client.post("/api/silences", json=wish(stage), headers=foreign),
        await client.delete(f"/api/silences/{ID}?actor=Lan", headers=foreign),
    ):
        assert answer.json()["code"] == "foreign_origin"
    assert await words(stage) == []


async def test_silences_are_a_calendar_to_subscribe_to(stage: Stage, client: httpx.AsyncClient) -> None:
    weekly = recurring(NEW_ID, stage.now_us(), "FREQ=WEEKLY", 3, days=60, not_in_exam=True)
    await stored(stage, of_first_school(stage), weekly)
    answer = await client.get("/api/maintenance.ics?lang=en")
    assert answer.headers["content-type"].startswith("text/calendar")
    events = {str(e["UID"]): e for e in Calendar.from_ical(answer.text).walk("VEVENT")}
    assert events.keys() == {f"{ID}@eduops", f"{NEW_ID}@eduops"}
    event = events[f"{NEW_ID}@eduops"]
    assert str(event["SUMMARY"]) == 'Silence: isp="FPT"'
    lines = event.to_ical().decode().splitlines()
    assert any(line.startswith("RRULE:FREQ=WEEKLY;UNTIL=") for line in lines)
    assert sum(line.startswith("EXDATE") for line in lines) == 2  # the weeks of the first term's exams
    assert "nhà mạng bảo trì" in str(event["DESCRIPTION"])


async def test_a_name_that_nothing_has_is_warned_about_with_what_is_near(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    isp = stage.fleet.schools[0].isp
    mistyped = {"matchers": [{"name": "isp", "value": isp.lower() + "x"}]}
    for address, status in (("/api/silences/preview", 200), ("/api/silences", 202)):
        answer = await client.post(f"{address}?lang=en", json=wish(stage, **mistyped))
        assert answer.status_code == status, answer.text
        (told,) = answer.json()["warnings"]
        assert told.startswith(f"The center knows no isp called “{isp.lower()}x”")
        assert f"Near to it: {isp}" in told
        assert (await client.post(address, json=wish(stage))).json()["warnings"] == []


async def test_silences_are_a_table_for_spreadsheets(stage: Stage, client: httpx.AsyncClient) -> None:
    own = await open_alerts(stage)
    weekly = recurring(NEW_ID, stage.now_us() + DAY_US, "FREQ=WEEKLY", 3)
    await stored(stage, replace(of_first_school(stage), reason="=1+1"), weekly)
    answer = await client.get("/api/silences.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = {row["silence_id"]: row for row in csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))}
    assert rows[ID]["mutes_now"] == str(len(own))
    assert rows[ID]["reason"] == "'=1+1", "no spreadsheet program computes it"
    assert rows[NEW_ID]["rrule"] == "FREQ=WEEKLY"
    assert rows[NEW_ID]["next_from"] == rows[NEW_ID]["from"]


def calendar_file(*events: str) -> str:
    """Return a calendar file of these events."""
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:vnpt", *events, "END:VCALENDAR", ""])


def work(uid: str, begin_us: int, *more: str) -> str:
    """Return an event of three hours."""
    begin = datetime.fromtimestamp(begin_us // 1_000_000, UTC)
    first, last = (t.strftime("%Y%m%dT%H%M%SZ") for t in (begin, begin + timedelta(hours=3)))
    words = (f"UID:{uid}", f"DTSTART:{first}", f"DTEND:{last}", "SUMMARY:Bảo trì", *more)
    return "\r\n".join(("BEGIN:VEVENT", *words, "END:VEVENT"))


async def test_a_calendar_is_looked_at_and_then_taken_over_once(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    from_us = (stage.now_us() // 1_000_000 + 86_400) * 1_000_000
    file = calendar_file(work("a", from_us), work("b", from_us - 30 * DAY_US), "BEGIN:VEVENT\r\nEND:VEVENT")
    body = {"calendar": file, "matchers": wish(stage)["matchers"]}
    seen = (await client.post("/api/silences/import?lang=en", json=body | {"is_trial": True})).json()
    assert [(one["uid"], one["outcome"]) for one in seen["works"]] == [("a", "new"), ("b", "over")]
    assert len(seen["troubles"]) == 1
    assert await words(stage) == []
    taken = await client.post("/api/silences/import", json=body | {"owner": "Lan"})
    assert taken.status_code == 202, taken.text
    (word,) = await words(stage)
    assert isinstance(word, SilenceSet)
    assert (word.silence.uid, word.silence.from_us, word.silence.owner) == ("a", from_us, "Lan")
    assert taken.json()["works"][0]["silence_id"] == word.silence.silence_id
    await stored(stage, word.silence)
    again = (await client.post("/api/silences/import", json=body | {"owner": "Lan"})).json()
    assert again["works"][0]["outcome"] == "unchanged"
    assert len(await words(stage)) == 1


@pytest.mark.parametrize(
    "file", ["", "what?", "BEGIN:VCALENDAR", "BEGIN:VEVENT\r\nUID", "\x00", "END:VEVENT"]
)
async def test_what_is_no_calendar_is_refused_in_a_sentence(client: httpx.AsyncClient, file: str) -> None:
    body = {"calendar": file, "matchers": [{"name": "isp", "value": "VNPT"}], "owner": "Lan"}
    answer = await client.post("/api/silences/import", json=body)
    is_empty = answer.status_code == 202 and answer.json()["works"] == []
    assert is_empty or answer.json()["code"] == "silence_bad_calendar", answer.text


async def test_work_without_an_owner_or_a_condition_is_refused(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    body = {"calendar": calendar_file(work("a", stage.now_us() + DAY_US))}
    (one,) = (await client.post("/api/silences/import?lang=en", json=body)).json()["works"]
    assert (one["outcome"], one["refused"]) == ("refused", "It is not said who wants this silence (owner).")
    (one,) = (await client.post("/api/silences/import?lang=en", json=body | {"owner": "Lan"})).json()["works"]
    assert "what should be muted" in one["refused"]
    assert await words(stage) == []
