"""The dashboard's HTTP interface over real PostgreSQL and NATS."""

import json
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from alerting.incidents.state import KeptIncident
from bus.codec import decode_action, decode_incident_action
from contract.access.area import Area
from contract.access.permission import Role
from contract.alert import Action
from contract.canary import SYSTEM_SCHOOL_ID
from contract.commit import Counts, KpiMinute
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, EntryKind
from contract.incident import Cause, CauseKind, IncidentDeed, IncidentEvent, IncidentEventKind
from contract.live import SILENCE_SUBJECT, IncidentChanged
from contract.reading import Readings, Scored
from contract.rejected import Reason, Rejected
from contract.routing.silence import SilenceMatcher
from contract.series import series_of
from contract.texts import Language, write_clock
from ops_dashboard.access.door import SESSION_COOKIE
from ops_dashboard.view.past import SPAN_US, WEEK_US
from tests.asking import asking
from tests.dashboard_stage import Stage, acknowledged, resolved
from tests.integration.test_http_edges import page_call
from tests.outbox import incident_of, put_incidents
from tests.outbox import resolved as over
from tests.signed_in import session_of
from tests.silence_words import HOUR_US, silence

MINUTE_US = 60_000_000


@pytest.fixture
def stage_settings() -> dict[str, Any]:
    """A broker that refused a device."""
    return {"broker_refused": lambda: {"nowhere/gw-1": 7}}


async def test_an_incident_has_its_timeline_its_alerts_and_its_former_ids(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    isp = stage.fleet.schools[0].isp
    same = [i for i, school in enumerate(stage.fleet.schools) if school.isp == isp][:8]
    first, *others = [stage.opened(i) for i in same]
    await stage.change(first)
    await stage.change(*others)
    (incident,) = (await client.get("/api/incidents")).json()["incidents"]
    assert (incident["cause"]["kind"], incident["cause"]["isp"]) == ("isp", isp)
    assert (incident["incident_id"], incident["alerts"], incident["state"]) == (
        first.alert.alert_id,
        len(same),
        "open",
    )
    found = (await client.get(f"/api/incidents/{incident['incident_id']}")).json()
    assert [event["kind"] for event in found["events"]] == ["opened", "cause_changed", "joined"]
    assert {m["alert"]["alert_id"] for m in found["members"]} == {
        changed.alert.alert_id for changed in (first, *others)
    }
    assert found["incident"]["lost_pupil_minutes"] >= 0
    assert found["aliases"] == []
    assert {m["place"]["code"] for m in found["members"]} == {stage.fleet.schools[i].code for i in same}
    assert [matcher["text"] for matcher in found["matchers"]] == ['rule="wan_down"', f'isp="{isp}"']


async def test_an_incident_has_its_words_and_says_whether_it_is_silenced(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    changed = stage.opened(0)
    await stage.change(changed)
    address = f"/api/incidents/{changed.alert.alert_id}?lang=en"
    found = (await client.get(address)).json()
    assert found["incident"]["words"]["name"] == stage.fleet.schools[0].name.removeprefix("Trường ")
    assert found["story"]["said"][-1] == "Nobody has it yet."
    assert found["incident"]["silenced"] is False
    matchers = [SilenceMatcher(m["name"], m["value"], m["is_regex"]) for m in found["matchers"]]
    made = silence("a", stage.now_us(), stage.now_us() + HOUR_US, *matchers)
    async with connect(
        stage.url.replace("http", "ws") + "/ws/live",
        origin=Origin(stage.url),
        additional_headers=stage.headers,
    ) as socket:
        await stage.commit(ALERTS_LOG, silences=(made,))
        await stage.live.publish(SILENCE_SUBJECT, msgspec.msgpack.encode(made))
        while msgspec.json.decode(await socket.recv()).get("open", {}).get("muted") != 1:
            pass
    found = (await client.get(address)).json()
    assert found["incident"]["silenced"] is True
    until = write_clock(made.until_us, Language.EN, stage.calendar.timezone)[:5]
    assert found["story"]["said"][-1] == f"It is silenced until {until}: nobody is told of it."
    assert [i["silenced"] for i in (await client.get("/api/incidents")).json()["incidents"]] == [True]
    alert_id = changed.alert.alert_id
    told = {"until_us": made.until_us, "silence_id": "a", "owner": made.owner, "reason": made.reason}
    assert (await client.get("/api/alerts")).json()["silenced"] == {alert_id: told}
    for state, rows in (("silenced", 1), ("open", 1), ("acknowledged", 0)):
        file = (await client.get(f"/api/alerts.csv?state={state}&lang=en")).text
        assert ("Silenced until" in file, file.count(alert_id)) == (True, rows)
    own = Area(schools=(stage.fleet.schools[0].code,))
    secret = await session_of(stage.conn, "Vũ", Role.SCHOOL, own, stage.fleet)
    async with asking(base_url=stage.url, cookies={SESSION_COOKIE: secret}) as school:
        # Who may not see silences is told until when nobody hears of it, not by whom and why.
        assert (await school.get("/api/alerts")).json()["silenced"] == {alert_id: {"until_us": made.until_us}}


async def test_the_id_of_a_merged_incident_gives_the_one_that_has_its_alerts(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    isp = stage.fleet.schools[0].isp
    same = [i for i, school in enumerate(stage.fleet.schools) if school.isp == isp][:8]
    for position in same[:2]:
        await stage.change(stage.opened(position))
    oldest = min(stage.incidents.kept.values(), key=began).incident.incident_id
    merged = stage.incidents.kept.keys() - {oldest}
    await stage.change(*(stage.opened(i) for i in same[2:]))
    (survivor,) = stage.incidents.kept
    assert survivor == oldest
    for incident_id in (survivor, *merged):
        found = (await client.get(f"/api/incidents/{incident_id}")).json()
        assert found["incident"]["incident_id"] == survivor
        assert set(found["aliases"]) == merged
    assert len(found["members"]) == len(same)


async def test_what_is_done_with_an_incident_is_an_entry_of_the_log_and_an_old_id_leads_to_the_survivor(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    isp = stage.fleet.schools[0].isp
    same = [i for i, school in enumerate(stage.fleet.schools) if school.isp == isp][:8]
    for position in same[:2]:
        await stage.change(stage.opened(position))
    alias = max(stage.incidents.kept.values(), key=began).incident.incident_id
    await stage.change(*(stage.opened(i) for i in same[2:]))
    (survivor,) = stage.incidents.kept
    alert_id = stage.incidents.kept[survivor].incident.incident_id
    lan: dict[str, str] = {"actor": " Lan "}
    deeds = [
        {"kind": "acknowledged", "note": "đang gọi"},
        {"kind": "handed_back"},
        {"kind": "assigned", "assignee": " Minh "},
        {"kind": "commented", "note": "đã gọi"},
        {"kind": "dismissed", "because": "planned_work"},
        {"kind": "resolved"},
        {"kind": "split", "alert_id": alert_id},
        {"kind": "merged", "with_id": alert_id},
    ]
    for deed in deeds:
        answer = await client.post(f"/api/incidents/{alias}/actions", json=lan | deed)
        assert (answer.status_code, answer.json()["incident_id"]) == (202, survivor), answer.text
    reader = await stage.log.reader(ALERTS_LOG, 0)
    raws = list(await reader.fetch(10, 5.0))
    while len(raws) < len(deeds):
        raws += await reader.fetch(10, 5.0)
    await reader.close()
    assert {raw.kind for raw in raws} == {EntryKind.INCIDENT_ACTION}
    actions = [decode_incident_action(raw.payload) for raw in raws]
    assert [action.kind for action in actions] == list(IncidentDeed)
    assert {(a.actor, a.incident_id) for a in actions} == {("Lan", survivor)}
    assert [(a.note, a.because, a.assignee, a.other) for a in actions] == [
        ("đang gọi", "", "", ""),
        ("", "", "", ""),
        ("", "", "Minh", ""),
        ("đã gọi", "", "", ""),
        ("", "planned_work", "", ""),
        ("", "", "", ""),
        ("", "", "", alert_id),
        ("", "", "", alert_id),
    ]
    assert answer.json()["action_id"] == actions[-1].action_id


async def test_a_timeline_says_who_was_late(stage: Stage, client: httpx.AsyncClient) -> None:
    await stage.change(stage.opened(0))
    ((incident_id, kept),) = stage.incidents.kept.items()
    late = IncidentEvent(
        incident_id,
        IncidentEventKind.COMMENTED,
        stage.now_us(),
        "Minh",
        action_id="x",
        tried="acknowledged",
        not_done="taken",
    )
    await stage.commit(ALERTS_LOG, incidents=(IncidentChanged(kept.incident, (late,)),))
    found = (await client.get(f"/api/incidents/{incident_id}", params={"lang": "en"})).json()
    assert [event["sentence"] for event in found["events"]] == [
        "Began (alerts: 1)",
        "Minh wanted to acknowledge it; not done: somebody else was first.",
    ]


def began(kept: KeptIncident) -> tuple[int, str]:
    """Return the age of an incident."""
    return kept.incident.began_at_us, kept.incident.incident_id


async def test_an_alert_has_its_history(stage: Stage, client: httpx.AsyncClient) -> None:
    first, second = stage.opened(0), stage.opened(1, "latency_high", 2)
    await stage.change(first, second)
    await stage.change(resolved(second, stage.now_us()))
    alerts = {a["alert_id"]: a for a in (await client.get("/api/alerts")).json()["alerts"]}
    assert alerts.keys() == {first.alert.alert_id, second.alert.alert_id}
    one = (await client.get(f"/api/alerts/{second.alert.alert_id}")).json()
    assert [event["kind"] for event in one["events"]] == ["opened", "resolved"]


async def test_an_acknowledgement_is_an_entry_of_the_log(stage: Stage, client: httpx.AsyncClient) -> None:
    changed = stage.opened(0)
    await stage.change(changed)
    url = f"/api/alerts/{changed.alert.alert_id}"
    accepted = await client.post(f"{url}/acknowledge", json={"actor": " Trần Văn An ", "note": "Đã gọi"})
    noted = await client.post(f"{url}/note", json={"actor": "Lan", "note": "FPT đang sửa"})
    assert (accepted.status_code, noted.status_code) == (202, 202)
    reader = await stage.log.reader(ALERTS_LOG, 0)
    actions = [decode_action(e.payload) for e in await reader.fetch(10, 5.0)]
    while len(actions) < 2:
        actions += [decode_action(e.payload) for e in await reader.fetch(10, 5.0)]
    await reader.close()
    assert [(a.kind, a.actor, a.note) for a in actions] == [
        ("acknowledged", "Trần Văn An", "Đã gọi"),
        ("noted", "Lan", "FPT đang sửa"),
    ]
    assert actions[0].action_id == accepted.json()["action_id"]


async def test_who_takes_the_center_takes_its_whole_line(stage: Stage, client: httpx.AsyncClient) -> None:
    own = [stage.opened_about_the_center(p) for p in range(4)]
    gap = stage.opened_about_the_center(0, "log_gap", 2, value=95.0)
    done = acknowledged(own[3], "Minh", stage.now_us())
    await stage.change(*own, done, gap, stage.opened(0))
    listed = {a["alert_id"]: a for a in (await client.get("/api/alerts")).json()["alerts"]}
    assert {listed[c.alert.alert_id]["school_id"] for c in own} == {SYSTEM_SCHOOL_ID}
    one = (await client.get(f"/api/alerts/{gap.alert.alert_id}")).json()
    assert (one["alert"]["value"], one["events"][0]["value"]) == (95.0, 95.0)
    url = f"/api/alerts/{own[1].alert.alert_id}"
    assert (await client.post(f"{url}/acknowledge", json={"actor": "Lan"})).status_code == 202
    assert (await client.post(f"{url}/note", json={"actor": "Lan", "note": "MQTT?"})).status_code == 202
    assert await stage.log.last_seq(ALERTS_LOG) == 4
    reader = await stage.log.reader(ALERTS_LOG, 0)
    actions: list[Action] = []
    while len(actions) < 4:  # one fetch may bring a part
        actions += [decode_action(e.payload) for e in await reader.fetch(4, 30.0)]
    await reader.close()
    assert {a.alert_id for a in actions[:3]} == {c.alert.alert_id for c in own[:3]}
    assert [a.kind for a in actions] == ["acknowledged"] * 3 + ["noted"]
    assert actions[3].alert_id == own[1].alert.alert_id


async def test_other_sites_may_not_act(stage: Stage, client: httpx.AsyncClient) -> None:
    changed = stage.opened(0)
    await stage.change(changed)
    url = f"/api/alerts/{changed.alert.alert_id}/acknowledge"
    body = {"actor": "An"}
    foreign = await client.post(url, json=body, headers={"Origin": "https://elsewhere.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")
    own = await client.post(url, json=body, headers={"Origin": stage.url})
    assert own.status_code == 202
    callback = await client.post("/_dash-update-component", json={}, headers={"Origin": "null"})
    assert callback.status_code == 403


async def test_a_series_is_raw_for_two_hours(stage: Stage, client: httpx.AsyncClient) -> None:
    school = stage.fleet.schools[0]
    device = stage.fleet.device_by_path[(school.code, "gw-1")]
    number = series_of(device.id, stage.catalogue.named("down_bps").id)
    end_us = stage.now_us()
    time_us = end_us - np.arange(59, -1, -1, dtype=np.int64) * MINUTE_US
    readings = Readings(time_us, np.full(60, number, np.int32), np.linspace(1e6, 6e7, 60))
    await stage.commit(
        "telemetry-0", counts=Counts(60, 60), rows=Scored(readings, np.full(60, np.nan, np.float32))
    )
    url = f"/api/series/{school.code}/gw-1/down_bps"
    raw = (await client.get(url)).json()
    assert (raw["bucket"], raw["unit"], len(raw["time_us"])) == ("raw", "bit/s", 60)
    assert raw["mean"] == readings.value.tolist()
    day = (await client.get(url, params={"from_us": end_us - 24 * 60 * MINUTE_US, "to_us": end_us})).json()
    assert day["bucket"] == "15m"


async def test_the_city_hour_leaves_out_what_is_unknown(stage: Stage, client: httpx.AsyncClient) -> None:
    down, up = (stage.catalogue.named(name).id for name in ("down_bps", "up_bps"))
    minute_us = stage.now_us() // MINUTE_US * MINUTE_US
    kpis = (
        KpiMinute(minute_us - 2 * MINUTE_US, 0, down, 40, 40, 4e8),
        KpiMinute(minute_us - 2 * MINUTE_US, 0, up, 40, 40, 1e8),
        KpiMinute(minute_us - MINUTE_US, 0, down, 40, 20, 2e8),
    )
    await stage.commit("telemetry-0", kpis=kpis)
    points = (await client.get("/api/city/bandwidth")).json()["points"]
    assert points == [[minute_us - 2 * MINUTE_US, 4e8, 1e8]]


async def test_the_day_so_far_has_learners_as_they_may_be_told_and_what_ended(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    users = stage.catalogue.named("active_users").id
    first_us = stage.now_us() // SPAN_US * SPAN_US - SPAN_US
    kpis = [
        KpiMinute(at_us - ago * WEEK_US + MINUTE_US, 0, users, schools, schools, 1_249.0)
        for ago in range(3)
        for at_us, schools in ((first_us, 60), (first_us - SPAN_US, 49))
    ]
    changed = stage.opened(0)
    await stage.change(changed)
    await stage.commit("telemetry-0", kpis=tuple(kpis))
    found = (await client.get("/api/day")).json()
    assert found["users"] == [[first_us, 1_200.0]], "of 49 schools nothing is told"
    assert found["users_usual"] == [[first_us, 1_200.0, 1_200.0]]
    assert (found["resolved"], found["resolved_count"]) == ([], 0)


async def test_the_page_of_refused_data_tells_whom_the_broker_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/_dash-update-component", json=page_call("/quarantine", "?lang=vi"))
    shown = json.dumps(answer.json(), ensure_ascii=False)
    assert "Máy chủ MQTT tự từ chối" in shown
    assert "nowhere/gw-1" in shown


async def test_quarantine_says_why_in_both_languages(stage: Stage, client: httpx.AsyncClient) -> None:
    rejected = tuple(
        Rejected(reason, "edu/v1/79/x/gw-1/bandwidth", "down_bps", stage.now_us(), 90)
        for reason in (Reason.NOT_JSON, Reason.NOT_JSON, Reason.FUTURE_TIME)
    )
    await stage.commit(QUARANTINE_LOG, rejected=rejected)
    page = (await client.get("/api/quarantine", params={"limit": 2})).json()
    assert [(c["reason"], c["count"]) for c in page["counts"]] == [("not_json", 2), ("future_time", 1)]
    assert page["counts"][0]["sentence"].keys() == {"vi", "en"}
    older = (await client.get("/api/quarantine", params={"before_id": page["rows"][-1]["id"]})).json()
    assert len(page["rows"]) == 2
    assert len(older["rows"]) == 1
    assert (await client.get("/api/quarantine", params={"reason": "nothing"})).status_code == 422


async def test_leadership_reads_its_day_in_the_document_itself(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    document = (await client.get("/kpi?lang=vi", headers={"Accept": "text/html"})).text
    before, _, rest = document.partition('<p class="lead-sentence">')
    said = rest.partition("</p>")[0]
    assert said.startswith("Hệ thống mới bắt đầu ghi nhận")
    assert "<script" not in before
    assert "lead-sentence" not in (await client.get("/", headers={"Accept": "text/html"})).text


async def test_status_adds_up(stage: Stage, client: httpx.AsyncClient) -> None:
    await stage.change(stage.opened(0))
    await stage.commit("telemetry-0", counts=Counts(14, 7, 2, 1, 4))
    status = (await client.get("/api/status")).json()
    ledger = status["logs"]["telemetry-0"]
    kinds = ("stored", "duplicate", "corrected", "quarantined")
    assert ledger["received"] == sum(ledger[kind] for kind in kinds) == 14
    assert ledger["entries_behind"] == 0
    assert sum(status["alerts_open"]) in (0, 1)


async def test_attendance_of_a_school_is_capped(stage: Stage, client: httpx.AsyncClient) -> None:
    changed = stage.opened(0, "attendance_low", 2, value=0.01)
    await stage.change(changed)
    one = (await client.get(f"/api/alerts/{changed.alert.alert_id}")).json()
    assert one["alert"]["value"] == one["events"][0]["value"] == 0.05


async def test_an_incident_tells_its_reach_and_how_the_same_ended_before(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    changed = stage.opened(0)
    await stage.change(changed)
    own = Cause(CauseKind.SCHOOL, school_id=changed.alert.school_id)
    other = Cause(CauseKind.SCHOOL, school_id=stage.fleet.schools[1].id)
    former, dismissed = (
        over(incident_of(n, own, assignee="Lan", because=why)) for n, why in ((7, ""), (8, "other"))
    )
    await put_incidents(stage.conn, former, dismissed, over(incident_of(9, other)))
    page = (await client.get(f"/api/incidents/{changed.alert.alert_id}?lang=en")).json()
    assert page["reach"] == [[changed.alert.opened_at_us, 1]]
    before = {one["incident_id"]: (one["ended"], one["lasted_s"], one["note"]) for one in page["similar"]}
    assert before == {
        former.incident_id: ("Lan had it.", 20 * 60, ""),
        dismissed.incident_id: ("Not a problem, because: Another reason.", 20 * 60, ""),
    }
