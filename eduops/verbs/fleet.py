"""The verbs `eduops fleet …`: the fleet as a spreadsheet, in and out."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Final

import typer

fleet_app: Final = typer.Typer(
    help="The fleet: city, clusters, wards, schools, devices.", no_args_is_help=True
)
Data = Annotated[
    Path | None, typer.Option("--data", help="Data folder.", show_default="the user's data folder")
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")]


@fleet_app.command("import")
def fleet_import(
    file: Annotated[Path, typer.Argument(help="CSV file, one school a line.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Replace the fleet by that of a CSV file; restart the services afterwards."""
    from eduops.verbs.fleet_import import import_fleet

    typer.echo(asyncio.run(import_fleet(_attached(data, config), file)))


@fleet_app.command("export")
def fleet_export(
    file: Annotated[Path | None, typer.Argument(help="CSV file to write; the screen without it.")] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Write the fleet as a CSV file that any spreadsheet program opens."""
    from eduops.verbs.fleet_import import export_fleet

    text = asyncio.run(export_fleet(_attached(data, config)))
    if file is None:
        typer.echo(text, nl=False)
        return
    file.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {file}")


def _attached(data: Path | None, config: Path | None) -> Any:
    from eduops.machine.attach import attach
    from eduops.settings import load_settings

    return attach(load_settings(config, {"data": data}))
