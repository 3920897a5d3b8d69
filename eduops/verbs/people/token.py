"""The verbs `eduops token …`: what programs prove themselves with."""

import asyncio
from typing import Annotated, Final

import typer

from contract.access.permission import TokenScope
from contract.access.user import MOST_TOKEN_DAYS
from eduops.machine.attach import attached
from eduops.verbs.options import Config, Data, Json

token_app: Final = typer.Typer(help="Tokens for programs.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the token: what program it is for.")]
_SCOPES: Final = ", ".join(scope.value for scope in TokenScope)


@token_app.command()
def issue(
    name: Name,
    scope: Annotated[str, typer.Option(help=f"What it may do: {_SCOPES}.")] = TokenScope.READ.value,
    area: Annotated[
        str,
        typer.Option(help="city, isp:NAME, or cluster:CODE, ward:CODE, school:CODE with commas between."),
    ] = "city",
    days: Annotated[int, typer.Option(min=1, max=MOST_TOKEN_DAYS, help="Days that it lasts.")] = 365,
    data: Data = None,
    config: Config = None,
) -> None:
    """Issue a token for a program and print it; nobody can read it again."""
    from eduops.verbs.people import running

    if scope not in set(TokenScope):
        raise typer.BadParameter(f"{scope!r} is none of {_SCOPES}")
    settings = attached(data, config)
    typer.echo(asyncio.run(running.issue(settings, name, TokenScope(scope), area, days)))


@token_app.command("list")
def show(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Show the tokens in force: what each may do, where, until when, and when it was last used."""
    from eduops.verbs.people import running
    from eduops.verbs.people.tables import render_credentials
    from storage.people.credentials import CredentialKind

    found = asyncio.run(running.credentials(attached(data, config), CredentialKind.TOKEN))
    typer.echo(render_credentials(found, "there is no token", as_json=json))


@token_app.command()
def revoke(name: Name, data: Data = None, config: Config = None) -> None:
    """End a token at once."""
    from eduops.verbs.people import running
    from storage.people.credentials import CredentialKind

    asyncio.run(running.revoke(attached(data, config), CredentialKind.TOKEN, name))
    typer.echo(f"the token {name} has ended")
