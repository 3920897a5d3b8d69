"""The store of figures: a day is written as a whole, so that making it again changes nothing else."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from contract.figures.spans import DaySpan
from contract.figures.sums import COLUMNS, DayPart, FigureRow, FigureSums, GroupKind
from storage.moment import moment
from storage.queries import query

_TYPES: Final = (
    "text",
    "text",
    "text",
    "date",
    "text",
    "timestamptz",
    *["float8"] * len(COLUMNS),
    "float8[]",
)
ALL_PARTS: Final = tuple(DayPart)


class FigureDay(NamedTuple):
    """A day that has its rows."""

    day: date
    made_us: int
    """Log time at which they were made last, µs since 1970."""
    through_us: int
    """Up to when they know."""


async def keep_day(
    conn: AsyncConnection[Any], day: date, rows: Sequence[FigureRow], made_us: int, through_us: int
) -> None:
    """Keep the rows of one day in place of those that there were, in one transaction."""
    async with conn.transaction(), conn.cursor() as cursor:
        # Whoever makes the same day at the same time comes after and writes the same.
        await cursor.execute("select pg_advisory_xact_lock(hashtext('eduops/figures'))")
        await cursor.execute(query("forget_figures"), {"day": day})
        async with cursor.copy(query("copy_figures")) as copy:
            copy.set_types(_TYPES)
            for row in rows:
                head = (row.kind.value, row.scope, row.member, row.day, row.part.value)
                await copy.write_row((*head, moment(row.through_us), *row.sums, list(row.profile)))
        noted = {"day": day, "made_at": moment(made_us), "through_at": moment(through_us)}
        await cursor.execute(query("note_figures"), noted)


async def figure_days(conn: AsyncConnection[Any], first: date) -> list[FigureDay]:
    """Return the days from `first` on that have their rows, the earliest first."""
    cursor = await conn.execute(query("figure_days"), {"first": first})
    return [FigureDay(*row) for row in await cursor.fetchall()]


async def corrected_quarters(conn: AsyncConnection[Any], after_us: int) -> list[tuple[int, int]]:
    """Return quarter hours of which anything was corrected since, each with when last, µs of log time."""
    cursor = await conn.execute(query("corrected_since"), {"after": moment(after_us)})
    return await cursor.fetchall()


async def summed_figures(
    conn: AsyncConnection[Any],
    kind: GroupKind,
    scope: str,
    span: DaySpan,
    parts: Sequence[DayPart] = ALL_PARTS,
    member: str | None = None,
) -> dict[str, FigureSums]:
    """Return the sums of groups that stand side by side over a span of days, by member.

    Args:
        conn: a connection.
        kind: what the groups are.
        scope: code of the cluster that they are in; empty for the whole city.
        span: which days.
        parts: which parts of these days.
        member: of one group alone.
    """
    asked = {
        "kind": kind.value,
        "scope": scope,
        "first": span.first,
        "last": span.last,
        "parts": [part.value for part in parts],
        "member": member,
    }
    cursor = await conn.execute(query("figure_sums"), asked)
    return {name: FigureSums(*map(float, sums)) for name, *sums in await cursor.fetchall()}


async def summed_inside(
    conn: AsyncConnection[Any], kind: GroupKind, span: DaySpan
) -> dict[str, dict[str, FigureSums]]:
    """Return the sums of the groups of one kind within every cluster over a span, by cluster and member."""
    asked = {"kind": kind.value, "first": span.first, "last": span.last}
    cursor = await conn.execute(query("figure_sums_inside"), asked)
    found: dict[str, dict[str, FigureSums]] = {}
    for scope, name, *sums in await cursor.fetchall():
        found.setdefault(scope, {})[name] = FigureSums(*map(float, sums))
    return found


async def figure_rows(
    conn: AsyncConnection[Any], kind: GroupKind, scope: str, span: DaySpan, member: str | None = None
) -> list[FigureRow]:
    """Return the rows of groups that stand side by side, by day and part; arguments as `summed_figures`."""
    asked = {"kind": kind.value, "scope": scope, "first": span.first, "last": span.last, "member": member}
    cursor = await conn.execute(query("figure_rows"), asked)
    return [
        FigureRow(
            day, DayPart(part), GroupKind(which), of, name, through_us, FigureSums(*sums), tuple(profile)
        )
        for day, part, which, of, name, through_us, *sums, profile in await cursor.fetchall()
    ]
