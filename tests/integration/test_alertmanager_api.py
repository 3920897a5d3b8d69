"""Alertmanager's API v2, asked by its own tool, which is unmodified, and over HTTP."""

import asyncio
import json
import shutil
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bus.codec import encode_transitions
from contract.access.area import CITY
from contract.access.permission import TokenScope
from contract.alert import Transition, TransitionKind
from contract.entry import ALERTS_LOG, EntryKind
from contract.routing.silence import DAY_US, Silence
from storage.people.credentials import issue_token
from storage.silences import silences_since
from tests.asking import asking
from tests.dashboard_stage import Stage, program
from tests.running_owner import running_owner
from tests.running_system import until
from tests.silence_words import HOUR_US, recurring, silence

AMTOOL = shutil.which("amtool")
needs_amtool = pytest.mark.skipif(AMTOOL is None, reason="no amtool (package prometheus-alertmanager)")


@pytest.fixture
async def owned(stage: Stage, postgres_url: str) -> AsyncIterator[Stage]:
    """A dashboard whose alerts log is folded, with an alert at each of the first four schools."""
    async with running_owner(stage, postgres_url):
        opened = [stage.opened(position).alert for position in range(4)]
        transitions = [
            Transition(
                a.alert_id, TransitionKind.OPENED, a.rule, a.series, a.school_id, a.priority, a.opened_at_us,
                a.opened_at_us, a.detected_at_us,
            )
            for a in opened
        ]  # fmt: skip
        payload = encode_transitions(transitions)
        await stage.log.append(ALERTS_LOG, EntryKind.TRANSITION, payload, at_us=stage.now_us())
        async with asking(base_url=stage.url, headers=await program(stage)) as client:

            async def all_are_in_an_incident() -> bool:
                told = (await client.get("/api/v2/alerts?unprocessed=false")).json()
                return len(told) == len(opened)

            await until(all_are_in_an_incident, "all alerts are in incidents")
        yield stage


async def amtool(stage: Stage, *words: str) -> str:
    """Return what amtool says; that it succeeds is part of every test."""
    assert AMTOOL is not None
    scope, name = TokenScope.OPERATE, uuid.uuid4().hex
    token = await issue_token(stage.conn, name, scope, CITY, 1, "test")
    address = stage.url.replace("http://", f"http://amtool:{token}@")
    made = await asyncio.create_subprocess_exec(
        AMTOOL, f"--alertmanager.url={address}", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, wrong = await made.communicate()
    assert made.returncode == 0, wrong.decode()
    return said.decode()


async def queried(stage: Stage, *words: str) -> list[Any]:
    """Return what amtool reads, as JSON."""
    return list(json.loads(await amtool(stage, "-o", "json", *words)))


async def stored(stage: Stage) -> dict[str, Silence]:
    """Return all silences, by id."""
    return {s.silence_id: s for s in await silences_since(stage.conn, 0)}


def of_first_school(stage: Stage, **other: Any) -> dict[str, Any]:
    """Return the body that wants the first school's provider silenced for an hour."""
    now = datetime.now(UTC)
    usual: dict[str, Any] = {
        "matchers": [{"name": "isp", "value": stage.fleet.schools[0].isp, "isRegex": False}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "lan",
        "comment": "bảo trì",
    }
    return usual | other


@needs_amtool
async def test_amtool_reads_the_open_alerts(owned: Stage) -> None:
    schools = owned.fleet.schools[:4]
    told = await queried(owned, "alert", "query")
    assert {alert["labels"]["school"] for alert in told} == {s.code for s in schools}
    (one,) = await queried(owned, "alert", "query", "alertname=wan_down", f'school=~"{schools[1].code}"')
    assert (one["status"]["state"], one["receivers"]) == ("active", [{"name": "inbox"}])
    assert one["labels"]["device"] == "gw-1"
    assert schools[1].name in one["annotations"]["summary"]
    assert abs((read_time(one["startsAt"]) - datetime.now(UTC)).total_seconds() + 60) < 30
    assert len(await queried(owned, "alert", "query", f"ward={told[0]['labels']['ward']}")) >= 1
    assert await queried(owned, "alert", "query", "isp=nobody") == []
    assert await queried(owned, "alert", "query", "--receiver=nobody") == []
    assert schools[0].code in await amtool(owned, "-o", "extended", "alert", "query")


def read_time(text: str) -> datetime:
    """Return a moment as the interface writes it."""
    return datetime.fromisoformat(text)


@needs_amtool
async def test_amtool_makes_changes_and_ends_a_silence(owned: Stage) -> None:
    code = owned.fleet.schools[0].code
    made = (
        await amtool(owned, "silence", "add", "-a", "lan", "-c", "bảo trì", "-d", "2h", f"school={code}")
    ).strip()
    (told,) = await queried(owned, "silence", "query")
    assert (told["id"], told["status"]["state"], told["createdBy"]) == (made, "active", "lan")
    assert len(await queried(owned, "alert", "query")) == 3
    (muted,) = await queried(owned, "alert", "query", "--silenced")
    assert (muted["labels"]["school"], muted["status"]["silencedBy"]) == (code, [made])
    assert await queried(owned, "silence", "query", "school=other") == []
    await amtool(owned, "silence", "update", "-d", "5h", made)
    (changed,) = await queried(owned, "silence", "query", f"school={code}")
    assert changed["id"] != made
    kept = await stored(owned)
    assert (kept[made].replaced_by, kept[made].owner) == (changed["id"], "lan")
    assert kept[changed["id"]].until_us - owned.now_us() > 4 * HOUR_US
    await amtool(owned, "silence", "expire", changed["id"])
    assert await queried(owned, "silence", "query") == []
    assert {s["id"] for s in await queried(owned, "silence", "query", "--expired")} == {made, changed["id"]}
    assert len(await queried(owned, "alert", "query")) == 4


@needs_amtool
async def test_amtool_brings_silences_from_elsewhere(owned: Stage, tmp_path: Path) -> None:
    others = [
        of_first_school(owned, id=str(uuid.uuid4()), status={"state": "active"}, comment=f"{n}")
        for n in range(3)
    ]
    file = tmp_path / "silences.json"
    file.write_text(json.dumps(others), encoding="utf-8")
    await amtool(owned, "silence", "import", str(file))
    told = await queried(owned, "silence", "query")
    assert {s["comment"] for s in told} == {"0", "1", "2"}
    assert not {s["id"] for s in told} & {s["id"] for s in others}


@needs_amtool
async def test_amtool_reads_the_routes(stage: Stage) -> None:
    assert '"inbox"' in await amtool(stage, "config", "show")
    assert "inbox" in await amtool(stage, "config", "routes", "show")
    assert (await amtool(stage, "config", "routes", "test", "priority=3")).split() == ["inbox"]
    assert "disabled" in await amtool(stage, "cluster", "show")


async def test_incidents_are_groups_and_contacts_receivers(owned: Stage) -> None:
    async with asking(base_url=owned.url, headers=await program(owned)) as client:
        groups = (await client.get("/api/v2/alerts/groups")).json()
        receivers = (await client.get("/api/v2/receivers")).json()
        incidents = (await client.get("/api/incidents")).json()["incidents"]
    assert receivers == [{"name": "inbox"}]
    found = {g["labels"]["incident"]: len(g["alerts"]) for g in groups}
    assert found == {i["incident_id"]: i["alerts"] for i in incidents}
    assert {g["receiver"]["name"] for g in groups} == {"inbox"}
    links = {a["generatorURL"] for g in groups for a in g["alerts"]}
    assert links == {f"{owned.url}/incidents/{name}" for name in found}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"matchers": []}, "what should be muted"),
        ({"matchers": [{"name": "isp", "value": "", "isRegex": False}]}, "mute everything"),
        ({"matchers": [{"name": "isp", "value": "(", "isRegex": True}]}, "missing )"),
        ({"comment": ""}, "why"),
        ({"createdBy": " "}, "who wants"),
        ({"createdBy": "Lan\u202e"}, "actor"),
        ({"createdBy": "eduops"}, "actor"),
        ({"endsAt": "2001-01-01T00:00:00Z"}, "does not end after"),
        ({"endsAt": "9999-12-31T23:59:59Z"}, "30 days"),
    ],
)
async def test_a_silence_that_may_not_be_is_refused_by_a_sentence(
    stage: Stage, client: httpx.AsyncClient, other: dict[str, Any], said: str
) -> None:
    answer = await client.post("/api/v2/silences?lang=en", json=of_first_school(stage, **other))
    assert answer.status_code == 400
    assert said in answer.json()
    assert await stage.log.last_seq(ALERTS_LOG) == 0


async def test_what_is_asked_wrongly_is_refused_by_a_sentence(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    for path in ("alerts?filter=nothing", "alerts?receiver=(", "silences?filter=a=~%22(%22"):
        answer = await client.get(f"/api/v2/{path}")
        assert (answer.status_code, type(answer.json())) == (400, str), path
    for text in ("[" * 30_000, "[" * 30_000 + "]" * 30_000, "", "{}", "[1]", '[{"labels": []}]'):
        answer = await client.post("/api/v2/alerts", content=text)
        assert (answer.status_code, type(answer.json())) == (400, str), text[:20]
    unknown = uuid.uuid4()
    assert (await client.get(f"/api/v2/silence/{unknown}")).status_code == 404
    assert (await client.delete(f"/api/v2/silence/{unknown}")).status_code == 404
    body = of_first_school(stage, id=str(unknown))
    assert (await client.post("/api/v2/silences", json=body)).status_code == 404
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert (await client.post("/api/v2/silences", json=body, headers=cross)).status_code == 403


def posted(name: str, **more: Any) -> dict[str, Any]:
    """Return an alert as Prometheus posts it, of the last minute, and good for five."""
    now = datetime.now(UTC)
    usual = {
        "labels": {"alertname": name, "instance": "db:9187", "severity": "critical"},
        "annotations": {"summary": "Đĩa của db còn 3 %"},
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        "endsAt": (now + timedelta(minutes=5)).isoformat(),
        "generatorURL": "http://prometheus/graph",
    }
    return usual | more


async def told_names(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the open alerts by their name."""
    return {a["labels"]["alertname"]: a for a in (await client.get("/api/v2/alerts")).json()}


@needs_amtool
async def test_amtool_adds_an_alert_and_takes_it_back(owned: Stage) -> None:
    code = owned.fleet.schools[0].code
    words = ("LinkSaturated", f"school={code}", "severity=info", "team=mạng")
    await amtool(owned, "alert", "add", *words, "--annotation=summary=95 %")

    async def is_open() -> bool:
        return len(await queried(owned, "alert", "query", "alertname=LinkSaturated")) == 1

    await until(is_open, "the alert is open")
    (told,) = await queried(owned, "alert", "query", "team=mạng", "priority=P3", "rule=external")
    assert told["labels"] == {
        "alertname": "LinkSaturated", "school": code, "severity": "info", "team": "mạng"
    }  # fmt: skip
    assert told["annotations"] == {"summary": "95 %"}
    over = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    await amtool(owned, "alert", "add", *words, f"--end={over}")

    async def is_over() -> bool:
        return not await queried(owned, "alert", "query", "alertname=LinkSaturated")

    await until(is_over, "the alert is over")


async def test_an_alert_from_outside_becomes_an_incident_and_ends(owned: Stage) -> None:
    async with asking(base_url=owned.url, headers=await program(owned)) as client:
        assert (await client.post("/api/v2/alerts", json=[posted("DiskFull")])).status_code == 200

        async def incident() -> dict[str, Any] | None:
            known = (await client.get("/api/incidents?lang=en")).json()["incidents"]
            return next((i for i in known if i["rule"] == "external/DiskFull"), None)

        async def is_there() -> bool:
            return await incident() is not None

        await until(is_there, "it is an incident")
        found = await incident()
        assert found is not None
        assert (found["priority"], found["cause"]["kind"], found["words"]["what"]) == (
            1,
            "system",
            "DiskFull",
        )
        page = (await client.get(f"/api/incidents/{found['incident_id']}?lang=en")).json()
        assert "Đĩa của db còn 3 %" in page["story"]["why"]
        told = (await told_names(client))["DiskFull"]
        assert (told["generatorURL"], told["status"]["state"]) == ("http://prometheus/graph", "active")
        over = posted("DiskFull", endsAt=datetime.now(UTC).isoformat())
        assert (await client.post("/api/v2/alerts", json=[over])).status_code == 200

        async def is_over() -> bool:
            return "DiskFull" not in await told_names(client)

        await until(is_over, "the alert is over")


async def test_of_a_batch_the_good_alerts_are_kept_and_the_others_refused(owned: Stage) -> None:
    bad = [
        posted("x", labels={}),
        posted("x", labels={"a": ""}),
        posted("x", labels={"a b": "c"}),
        posted("x", labels={"a": "evil\u202egnp"}),
        posted("x", labels={"a": 1}),
        "nothing",
    ]
    many = [posted(f"Many{n}", annotations={"text": "x" * 900}) for n in range(64)]
    async with asking(base_url=owned.url, headers=await program(owned)) as client:
        answer = await client.post("/api/v2/alerts?lang=en", json=[*bad, *many])
        assert answer.status_code == 400
        assert answer.json().startswith(
            f"{len(bad)} of {len(bad) + 64} alerts were not taken: it has no label"
        )

        async def are_open() -> bool:
            return {f"Many{n}" for n in range(64)} <= (await told_names(client)).keys()

        await until(are_open, "the good ones are open")
        for body in (b"{}", b"[", b"\xff", b""):
            answer = await client.post("/api/v2/alerts", content=body)
            assert (answer.status_code, type(answer.json())) == (400, str)
        too_large = b"[" + b" " * 5_000_000 + b"]"
        assert (await client.post("/api/v2/alerts", content=too_large)).status_code == 413


async def test_a_silence_that_recurs_is_told_and_not_changed_here(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    now_us = stage.now_us()
    over = silence(str(uuid.uuid4()), now_us - DAY_US, now_us - HOUR_US)
    weekly = recurring(str(uuid.uuid4()), now_us + HOUR_US, "FREQ=WEEKLY", 3)
    await stage.commit(ALERTS_LOG, silences=(weekly, over))
    told = {s["id"]: s["status"]["state"] for s in (await client.get("/api/v2/silences")).json()}
    assert told == {weekly.silence_id: "pending", over.silence_id: "expired"}
    body = of_first_school(stage, id=weekly.silence_id)
    answer = await client.post("/api/v2/silences?lang=en", json=body)
    assert (answer.status_code, "recurs" in answer.json()) == (400, True)
    assert (await client.delete(f"/api/v2/silence/{over.silence_id}")).status_code == 400
