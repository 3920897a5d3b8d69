"""`eduops device …` on a real database, and a device that claims its secret over HTTP."""

import asyncio
import csv
import io
import json
import re
from pathlib import Path

import httpx
import pytest

from contract.devices.credential import Credential, DeviceName, Origin, digest_of, fleet_names
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from eduops.data_folder import DataFolder
from eduops.settings import Settings, load_settings
from eduops.simulated_devices import simulated_secrets
from eduops.verbs.devices import deeds
from eduops.verbs.devices.tables import device_table, fleet_csv, told_troubles, troubled
from storage.database import connect
from storage.devices.credentials import credential_changes, standings
from storage.devices.sightings import Sighting, note_sightings
from storage.fleet import save_fleet
from storage.people.audit import AuditChoice, read_audit
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from tests.dashboard_stage import Stage

NOW_US = 1_795_000_000_000_000


@pytest.fixture
async def settings(postgres_url: str, city: Fleet, tmp_path: Path) -> Settings:
    """Settings of a database with the city's fleet."""
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
    operator = as_role(postgres_url, DatabaseRole.OPERATOR)
    return load_settings(None, {"data": tmp_path}).but(database_url=operator)


async def held(settings: Settings) -> dict[DeviceName, Credential]:
    """Return what the authoriser would know."""
    async for change in credential_changes(settings.database_url or ""):
        assert (change.is_all, change.province) == (True, "79")
        return {credential.name: credential for credential in change.credentials}
    raise AssertionError


async def test_from_the_first_secret_to_the_last(settings: Settings, city: Fleet) -> None:
    first, second = (DeviceName(*path) for path in list(city.device_by_path)[:2])
    drawn = await deeds.issue_devices(settings, [str(first)], missing=False)
    ((school, device, user, secret),) = drawn.rows
    assert (school, device, user, len(secret)) == (*first, str(first), 52)
    assert drawn.text == f"{first}  {secret}\n"
    (only,) = (await held(settings)).values()
    assert only == Credential(first, digest_of(secret), only.issued_us)
    assert only.issued_us > 0

    again = await deeds.issue_devices(settings, [str(first)], missing=False)
    assert (again.rows, len(again.refused)) == ((), 1)
    rest = await deeds.issue_devices(settings, [], missing=True)
    assert {row[2] for row in rest.rows} == {str(name) for name in fleet_names(city)} - {str(first)}
    assert rest.refused == ()

    rotated = await deeds.rotate_devices(settings, [str(first)], "1h")
    known = (await held(settings))[first]
    assert known.digest == digest_of(rotated.rows[0][3])
    assert known.former_digest == digest_of(secret)
    assert known.former_until_us > 0
    assert "former secret until" in await device_table(settings, first.school, trouble=False, as_json=False)
    none = await device_table(settings, first.school, trouble=True, as_json=False)
    assert none == "no such device was refused or seen twice within a day"

    assert await deeds.revoke_devices(settings, [str(first)]) == f"revoked {first}"
    assert (await held(settings))[first].revoked
    with pytest.raises(ConfigurationError, match="no valid credential"):
        await deeds.revoke_devices(settings, [str(first)])
    assert (await deeds.rotate_devices(settings, [str(first)], "0")).rows == ()
    assert len((await deeds.issue_devices(settings, [str(first)], missing=False)).rows) == 1
    assert not (await held(settings))[first].revoked
    for name, why in (("nobody/gw-1", "no device"), (f"{second}:x", "is no device")):
        with pytest.raises(ConfigurationError, match=why):
            await deeds.issue_devices(settings, [name], missing=False)


async def test_each_deed_is_on_record(settings: Settings, city: Fleet) -> None:
    name = str(DeviceName(*next(iter(city.device_by_path))))
    secret = (await deeds.issue_devices(settings, [name], missing=False)).rows[0][3]
    await deeds.issue_devices(settings, [name], missing=False)  # refused: nothing was done
    await deeds.issue_devices(settings, [], missing=True)
    await deeds.draw_claim_codes(settings, [name], "1h")
    await deeds.rotate_devices(settings, [name], "2h")
    await deeds.revoke_devices(settings, [name])
    async with await connect(settings.database_url or "") as conn:
        entries = (await read_audit(conn, AuditChoice(), 10))[::-1]
    assert [(e.action, e.detail) for e in entries] == [
        ("device issue", ""), ("device issue", ""), ("device claim-code", "valid=1h"),
        ("device rotate", "overlap=2h"), ("device revoke", ""),
    ]  # fmt: skip
    rest = len(city.devices) - 1 - deeds.NAMED
    assert entries[1].subject.endswith(f" and {rest:,} more")
    assert {e.subject for e in (entries[0], *entries[2:])} == {name}
    assert all(secret not in str(e) and "command line" in e.actor for e in entries)


async def test_files_in_and_out(settings: Settings, city: Fleet, tmp_path: Path) -> None:
    first, second = (DeviceName(*path) for path in list(city.device_by_path)[:2])
    given = tmp_path / "given.csv"
    given.write_text(
        f"school,device,secret\n{first.school},{first.device},{'F' * 32}\n{second.school},{second.device},\n"
    )
    drawn = await deeds.import_secrets(settings, given)
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(drawn.csv))}
    assert rows[str(first)]["secret"] == "F" * 32
    assert len(rows[str(second)]["secret"]) == 52
    table = list(csv.DictReader(io.StringIO(await fleet_csv(settings))))
    assert len(table) == len(city.devices)
    assert {r["credential"] for r in table} == {"issued", "none"}
    assert all(secret not in json.dumps(table) for secret in ("F" * 32, rows[str(second)]["secret"]))


async def test_simulated_secrets_make_way_for_real_ones(settings: Settings, city: Fleet) -> None:
    name = DeviceName(*next(iter(city.device_by_path)))
    simulated = await simulated_secrets(settings, fleet_names(city))
    assert simulated.keys() == set(fleet_names(city))
    assert await simulated_secrets(settings, fleet_names(city)) == simulated
    assert (await troubled(settings)).simulated == len(simulated)
    DataFolder(settings.data / "restored").create()
    restored = await simulated_secrets(settings.but(data=settings.data / "restored"), fleet_names(city))
    assert restored.keys() == simulated.keys()
    assert (await held(settings))[name].digest == digest_of(restored[name]) != digest_of(simulated[name])
    assert await simulated_secrets(settings, fleet_names(city)) == simulated
    drawn = await deeds.issue_devices(settings, [str(name)], missing=False)
    assert drawn.note == "simulated until now: 1; the simulation leaves them to you within a minute"
    (row,) = drawn.rows
    assert (await held(settings))[name].digest == digest_of(row[3])
    assert (await simulated_secrets(settings, fleet_names(city))).keys() == simulated.keys() - {name}
    await deeds.revoke_devices(settings, [str(name)])
    assert name not in await simulated_secrets(settings, fleet_names(city))


async def test_what_was_seen_is_added_up(settings: Settings, city: Fleet, postgres_url: str) -> None:
    name = DeviceName(*next(iter(city.device_by_path)))
    await deeds.issue_devices(settings, [str(name)], missing=False)
    async with await connect(as_role(postgres_url, DatabaseRole.AUTHORISER)) as conn:
        await note_sightings(
            conn, [Sighting(str(name), NOW_US, "10.0.0.7"), Sighting("unknown/gw-1", NOW_US)]
        )
        await note_sightings(conn, [Sighting(str(name), None, "", NOW_US + 1, "wrong_secret", 2)])
        await note_sightings(conn, [Sighting(str(name), None, "", NOW_US + 2, "revoked", 1, NOW_US + 3)])
        (found,) = await standings(conn, str(name))
        assert [s.name for s in await standings(conn)] == [str(name)]
    assert found.origin is Origin.ISSUED
    assert (found.connected_us, found.address) == (NOW_US, "10.0.0.7")
    assert (found.refused_us, found.refused_for, found.refusals) == (NOW_US + 2, "revoked", 3)
    assert found.twice_us == NOW_US + 3
    shown = json.loads(await device_table(settings, "", trouble=False, as_json=True))
    assert shown[0]["refusals"] == 3


async def test_a_code_opens_once(
    stage: Stage, postgres_url: str, client: httpx.AsyncClient, city: Fleet, tmp_path: Path
) -> None:
    settings = load_settings(None, {"data": tmp_path}).but(database_url=postgres_url)
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
    name = DeviceName(*next(iter(city.device_by_path)))
    codes = []
    for valid in ("1h", "0s", "1h"):
        ((_, _, drawn),) = (await deeds.draw_claim_codes(settings, [str(name)], valid)).rows
        codes.append(drawn)
    former, late, code = codes
    operating = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    said = re.search(r"curl -H '(.+?): (.+?)' -d '(.+?)' https://CENTER/api/provision", operating)
    assert said is not None
    header, kind, body = said.groups()
    answers = [
        await client.post("/api/provision", content=body.replace("CODE", tried), headers={header: kind})
        for tried in (former, late, "A" * 24, code, code)
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 201, 404]
    given = answers[3].json()
    assert (given["user"], given["topic"]) == (str(name), name.topics("79"))
    assert answers[3].headers["cache-control"] == "no-store"
    known = (await held(settings))[name]
    assert known.digest == digest_of(given["secret"])
    ((_, _, second),) = (await deeds.draw_claim_codes(settings, [str(name)], "1h")).rows
    refused = await client.post("/api/provision", json={"code": second})
    assert (refused.status_code, refused.json()["code"]) == (409, "device_has_credential")
    await deeds.revoke_devices(settings, [str(name)])
    assert (await client.post("/api/provision", json={"code": second})).status_code == 404  # stolen as well
    ((_, _, third),) = (await deeds.draw_claim_codes(settings, [str(name)], "1h")).rows
    await deeds.revoke_devices(settings, [str(name)])  # nobody has claimed it yet
    assert (await client.post("/api/provision", json={"code": third})).status_code == 404
    ((_, _, last),) = (await deeds.draw_claim_codes(settings, [str(name)], "1h")).rows
    assert (await client.post("/api/provision", json={"code": last})).status_code == 201
    entries = await read_audit(stage.conn, AuditChoice(action="/api/provision"), 10)
    assert [(e.subject, e.result) for e in entries] == [(str(name), "done")] * 2


async def test_credentials_of_devices_that_are_no_more_are_told(
    settings: Settings, city: Fleet, postgres_url: str
) -> None:
    names = [str(DeviceName(*path)) for path in city.device_by_path]
    await deeds.issue_devices(settings, names[:4], missing=False)
    assert not any("no more" in told for told in told_troubles(await troubled(settings)))
    async with await connect(postgres_url) as conn:
        school, _, code = names[0].partition("/")
        own = "school_id = (select id from school where code = %s)"
        await conn.execute(f"update device set retired_at = now() where {own} and code = %s", (school, code))
        await conn.execute("update school set closed_at = now() where code = %s", (names[3].split("/")[0],))
    found = await troubled(settings)
    closed = sum(name.split("/")[0] == names[3].split("/")[0] for name in names[1:4])
    assert (found.gone, found.first_gone) == (1 + closed, names[0])
    assert f"eduops device revoke {names[0]}" in list(told_troubles(found))[-1]
    await deeds.revoke_devices(settings, names[:4])
    assert (await troubled(settings)).gone == 0


async def test_strangers_with_codes_take_no_connections_of_the_database(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    tried = [client.post("/api/provision", json={"code": "A" * 24}) for _ in range(300)]
    answers = asyncio.gather(*tried)
    most = 0
    while not answers.done():
        cursor = await stage.conn.execute("select count(*) from pg_stat_activity where datname is not null")
        most = max(most, (await cursor.fetchone() or (0,))[0])
        await asyncio.sleep(0)
    assert {answer.status_code for answer in answers.result()} == {404}
    assert most < 30
