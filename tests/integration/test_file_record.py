"""Changes of an operator's files are on record: each once, with hashes and names, never with a value."""

import asyncio
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection

from contract.access.audit import AuditEntry
from contract.fleet import Fleet
from ops_dashboard.file_record import FileWatch
from storage.database import open_pool
from storage.people.audit import AuditChoice, read_audit
from storage.people.files import FILE_ACTOR
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from tests.dashboard_stage import Stage
from tests.running_system import until

RULES = (files("config") / "rules.toml").read_text("utf-8")
ROUTES = (files("config") / "routes.toml").read_text("utf-8")


@pytest.fixture
def stage_settings(tmp_path: Path) -> dict[str, Any]:
    """Files of an operator: one that was changed while nothing ran."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "rules.toml").write_text(RULES.replace("priority = 1", "priority = 2", 1))
    return {"own_config": tmp_path / "config", "files_noted": tmp_path / "noted.json"}


async def on_record(conn: AsyncConnection[Any], count: int) -> list[AuditEntry]:
    """Return the entries of files, oldest first, once there are that many."""

    async def entries() -> list[AuditEntry]:
        return await read_audit(conn, AuditChoice(actor=FILE_ACTOR), 100)

    async def there() -> bool:
        return len(await entries()) >= count

    await until(there, f"{count} changes on record")
    return (await entries())[::-1]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_a_changed_file_is_on_record_once_with_what_changed(
    stage: Stage, stage_settings: dict[str, Any], city: Fleet, postgres_url: str
) -> None:
    own: Path = stage_settings["own_config"]
    (first,) = await on_record(stage.conn, 1)
    assert (first.subject, first.result, first.grade) == ("rules.toml", "done", "file")
    taken = (own / "rules.toml").read_text("utf-8")
    assert f"before={sha256(RULES)} after={sha256(taken)}" in first.detail
    assert first.detail.endswith(".priority")

    routes = ROUTES + '\n[[channel]]\nname = "gate"\nurl = "json://u:a-secret-token@gate.example"\n'
    (own / "routes.toml").write_text(routes)
    second = (await on_record(stage.conn, 2))[1]
    assert (second.subject, second.result) == ("routes.toml", "done")
    assert "in force at once; added channel.gate" in second.detail

    (own / "routes.toml").write_text("[[route]]\nnonsense = 1\n")
    third = (await on_record(stage.conn, 3))[2]
    assert third.result == "refused"
    assert f"before={sha256(routes)}" in third.detail
    (own / "routes.toml").write_text(routes)
    fourth = (await on_record(stage.conn, 4))[3]
    assert "the one in force again" in fourth.detail

    # Another dashboard, or this one after a restart, finds nothing new; nor does a touched file.
    (own / "routes.toml").touch()
    pool = open_pool(as_role(postgres_url, DatabaseRole.DASHBOARD))
    await pool.open()
    watching = asyncio.create_task(FileWatch(pool, own, own / "../other.json", city).run())
    (own / "rules.toml").unlink()
    entries = await on_record(stage.conn, 5)
    assert "the packaged one" in entries[4].detail
    assert entries[4].detail.startswith(f"before={sha256(taken)} after={sha256(RULES)}")
    (own / "routes.toml").write_text(ROUTES)
    (own / "targets.toml").write_text((files("config") / "targets.toml").read_text("utf-8") + "\n")
    entries = await on_record(stage.conn, 7)
    assert sorted(entry.subject for entry in entries[4:]) == ["routes.toml", "rules.toml", "targets.toml"]
    watching.cancel()
    await pool.close()
    assert "a-secret-token" not in repr(entries) + stage_settings["files_noted"].read_text("utf-8")


async def test_who_takes_the_name_of_the_files_neither_ends_nor_forges_their_record(
    stage: Stage, stage_settings: dict[str, Any]
) -> None:
    await on_record(stage.conn, 1)
    async with httpx.AsyncClient(base_url=stage.url) as stranger:
        tried = await stranger.post("/sign-in", data={"name": FILE_ACTOR, "password": "a guess at it"})
    assert tried.status_code == 401
    own: Path = stage_settings["own_config"]
    (own / "routes.toml").write_text(ROUTES + "\n")
    entries = await on_record(stage.conn, 3)
    assert [(one.subject, one.result) for one in entries if one.grade == "file"] == [
        ("rules.toml", "done"),
        ("routes.toml", "done"),
    ]
