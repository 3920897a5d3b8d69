"""The verb `eduops evidence`: what a provider's lines did in a month, sealed, and whether a file says it."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from eduops.verbs.options import Config, Data

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from config.files import Configuration
    from contract.figures.evidence import EvidenceMonth, EvidenceRow
    from contract.fleet import Fleet
    from eduops.settings import Settings

evidence_app: Final = typer.Typer(
    help="Evidence against a provider: a month, school by school, with a chain of hashes.",
    no_args_is_help=True,
)

LINE_END: Final = "\r\n"
"""Source: RFC 4180."""
OLDEST_DAYS: Final = 90
"""Rollups by quarter hour are kept for so long."""


@evidence_app.command("export")
def export(
    isp: Annotated[str, typer.Option(help="The provider, as the fleet names it.")],
    month: Annotated[datetime, typer.Option(help="The month, such as 2026-11.", formats=["%Y-%m"])],
    out: Annotated[
        Path | None, typer.Option(help="Table to write.", show_default="evidence-ISP-MONTH.csv")
    ] = None,
    pdf: Annotated[Path | None, typer.Option(help="Also write the same as a document.")] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Write a month of a provider's lines as a sealed table; the last line printed is the seal of all."""
    import asyncio

    from contract.figures.seals import last_seal, sealed
    from eduops.machine.attach import attach
    from eduops.settings import load_settings
    from eduops.verbs.reporting.report import write_file

    settings = attach(load_settings(config, {"data": data}))
    rows = asyncio.run(month_rows(settings, isp, month.date()))
    lines = sealed(table_lines(isp, month.date(), rows))
    path = out or Path(f"evidence-{isp}-{month:%Y-%m}.csv")
    write_file(path, "".join(f"{line}{LINE_END}" for line in lines).encode())
    typer.echo(f"{path}: {len(rows)} schools of {isp} in {month:%Y-%m}")
    if pdf is not None:
        from ops_dashboard.report.pdf import set_document

        told = {"isp": isp, "month": f"{month:%m/%Y}", "rows": [list(map(_shown, row)) for row in rows]}
        write_file(pdf, set_document("evidence.typ", {**told, "seal": last_seal(lines)}))
        typer.echo(f"{pdf}: the same, to print")
    typer.echo(f"seal {last_seal(lines)}")


@evidence_app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="A table of `eduops evidence export`.")],
    seal: Annotated[str, typer.Option(help="The seal of all, as it was handed over by another way.")] = "",
    recount: Annotated[
        bool, typer.Option("--recount", help="Compute every row again from what is stored.")
    ] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Say whether a table is as it was written; exit code 1 if not."""
    import asyncio

    from contract.errors import ConfigurationError
    from contract.figures.seals import Broken, last_seal, unsealed
    from eduops.machine.attach import attach
    from eduops.settings import load_settings

    try:
        lines = file.read_bytes().decode().removesuffix(LINE_END).split(LINE_END)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    found = unsealed(lines)
    if isinstance(found, Broken):
        raise ConfigurationError(f"{file}, line {found.line}: {found.why}")
    if seal and last_seal(lines) != seal.strip().lower():
        raise ConfigurationError(f"{file}: sealed in itself, but its seal is {last_seal(lines)}, not {seal}")
    said = f"{file}: {len(found) - 1} rows, every seal holds"
    if recount:
        isp, day = whose(found)
        settings = attach(load_settings(config, {"data": data}))
        again = table_lines(isp, day, asyncio.run(month_rows(settings, isp, day)))
        wrong = next((n for n, (a, b) in enumerate(zip(found, again, strict=False), 1) if a != b), None)
        if wrong is not None or len(again) != len(found):
            raise ConfigurationError(
                f"{file}, line {wrong or min(len(again), len(found)) + 1}: the store says otherwise"
            )
        said += ", and the store says the same"
    typer.echo(said)


def table_lines(isp: str, month: date, rows: Sequence["EvidenceRow"]) -> list[str]:
    """Return the lines of a table without seals: its head, then a row a school."""
    import csv
    import io

    from config.spreadsheet import inert
    from contract.figures.evidence import EvidenceRow

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["isp", "month", *EvidenceRow._fields])
    told = ([isp, f"{month:%Y-%m}", *("" if v is None else v for v in row)] for row in rows)
    writer.writerows([inert(cell) for cell in row] for row in told)
    return out.getvalue().removesuffix("\n").split("\n")


def whose(lines: Sequence[str]) -> tuple[str, date]:
    """Return the provider and the month that the rows of a table are of.

    Raises:
        ConfigurationError: there is no row that says so.
    """
    import csv

    from config.spreadsheet import as_written
    from contract.errors import ConfigurationError

    row = next(csv.reader(lines[1:2]), [])
    try:
        return as_written(row[0]), datetime.strptime(row[1], "%Y-%m").date()
    except (IndexError, ValueError):
        raise ConfigurationError("the table has no row, so there is nothing to count again") from None


async def month_rows(settings: "Settings", isp: str, month: date) -> list["EvidenceRow"]:
    """Return the rows of a provider's schools in the month of a day, computed from the rollups.

    Raises:
        ConfigurationError: nobody knows the provider, or its rollups are gone.
        InfrastructureError: the database does not answer.
    """
    import time as clock
    from dataclasses import replace

    from config.files import load_configuration
    from contract.errors import ConfigurationError
    from contract.figures.evidence import EvidenceMonth
    from eduops.connections import database_url, known_calendar, saved_fleet
    from eduops.data_folder import DataFolder
    from storage.database import connect

    own, fleet = load_configuration(DataFolder(settings.data).config), await saved_fleet(settings)
    own = replace(own, calendar=await known_calendar(settings, own, fleet))
    today = own.calendar.local_day(settings.clock.log_us(clock.time_ns() // 1000))
    first = month.replace(day=1)
    last = min((first + timedelta(31)).replace(day=1) - timedelta(1), today - timedelta(1))
    if first < today - timedelta(OLDEST_DAYS):
        raise ConfigurationError(f"{month:%Y-%m} begins more than {OLDEST_DAYS} days ago: export it sooner")
    evidence = EvidenceMonth()
    async with await connect(database_url(settings), "eduops evidence") as conn:
        for n in range((last - first).days + 1):
            await _take_day(conn, evidence, fleet, own, isp, first + timedelta(n))
    rows = evidence.rows()
    if not rows:
        raise ConfigurationError(f"no school had a school day with {isp!r} in {month:%Y-%m}")
    return rows


async def _take_day(
    conn: "AsyncConnection[Any]",
    evidence: "EvidenceMonth",
    fleet: "Fleet",
    own: "Configuration",
    isp: str,
    day: date,
) -> None:
    import numpy as np

    from alerting.silences.maintenance import maintenance_quarters
    from contract.figures.lines import QUARTERS
    from contract.figures.school_day import QUARTER_US, school_day
    from storage.figures.quarters import DayRollups
    from storage.fleet import schools_then
    from storage.silences import silences_since

    start_us, end_us = (own.calendar.moment_us(d, time.min) for d in (day, day + timedelta(1)))
    closed = {f.school.id for f in fleet.former if f.closed_us <= start_us}
    then = await schools_then(conn, fleet, end_us - 1)
    schools = [s for _, s in sorted(then.items()) if s.isp == isp and s.id not in closed]
    if not schools:
        return
    plan = school_day(own.calendar, day, schools, end_us)
    middles_us = start_us + QUARTER_US // 2 + QUARTER_US * np.arange(QUARTERS)
    silences = await silences_since(conn, start_us)
    idle = maintenance_quarters(silences, schools, fleet, own.calendar, middles_us)
    rollups = DayRollups(conn, fleet, own.catalogue, schools, start_us)
    online = await rollups.read("online"), await rollups.was_offline()
    evidence.take(
        plan, schools, idle, online, await rollups.read("down_bps"), await rollups.read("loss_ratio")
    )


def _shown(value: object) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
