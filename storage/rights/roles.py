"""Makes the roles of the services, gives each what `table` says, and tells what is more than that."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from psycopg import AsyncConnection, Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from storage.queries import query
from storage.rights.table import OWNED_ON_TIMESCALE, PRIVILEGES, RIGHTS, DatabaseRole

_ROLES: Final = [role.value for role in DatabaseRole]
Grant = tuple[str, str, str]
"""Role, table, privilege."""


def as_role(dsn: str, role: str | None = None, password: str | None = None) -> str:
    """Return a connection string with another user, or with a password; None leaves what is there.

    Another user without a password has none: nobody comes with somebody else's.
    """
    given = conninfo_to_dict(dsn)
    if role is not None:
        given = {name: value for name, value in given.items() if name != "password"} | {"user": role}
    if password is not None:
        given["password"] = password
    return make_conninfo("", **given)


def make_roles(conn: Connection[Any], passwords: Mapping[DatabaseRole, str | None]) -> None:
    """Make roles that may log in and nothing else, and give them these passwords; None leaves it as it is."""
    present = _present(conn)
    for role, password in passwords.items():
        name = sql.Identifier(role)
        if role not in present:
            conn.execute(sql.SQL("create role {} login").format(name))
        if password is not None:
            # Made here: the server and its log of statements see a verifier, never the password (RFC 5803).
            kept = conn.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            conn.execute(sql.SQL("alter role {} password {}").format(name, sql.Literal(kept)))


def give_rights(conn: Connection[Any], *, timescale: bool) -> None:
    """Let each role that is there have what the table says, and nothing else; call it as the owner.

    Only what differs is changed, in one transaction: services that run see all of it or nothing.
    """
    present = _present(conn)
    with conn.transaction():
        _close(conn, timescale=timescale)
        there = {name for (name,) in conn.execute(query("relations"))}
        granted = set(conn.execute(query("granted"), {"roles": _ROLES}).fetchall())
        wanted = set(_wanted(there, present))
        for role, table, privilege in sorted(granted - wanted):
            _change(conn, "revoke {} on {} from {}", privilege, table, role)
        for role, table, privilege in sorted(wanted - granted):
            _change(conn, "grant {} on {} to {}", privilege, table, role)
        processor = DatabaseRole.PROCESSOR.value
        if processor in present:
            for (function,) in conn.execute(query("functions_of_the_owner")).fetchall():
                _run(conn, f"grant execute on function {function} to {{}}", processor)
        if timescale and processor in present:
            _hand_over(conn, processor)


def _present(conn: Connection[Any]) -> set[str]:
    return {name for (name,) in conn.execute(query("present_roles"), {"roles": _ROLES})}


def _wanted(there: set[str], present: set[str]) -> Iterator[Grant]:
    for role, tables in RIGHTS.items():
        if role.value in present:
            for table, letters in tables.items():
                if table in there:
                    yield from ((role.value, table, PRIVILEGES[letter]) for letter in letters)


def _close(conn: Connection[Any], *, timescale: bool) -> None:
    """Let nobody make tables beside ours, and let functions find our tables, whatever their caller made."""
    row = conn.execute("select current_schema()").fetchone()
    assert row is not None
    schema = row[0]
    _run(conn, "revoke create on schema {} from public", schema)
    _run(conn, "alter function audit_chain() set search_path = {}, pg_temp", schema)
    if not timescale:
        for (function,) in conn.execute(query("functions_of_the_owner")).fetchall():
            _run(conn, f"alter function {function} security definer set search_path = {{}}, pg_temp", schema)
            conn.execute(f"revoke all on function {function} from public")


def _hand_over(conn: Connection[Any], role: str) -> None:
    """Let a role own what only an owner may maintain."""
    asked = {"relations": list(OWNED_ON_TIMESCALE), "role": role}
    for (relation,) in conn.execute(query("owned_by_others"), asked).fetchall():
        kind = "materialized view" if relation.startswith("reading_") else "table"
        _run(conn, f"alter {kind} {{}} owner to {{}}", relation, role)


def _change(conn: Connection[Any], statement: str, privilege: str, table: str, role: str) -> None:
    what, _, column = table.partition(".")
    named = sql.SQL(f"{privilege} ({{}})").format(sql.Identifier(column)) if column else sql.SQL(privilege)
    whom = sql.Identifier(role) if role else sql.SQL("public")
    conn.execute(sql.SQL(statement).format(named, sql.Identifier(what), whom))


def _run(conn: Connection[Any], statement: str, *names: str) -> None:
    conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


async def excess_rights(conn: AsyncConnection[Any]) -> list[str]:
    """Return a sentence for each right that a role, or everybody, has beyond the table."""
    asked = {"roles": _ROLES, "owned": list(OWNED_ON_TIMESCALE)}
    powers = await (await conn.execute(query("powers"), asked)).fetchall()
    granted = await (await conn.execute(query("granted"), asked)).fetchall()
    allowed = {
        (role.value, table, PRIVILEGES[letter])
        for role, tables in RIGHTS.items()
        for table, letters in tables.items()
        for letter in letters
    }
    owned = {(DatabaseRole.PROCESSOR.value, table) for table in OWNED_ON_TIMESCALE}
    more = [
        f"{role or 'everybody'} has {privilege} on {table}"
        for role, table, privilege in granted
        if (role, table, privilege) not in allowed and (role, table) not in owned
    ]
    return [f"{role} {power}" for role, power in powers] + more


async def present_roles(conn: AsyncConnection[Any]) -> list[str]:
    """Return which of the services' roles the server has."""
    rows = await (await conn.execute(query("present_roles"), {"roles": _ROLES})).fetchall()
    return [name for (name,) in rows]


async def connected_as_owner(conn: AsyncConnection[Any]) -> int:
    """Return how many other connections to this database may do everything with its tables."""
    row = await (await conn.execute(query("connected_as_owner"))).fetchone()
    assert row is not None
    return int(row[0])
