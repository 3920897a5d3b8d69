"""The verbs `eduops user …`: who may sign in."""

import asyncio
from typing import Annotated, Final

import typer

from contract.access.permission import Role
from eduops.machine.attach import attached
from eduops.verbs.options import Config, Data, Json

user_app: Final = typer.Typer(help="Who may sign in, as what, and where.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the user.")]
_AREA = "city, isp:NAME, or cluster:CODE, ward:CODE, school:CODE with commas between."


@user_app.command()
def add(
    name: Name,
    role: Annotated[
        str, typer.Option(help="school, leader, operator, engineer or administrator.")
    ] = "leader",
    area: Annotated[str, typer.Option(help=_AREA)] = "city",
    data: Data = None,
    config: Config = None,
) -> None:
    """Add somebody, and print a link that lets them in once to choose a password."""
    from eduops.verbs.people import running

    typer.echo(asyncio.run(running.add(attached(data, config), name, _role(role), area)))


@user_app.command("list")
def show(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Show everybody who may sign in, and how many sessions they have."""
    from eduops.verbs.people import running
    from eduops.verbs.people.tables import render_users

    found = asyncio.run(running.users(attached(data, config)))
    typer.echo(render_users(*found, as_json=json))


@user_app.command()
def link(name: Name, data: Data = None, config: Config = None) -> None:
    """Print a new link that lets a user in once: for a forgotten password."""
    from eduops.verbs.people import running

    typer.echo(asyncio.run(running.let_in(attached(data, config), name)))


@user_app.command()
def role(
    name: Name,
    role: Annotated[str, typer.Argument(help="school, leader, operator, engineer or administrator.")],
    area: Annotated[str | None, typer.Option(help=_AREA, show_default="as it is")] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Change a user's role and area, also of one who was disabled; their sessions end at once."""
    from eduops.verbs.people import running

    asyncio.run(running.change(attached(data, config), name, _role(role), area, disabled=False))
    typer.echo(f"{name} is {role} now; their sessions have ended")


@user_app.command()
def end_sessions(name: Name, data: Data = None, config: Config = None) -> None:
    """End all sessions and links of a user at once."""
    from eduops.verbs.people import running

    count = asyncio.run(running.end_sessions(attached(data, config), name))
    typer.echo(f"sessions and links of {name} that have ended: {count}")


@user_app.command()
def drop_code(name: Name, data: Data = None, config: Config = None) -> None:
    """Drop a user's second factor, for a lost phone; their sessions end at once."""
    from eduops.verbs.people import running

    asyncio.run(running.drop_code(attached(data, config), name))
    typer.echo(f"{name} has no second factor any more; their sessions have ended")


@user_app.command()
def disable(name: Name, data: Data = None, config: Config = None) -> None:
    """Let somebody in no more; what they did stays on record."""
    from eduops.verbs.people import running

    asyncio.run(running.change(attached(data, config), name, None, None, disabled=True))
    typer.echo(f"{name} may no longer sign in; their sessions have ended")


def _role(word: str) -> Role:
    people = [role.value for role in Role if role is not Role.SCREEN]
    if word not in people:
        raise typer.BadParameter(f"{word!r} is none of {', '.join(people)}")
    return Role(word)
