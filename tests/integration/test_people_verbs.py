"""`eduops user`, `token`, `screen` and `audit`, and the first address that `eduops up` prints."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contract.access.area import CITY
from contract.access.permission import Role
from contract.fleet import Fleet
from eduops.cli import app
from eduops.data_folder import DataFolder
from eduops.machine.people import FIRST_USER, keep_wall_token, make_entrance, wall_token
from eduops.settings import Settings, load_settings
from storage.database import connect
from storage.fleet import save_fleet
from storage.people.credentials import admit_screen, find_principals, hash_of, take_link
from storage.people.users import find_user, save_password
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from tests.signed_in import session_of

Run = Callable[..., Result]


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    operator = as_role(postgres_url, DatabaseRole.OPERATOR)
    given = {"data": tmp_path, "database_url": operator, "nats_url": "nats://127.0.0.1:1"}
    return load_settings(overrides=given)


@pytest.fixture
async def run(settings: Settings, city: Fleet) -> Run:
    """Run a verb on a database with the fleet of forty schools."""
    async with await connect(settings.database_url or "") as conn:
        await save_fleet(conn, city)
    env = {"EDUOPS_DATABASE_URL": settings.database_url or "", "EDUOPS_NATS_URL": settings.nats_url or ""}

    async def invoke(*words: str) -> Result:
        whole = [*words, "--data", str(settings.data)]
        return await asyncio.to_thread(lambda: CliRunner().invoke(app, whole, env=env))

    return invoke  # type: ignore[return-value]


async def test_people_by_the_command_line(run: Any, settings: Settings, city: Fleet) -> None:
    assert (await run("audit", "verify")).output == "nothing is on record yet\n0:\n"
    school = city.schools[0].code
    printed = (await run("user", "add", "Lan", "--role", "school", "--area", f"school:{school}")).output
    (secret,) = re.findall(r"^http://localhost:8050/enter/(\S+)$", printed, re.MULTILINE)
    async with await connect(settings.database_url or "") as conn:
        assert "0 sessions, never signed in" in (await run("user", "list")).output
        assert await take_link(conn, secret) == "Lan"
        assert await take_link(conn, secret) is None
        assert (await run("user", "role", "lan", "operator", "--area", "city")).exit_code == 0
        await session_of(conn, "Lan", Role.OPERATOR)
        (lan,) = json.loads((await run("user", "list", "--json")).output)
        assert (lan["role"], lan["sessions"], lan["disabled"]) == ("operator", 1, False)
        assert (
            "sessions and links of Lan that have ended: 1"
            in (await run("user", "end-sessions", "Lan")).output
        )
        assert "0 sessions, last signed in 20" in (await run("user", "list")).output
        assert (await run("user", "disable", "Lan")).exit_code == 0
        user = await find_user(conn, "Lan")
        assert user is not None
        assert user.disabled
    assert (await run("user", "link", "Lan")).exit_code == 1
    assert "DISABLED" in (await run("user", "list")).output
    for words in (
        ("user", "add", "Lan"),
        ("user", "add", "Minh", "--area", "ward:nowhere"),
        ("user", "link", "Nobody"),
        ("user", "add", "a\u202eb"),
    ):
        assert (await run(*words)).exit_code == 1, words
    assert (await run("user", "role", "Lan", "king")).exit_code == 2


async def test_tokens_screens_and_the_record_by_the_command_line(run: Any, settings: Settings) -> None:
    token = (await run("token", "issue", "grafana", "--scope", "operate")).output.strip()
    async with await connect(settings.database_url or "") as conn:
        ((_, who),) = (await find_principals(conn, [hash_of(token)])).values()
        assert (who.name, who.grade.value, who.area) == ("grafana", "operate", CITY)
        assert (await run("token", "issue", "grafana")).exit_code == 1
        assert "operate" in (await run("token", "list")).output
        assert (await run("token", "revoke", "grafana")).exit_code == 0
        assert await find_principals(conn, [hash_of(token)]) == {}
        await admit_screen(conn, "Màn 1", CITY, "Lan", "10.0.0.7")
    assert "Màn 1" in (await run("screen", "list")).output
    assert (await run("screen", "end", "Màn 1")).exit_code == 0
    assert (await run("screen", "end", "Màn 1")).exit_code == 1
    head = (await run("audit", "verify")).output.splitlines()[-1]
    assert head.startswith("3:")
    assert token not in (await run("audit", "list")).output
    assert "token issue grafana done scope=operate" in (await run("audit", "list")).output
    assert (await run("audit", "verify", "--expect", head)).exit_code == 0
    assert (await run("audit", "verify", "--expect", "9:00")).exit_code == 1


async def test_the_first_address_lets_in_until_there_is_a_password(settings: Settings) -> None:
    first, second = await make_entrance(settings), await make_entrance(settings)
    assert first.lets_in == second.lets_in == FIRST_USER
    (old, new) = (
        re.findall(r"^http://localhost:8050/enter/(\S+)\?next=/$", one.address)[0] for one in (first, second)
    )
    async with await connect(settings.database_url or "") as conn:
        assert await take_link(conn, old) is None  # only the last one that was printed
        assert await take_link(conn, new) == FIRST_USER
        await save_password(conn, FIRST_USER, "hash")
    assert await make_entrance(settings) == ("http://localhost:8050/", "")


async def test_the_watchdog_keeps_its_token(settings: Settings) -> None:
    folder = DataFolder(settings.data)
    await keep_wall_token(folder, settings)
    token = wall_token(folder, settings)
    await keep_wall_token(folder, settings)
    assert wall_token(folder, settings) == token
    assert (settings.data / "wall_token.json").stat().st_mode & 0o077 == 0
    async with await connect(settings.database_url or "") as conn:
        await conn.execute("update credential set ended_at = now()")
    await keep_wall_token(folder, settings)
    assert wall_token(folder, settings) != token
