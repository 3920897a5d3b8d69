"""The verbs `eduops fleet …`: the fleet as a spreadsheet, in and out."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from eduops.machine.attach import attached
from eduops.verbs.options import Config, Data

fleet_app: Final = typer.Typer(
    help="The fleet: city, clusters, wards, schools, devices.", no_args_is_help=True
)


@fleet_app.command("import")
def fleet_import(
    file: Annotated[Path, typer.Argument(help="CSV file, one school a line, in any order.")],
    merged: Annotated[
        list[str] | None, typer.Option(help="OLD=NEW: school OLD, gone from the file, is part of NEW now.")
    ] = None,
    replaced: Annotated[
        list[str] | None, typer.Option(help="SCHOOL/OLD=NEW: device NEW goes on where OLD ended.")
    ] = None,
    new_device: Annotated[
        list[str] | None, typer.Option(help="SCHOOL/DEVICE: what it sends begins anew from now on.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Say yes to the plan's questions.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Make the fleet what a CSV file says: shows a plan, asks before it closes much; no restart."""
    from eduops.verbs.fleet_import import import_fleet, read_deeds

    def ask(plan: str) -> bool:
        typer.echo(plan)
        return yes or (sys.stdin.isatty() and typer.confirm("Is that right?"))

    deeds = read_deeds(merged or (), replaced or (), new_device or ())
    typer.echo(asyncio.run(import_fleet(attached(data, config), file, deeds, ask)))


@fleet_app.command("export")
def fleet_export(
    file: Annotated[Path | None, typer.Argument(help="CSV file to write; the screen without it.")] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Write the fleet as a CSV file that any spreadsheet program opens."""
    from eduops.verbs.fleet_import import export_fleet

    text = asyncio.run(export_fleet(attached(data, config)))
    if file is None:
        typer.echo(text, nl=False)
        return
    file.write_text(text, encoding="utf-8-sig")  # without the mark Excel takes it for windows-1252
    typer.echo(f"wrote {file}")
