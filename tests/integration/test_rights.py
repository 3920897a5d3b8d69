"""Each role of the database may do what the table of rights says, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from bus.rights import BrokerUser
from config.fleet_csv import write_fleet_csv
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from device_simulator.world.fleet import generate_fleet
from eduops.machine.system import VERBS
from eduops.roles import broker_passwords, of_service
from eduops.settings import SECRETS, load_settings
from eduops.verbs.fleet_import import import_fleet, read_deeds
from storage.database import connect, prepare_database
from storage.fleet import load_fleet
from storage.people.audit import AuditChoice, read_audit
from storage.rights.roles import as_role, excess_rights, give_rights
from storage.rights.table import PRIVILEGES, RIGHTS, DatabaseRole
from tests.conftest import TestPostgres as Server

TABLES = """
    select relname::text, relkind::text,
           (select attname from pg_attribute where attrelid = pg_class.oid and attnum = 1)
    from pg_class
    where relnamespace = current_schema()::regnamespace
      and relkind in ('r', 'p', 'v') and not relispartition"""
TRIES = {
    "SELECT": "select from {table}",
    "INSERT": "insert into {table} default values",
    "UPDATE": "update {table} set {column} = default",
    "DELETE": "delete from {table}",
    "TRUNCATE": "truncate {table} cascade",
    "TRIGGER": "create trigger t before insert on {table} for each row execute function audit_stays()",
    "REFERENCES": "create table mine (x int references {table})",
    "DROP": "drop table {table} cascade",
    "ALTER": "alter table {table} add column more int",
}


def tries(conn: psycopg.Connection[Any], table: str, kind: str, column: str) -> Iterator[str]:
    """Try every verb on a table, take it back, and yield those that were not refused for want of rights."""
    for verb, statement in TRIES.items():
        if kind == "v" and verb != "SELECT":
            continue
        try:
            with conn.transaction(force_rollback=True):
                names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
                conn.execute(sql.SQL(statement).format(**names))
        except InsufficientPrivilege:
            continue
        except psycopg.Error:
            pass  # the rights are there; what is wrong is the row
        yield verb


@pytest.mark.parametrize("role", DatabaseRole)
def test_a_role_may_do_what_the_table_says_and_nothing_else(postgres_url: str, role: DatabaseRole) -> None:
    with psycopg.connect(postgres_url) as owner:
        tables = owner.execute(TABLES).fetchall()
    assert RIGHTS[role].keys() <= {name for name, _, _ in tables}
    with psycopg.connect(as_role(postgres_url, role), autocommit=True) as conn:
        done = {name: set(tries(conn, name, kind, column)) for name, kind, column in tables}
        for attempt in ("create table mine (x int)", "set role eduops", "select drop_chunk('audit')"):
            with pytest.raises((InsufficientPrivilege, psycopg.errors.RaiseException)):
                conn.execute(attempt)
    may = {name: {PRIVILEGES[letter] for letter in RIGHTS[role].get(name, "")} for name in done}
    # To change or remove rows is to read which ones; PostgreSQL asks for it only where a column is read.
    assert done == may
    assert all("SELECT" in rights for rights in may.values() if rights)


@pytest.mark.parametrize("role", DatabaseRole)
def test_no_role_may_touch_what_is_on_record(role: DatabaseRole) -> None:
    assert set(RIGHTS[role].get("audit", "")) <= set("ra")


def test_the_record_follows_from_the_real_one_whatever_its_writer_made(postgres_url: str) -> None:
    with psycopg.connect(as_role(postgres_url, DatabaseRole.DASHBOARD), autocommit=True) as conn:
        add = (
            "insert into public.audit (actor, grade, session, address, action, subject, result, detail)"
            " values ('a', '', '', '', 'x', '', 'done', '')"
        )
        conn.execute(add)
        conn.execute("create temp table audit (seq bigint, hash bytea)")
        conn.execute("insert into pg_temp.audit values (41, 'x')")
        conn.execute(add)
        assert conn.execute("select array_agg(seq order by seq) from public.audit").fetchone() == ([1, 2],)


async def test_the_command_line_imports_fleets_with_its_own_rights(
    postgres_url: str, city: Fleet, tmp_path: Path
) -> None:
    url, versions = as_role(postgres_url, DatabaseRole.OPERATOR), []
    settings = load_settings(overrides={"data": tmp_path, "database_url": url})
    async with await connect(url) as conn:
        for n, fleet in enumerate((city, generate_fleet(schools=41))):
            file = tmp_path / f"{n}.csv"
            file.write_text(write_fleet_csv(fleet), encoding="utf-8")
            assert "saved" in await import_fleet(settings, file, read_deeds((), (), ()), lambda _: True)
            kept = await load_fleet(conn)
            assert kept is not None
            assert {s.code for s in kept.schools} == {s.code for s in fleet.schools}
            versions.append(f"version={kept.version}")
        entries = await read_audit(conn, AuditChoice(action="fleet import"), 10)
    assert [e.subject for e in entries[::-1]] == ["0.csv", "1.csv"]
    assert [e.detail for e in entries[::-1]] == versions


async def test_what_is_too_much_is_told_and_taken_back(postgres_url: str) -> None:
    async with await connect(postgres_url) as conn:
        assert await excess_rights(conn) == []
        await conn.execute("grant delete on audit to eduops_dashboard")
        await conn.execute("grant update (detail) on audit to eduops_ingest")
        await conn.execute("grant select on app_user to public")
        await conn.execute("create table later (x int)")
        assert await excess_rights(conn) == [
            "everybody has SELECT on app_user",
            "eduops_dashboard has DELETE on audit",
            "eduops_ingest has UPDATE on audit.detail",
        ]
        prepare_database(postgres_url)
        assert await excess_rights(conn) == []
        operator = as_role(postgres_url, DatabaseRole.OPERATOR)
        with psycopg.connect(operator) as other, pytest.raises(InsufficientPrivilege):
            other.execute("select from later")  # a new table is closed until it is opened


def test_a_database_without_the_roles_goes_on_under_one(postgres: Server, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("do $$ begin create role alone login; exception when duplicate_object then null; end $$")
        conn.execute("set session authorization alone")
        with pytest.raises(InsufficientPrivilege):
            give_rights(conn, timescale=False)
    with pytest.raises(ConfigurationError, match="database_owner_url"):
        prepare_database(as_role(postgres_url, DatabaseRole.OPERATOR))


@pytest.mark.parametrize("service", VERBS)
def test_a_service_is_given_its_own_secrets_alone(tmp_path: Path, service: str) -> None:
    passwords = tmp_path / "passwords"
    passwords.mkdir()
    for role in DatabaseRole:
        (passwords / role.value).write_text(f"secret of {role.value}\n")
    for user in BrokerUser:
        (passwords / f"nats_{user}").write_text(f"broker's {user}\n")
    urls = {"watchdog_url": "https://there", "database_url": "postgresql://eduops:owner@db/eduops"}
    secrets = (
        dict.fromkeys(SECRETS, "shared") | urls | {"database_owner_url": "postgresql://eduops:owner@db/x"}
    )
    folders = {"database_passwords_dir": passwords, "nats_passwords_dir": passwords}
    settings = load_settings(None, {"data": tmp_path, **folders, **secrets})
    given = of_service(settings, service, peer=False, users=broker_passwords(settings)).environment()
    assert "owner" not in " ".join(given.values())
    held = [role for role in DatabaseRole if f"secret of {role.value}" in " ".join(given.values())]
    assert held == ([] if service == "watchdog" else [DatabaseRole[service.upper()]])
    known = {user for user in BrokerUser if f"broker's {user}" in given.values()}
    assert known == ({BrokerUser.INGEST, BrokerUser.INGEST_LOG} if service == "ingest" else {service})
    others = {"ingest": 3, "watchdog": 3, "dashboard": 3}.get(service, 2)
    assert len([name for name in given if name.removeprefix("EDUOPS_").lower() in SECRETS]) == others
    assert not {name for name in given if "PASSWORDS_DIR" in name}


def test_a_service_of_one_that_shares_a_user_has_that_one(tmp_path: Path) -> None:
    login = {"nats_user": "all", "nats_password": "one", "database_url": "postgresql://db/eduops"}
    settings = load_settings(None, {"data": tmp_path, **login})
    assert broker_passwords(settings) == {}
    for service in ("ingest", "processor"):
        given = of_service(settings, service, peer=False, users=broker_passwords(settings))
        assert (given.nats_user, given.nats_password, given.mqtt_user) == ("all", "one", None)
