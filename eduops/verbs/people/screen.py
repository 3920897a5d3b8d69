"""The verbs `eduops screen …`: the walls that were paired."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from eduops.machine.attach import attached

screen_app: Final = typer.Typer(help="Walls that were paired with a code.", no_args_is_help=True)
Data = Annotated[
    Path | None, typer.Option("--data", help="Data folder.", show_default="the user's data folder")
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="Name of the screen.")]


@screen_app.command("list")
def show(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Show the screens: their area, by whom they were paired, and when they were last seen."""
    from eduops.verbs.people import running
    from eduops.verbs.people.tables import render_credentials
    from storage.people.credentials import CredentialKind

    found = asyncio.run(running.credentials(attached(data, config), CredentialKind.SCREEN))
    typer.echo(render_credentials(found, "there is no screen", as_json=json))


@screen_app.command()
def end(name: Name, data: Data = None, config: Config = None) -> None:
    """End a screen at once; it says so, and shows a code to be paired anew."""
    from eduops.verbs.people import running
    from storage.people.credentials import CredentialKind

    asyncio.run(running.revoke(attached(data, config), CredentialKind.SCREEN, name))
    typer.echo(f"the screen {name} has ended")
