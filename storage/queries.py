"""Loads the named queries of `QUERY_FILES`, one block a query: `-- name: the_name` and its SQL."""

import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

from psycopg import AsyncConnection

QUERY_FILES: Final = (
    "devices/devices.sql",
    "queries.sql",
    "history.sql",
    "fleet.sql",
    "incidents.sql",
    "outbox.sql",
    "silences.sql",
    "duty/swaps.sql",
    "times.sql",
    "figures.sql",
    "people/people.sql",
    "people/audit.sql",
    "past/past.sql",
    "rights/rights.sql",
    "special_days/special_days.sql",
)
SCHEMA_FILES: Final = (
    "schema.sql",
    "schema_fleet.sql",
    "schema_incidents.sql",
    "schema_notices.sql",
    "schema_silences.sql",
    "duty/schema_swaps.sql",
    "schema_figures.sql",
    "devices/schema_devices.sql",
    "people/schema_people.sql",
    "people/schema_audit.sql",
    "special_days/schema_special_days.sql",
    "rights/schema_rights.sql",
)
"""What an empty database gets, in this order."""
_HEAD: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def sql_file(name: str) -> str:
    """Return the text of a `.sql` file that ships with this package."""
    return files("storage").joinpath(name).read_text(encoding="utf-8")


def schema() -> str:
    """Return the SQL that makes all tables of an empty database, on plain PostgreSQL."""
    return "\n".join(map(sql_file, SCHEMA_FILES))


def query(name: str) -> str:
    """Return the SQL of a named query.

    Raises:
        KeyError: no file has a query of that name.
    """
    return _queries()[name]


async def value_of(conn: AsyncConnection[Any], name: str, /, **values: object) -> Any:
    """Return the first column of the first row that a named query gives; None without a row.

    Args:
        conn: a connection.
        name: of the query.
        values: of its parameters.
    """
    row = await (await conn.execute(query(name), values or None)).fetchone()
    return None if row is None else row[0]


@cache
def _queries() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in QUERY_FILES:
        parts = _HEAD.split(sql_file(file))[1:]
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            assert name not in found, f"two queries are named {name}"
            found[name] = text.strip()
    return found
