"""The verbs `eduops audit …`: the record, and whether it is whole."""

import asyncio
from typing import Annotated, Final

import typer

from eduops.machine.attach import attached
from eduops.verbs.options import Config, Data

audit_app: Final = typer.Typer(help="The record of what each did.", no_args_is_help=True)


@audit_app.command()
def verify(
    expect: Annotated[
        str, typer.Option(help="NUMBER:HASH of an entry as an earlier run told it; it must be there still.")
    ] = "",
    data: Data = None,
    config: Config = None,
) -> None:
    """Read the whole record and say whether anything in it was changed or left out; exit code 1 if so."""
    from eduops.verbs.people import running

    found = asyncio.run(running.verify(attached(data, config), expect))
    if found.broken_at is not None:
        typer.echo(f"BROKEN: entry {found.broken_at} does not follow from the one before, or is gone")
        raise typer.Exit(1)
    whole = (
        "1 entry" if found.entries == 1 else f"{found.entries:,} entries, each follows from the one before"
    )
    typer.echo(f"{whole}; the last is" if found.entries else "nothing is on record yet")
    typer.echo(f"{found.entries}:{found.head.hex()}")


@audit_app.command("list")
def show(
    actor: Annotated[str, typer.Option(help="Only what this user, screen or token did.")] = "",
    action: Annotated[str, typer.Option(help="Only actions with this in their name.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many of the latest.")] = 50,
    data: Data = None,
    config: Config = None,
) -> None:
    """Show the latest entries of the record, the newest first."""
    from eduops.verbs.people import running
    from eduops.verbs.people.tables import render_audit

    typer.echo(render_audit(asyncio.run(running.record(attached(data, config), actor, action, limit))))
