"""schema.sql is the truth and migrations are the road: both must lead to the same catalog."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from contract.alert import Ending, Transition, TransitionKind
from contract.commit import Commit
from contract.errors import ConfigurationError, InfrastructureError
from storage.database import connect, migrate, migrations, prepare_database
from storage.queries import schema
from storage.recovery import transitions_after
from storage.results import commit

CATALOG = {
    "columns": """
        select table_name, column_name, data_type, is_nullable, column_default, identity_generation
        from information_schema.columns where table_schema = current_schema() order by 1, 2""",
    "tables": """
        select relname, relkind, reloptions, pg_get_partkeydef(oid) from pg_class
        where relnamespace = current_schema()::regnamespace order by 1""",
    "storage": """
        select attrelid::regclass::text, attname, attstorage from pg_attribute
        join pg_class on pg_class.oid = attrelid
        where relnamespace = current_schema()::regnamespace and attnum > 0 order by 1, 2""",
    "indexes": "select indexdef from pg_indexes where schemaname = current_schema() order by 1",
    "constraints": """
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
        where connamespace = current_schema()::regnamespace order by 1, 2""",
    "views": "select viewname, definition from pg_views where schemaname = current_schema() order by 1",
    "functions": """
        select pg_get_functiondef(oid) from pg_proc
        where pronamespace = current_schema()::regnamespace order by 1""",
    "comments": """
        select classoid::regclass::text, pg_describe_object(classoid, objoid, objsubid), description
        from pg_description where pg_describe_object(classoid, objoid, objsubid) not like '%pg_catalog%'
        and objoid >= 16384 order by 1, 2""",
    "retention": "select * from retention order by 1",
    "horizon": "select * from horizon",
}


def catalog(conn: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    return {name: conn.execute(question).fetchall() for name, question in CATALOG.items()}


def test_migrations_lead_to_the_schema(empty_postgres_url: str) -> None:
    with psycopg.connect(empty_postgres_url, autocommit=True) as conn:
        conn.execute(schema())
        truth = catalog(conn)
        conn.execute("drop schema public cascade; create schema public")
        assert migrate(conn)
        road = catalog(conn)
    assert road == truth
    assert len(truth["tables"]) > 20


def bring_to(conn: psycopg.Connection[Any], version: int) -> None:
    """Make an empty database what it was at a schema version."""
    for step in migrations()[:version]:
        conn.execute(step.sql)
        conn.execute("insert into schema_version (version, name) values (%s, %s)", (step.version, step.name))


def test_histories_of_before_dismissals_are_kept_and_have_no_reason(empty_postgres_url: str) -> None:
    with psycopg.connect(empty_postgres_url, autocommit=True) as conn:
        bring_to(conn, 2)
        conn.execute(
            "insert into alert_event (alert_id, kind, at, actor, note)"
            " values ('a', 'noted', now(), 'Lan', 'x')"
        )
        assert migrate(conn)[0] == 3
        assert conn.execute("select note, because from alert_event").fetchall() == [("x", "")]


async def test_a_database_of_before_reasons_opens_and_goes_on(empty_postgres_url: str) -> None:
    opened = Transition("a" * 16, TransitionKind.OPENED, "wan_down", 257, 1, 1, 1, 1, 2, 0.5, None, 2.0, None)
    resolved = msgspec.structs.replace(
        opened, kind=TransitionKind.RESOLVED, at_us=3, detected_at_us=4, reason=Ending.NEW_LEVEL.value
    )
    with psycopg.connect(empty_postgres_url, autocommit=True) as old:
        bring_to(old, 3)
        old.execute("insert into position (log, seq, log_time) values ('telemetry-0', 7, from_us(2))")
        old.execute(
            "insert into transition select %s, 'opened', 'wan_down', 257, 1, 1,"
            " from_us(1), from_us(1), from_us(2), 0.5, null, 2.0, null",
            (opened.alert_id,),
        )
    prepare_database(empty_postgres_url)
    async with await connect(empty_postgres_url) as conn:
        await commit(conn, Commit("telemetry-0", 7, 8, 4, transitions=(resolved,)))
        assert await transitions_after(conn, 0) == [opened, resolved]


def test_what_is_open_goes_on_with_the_pupils_whom_it_affects(empty_postgres_url: str) -> None:
    """A school with a line down and a wrong clock, one with a wrong clock alone, one that is well again."""
    alerts = (("a", 1, 1, 500, None), ("b", 1, 3, 500, None), ("c", 2, 3, 70, None), ("d", 3, 2, 9, "now()"))
    with psycopg.connect(empty_postgres_url, autocommit=True) as conn:
        bring_to(conn, 26)
        for state, ended in (("open", "null"), ("resolved", "now()")):
            conn.execute(
                "insert into incident (incident_id, state, cause, isp, cluster_code, ward_code, rule, rules,"
                " cause_rules, priority, worst_priority, alerts, all_alerts, unacknowledged, schools,"
                " most_schools, pupils, most_pupils, lost_pupil_s, counted_at, began_at, opened_at,"
                f" last_opened_at, ended_at) values ('{state}', '{state}', 'isp', 'FPT', '', '', 'wan_down',"
                f" '{{}}', '{{}}', 1, 1, 3, 4, 3, 2, 3, 570, 579, 60, now(), now(), now(), now(), {ended})"
            )
        for alert_id, school, priority, pupils, left in alerts:
            conn.execute(
                "insert into alert (alert_id, rule, series, school_id, priority, pupils, opened_at,"
                " detected_at) values (%s, 'wan_down', 257, %s, %s, %s, now(), now())",
                (alert_id, school, priority, pupils),
            )
            conn.execute(
                "insert into incident_member (alert_id, incident_id, joined_at, left_at)"
                f" values ('{alert_id}', 'open', now(), {left or 'null'})"
            )
        migrate(conn)
        rows = conn.execute("select incident_id, affected_pupils, lost_pupil_s from incident order by 1")
        assert rows.fetchall() == [("open", 500, 60), ("resolved", 0, 60)]


def test_comparison_sees_a_difference(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        before = catalog(conn)
        conn.execute("alter table alert alter column note drop default")
        assert catalog(conn) != before


def test_preparing_again_changes_nothing_but_the_settings(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        before = catalog(conn)
        prepare_database(postgres_url, chunk_h=720, raw_retention_h=100)
        after = catalog(conn)
        kept = conn.execute("select keep, chunk from retention where table_name = 'reading'").fetchone()
    assert kept == (timedelta(hours=100), timedelta(hours=720))
    assert {name: after[name] for name in after if name != "retention"} == {
        name: before[name] for name in before if name != "retention"
    }


def test_several_services_may_prepare_at_once(empty_postgres_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(prepare_database, empty_postgres_url) for _ in range(4)]:
            done.result()
    with psycopg.connect(empty_postgres_url) as conn:
        assert conn.execute("select count(*) from schema_version").fetchone() == (len(migrations()),)


def test_database_of_a_later_version_is_refused_by_name(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("insert into schema_version (version, name) values (999, 'from_the_future')")
    with pytest.raises(ConfigurationError, match="schema version 999"):
        prepare_database(postgres_url)


def test_every_table_says_how_long_it_keeps_its_rows(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as conn:
        silent = conn.execute(
            """select relname from pg_class where relnamespace = current_schema()::regnamespace
            and relkind in ('r', 'p') and not relispartition
            and relname not in (select table_name from retention)"""
        ).fetchall()
    assert silent == []


async def test_unreachable_server_is_an_infrastructure_error() -> None:
    dsn = "host=127.0.0.1 port=1 dbname=none"
    with pytest.raises(InfrastructureError, match="PostgreSQL"):
        await connect(dsn)
    with pytest.raises(InfrastructureError, match="PostgreSQL"):
        prepare_database(dsn)
