"""The verbs `eduops screen …`: the walls that were paired."""

import asyncio
from typing import Annotated, Final

import typer

from eduops.machine.attach import attached
from eduops.verbs.options import Config, Data, Json

screen_app: Final = typer.Typer(help="Walls that were paired with a code.", no_args_is_help=True)
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
