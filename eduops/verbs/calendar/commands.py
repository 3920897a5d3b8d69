"""The verbs `eduops calendar …`: closures, half days and events that history proposes for the calendar."""

import asyncio
from datetime import datetime
from typing import Annotated, Final

import typer

from contract.errors import ConfigurationError
from eduops.machine.attach import attached
from eduops.verbs.options import Config, Data, Json

calendar_app: Final = typer.Typer(
    help="Days and bells that the school calendar does not have: proposed from history, decided by you.",
    no_args_is_help=True,
)
Ids = Annotated[list[str] | None, typer.Argument(help="Ids, as `suggest` and `list` show them.")]


@calendar_app.command()
def suggest(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Propose closures, half days, events and moved bells of the last eight weeks, with what was seen."""
    from eduops.verbs.calendar.running import read_desk
    from eduops.verbs.calendar.tables import render_proposals

    desk, fleet = asyncio.run(read_desk(attached(data, config)))
    typer.echo(render_proposals(desk, fleet, as_json=json))


@calendar_app.command("list")
def show(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Show what was accepted and rejected, by whom."""
    from eduops.verbs.calendar.running import read_decided
    from eduops.verbs.calendar.tables import render_decided

    days, fleet = asyncio.run(read_decided(attached(data, config)))
    typer.echo(render_decided(days, fleet, as_json=json))


@calendar_app.command()
def accept(
    ids: Ids = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that is proposed.")] = False,
    name: Annotated[str, typer.Option(help="Why, such as a flood.")] = "",
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day, if it goes on longer than was seen; of one id."),
    ] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Accept proposals: from then on services, figures and pages know these days."""
    from contract.special_days.special_day import DayVerdict
    from eduops.verbs.calendar.running import decide_days

    if every == bool(ids):
        raise ConfigurationError("name the ids to accept, or --all")
    if until is not None and len(ids or ()) != 1:
        raise ConfigurationError("--until is for one id")
    last = None if until is None else until.date()
    said = asyncio.run(
        decide_days(attached(data, config), DayVerdict.ACCEPTED, None if every else ids, name, last)
    )
    typer.echo(said)


@calendar_app.command()
def reject(
    ids: Annotated[list[str], typer.Argument(help="Ids, as `suggest` shows them.")],
    name: Annotated[str, typer.Option(help="Why not.")] = "",
    data: Data = None,
    config: Config = None,
) -> None:
    """Reject proposals: they are not made again."""
    from contract.special_days.special_day import DayVerdict
    from eduops.verbs.calendar.running import decide_days

    typer.echo(asyncio.run(decide_days(attached(data, config), DayVerdict.REJECTED, ids, name)))


@calendar_app.command()
def withdraw(
    ids: Annotated[list[str], typer.Argument(help="Ids, as `list` shows them.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Take back what was accepted or rejected, as if nothing had been decided."""
    from contract.special_days.special_day import DayVerdict
    from eduops.verbs.calendar.running import decide_days

    typer.echo(asyncio.run(decide_days(attached(data, config), DayVerdict.WITHDRAWN, ids)))
