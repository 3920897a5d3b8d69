"""The verbs `eduops oncall …`: who is on duty, who will be, and who has the duty instead."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from eduops.verbs.options import Config, Data, Json

if TYPE_CHECKING:
    from eduops.settings import Settings

DAY_US: Final = 86_400_000_000
oncall_app: Final = typer.Typer(
    help="Who is on duty of each rota, and swaps of duty.", invoke_without_command=True
)


@oncall_app.callback()
def oncall(
    context: typer.Context,
    at: Annotated[
        str | None, typer.Option(help="From when on, such as 2026-11-24T22:40, local.", show_default="now")
    ] = None,
    days: Annotated[float, typer.Option(min=0.01, max=400, help="How far to look.")] = 7.0,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show who is on duty of each rota of routes.toml, the coming handovers, and the swaps."""
    if context.invoked_subcommand is not None:
        return
    from alerting.routing.duty import duty_turns
    from alerting.routing.swaps import with_swaps
    from contract.clock import at_us
    from contract.routing.contact import Rota
    from eduops.verbs.duty.swaps import known_swaps
    from eduops.verbs.routes.tables import render_oncall

    settings, own, now_us = _own(data, config)
    from_us = at_us(at, own.calendar.timezone.key, now_us)
    to_us = from_us + round(days * DAY_US)
    swaps = asyncio.run(known_swaps(settings, from_us))
    contacts = with_swaps(own.routing, swaps or ()).contacts.values()
    turns = {one.name: duty_turns(one, from_us, to_us) for one in contacts if isinstance(one, Rota)}
    typer.echo(render_oncall(turns, swaps, own.routing, from_us, own.calendar.timezone, as_json=json))


@oncall_app.command()
def swap(
    rota: Annotated[str, typer.Argument(help="A rota of routes.toml.")],
    person: Annotated[str, typer.Argument(help="Who has the duty, a person of routes.toml.")],
    from_: Annotated[
        str | None,
        typer.Option("--from", help="When it begins, such as 2026-11-28T22:00, local.", show_default="now"),
    ] = None,
    until: Annotated[str | None, typer.Option(help="When it ends, local.")] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    data: Data = None,
    config: Config = None,
) -> None:
    """Let a person have the duty of a rota for a while, instead of whoever routes.toml names."""
    import uuid

    from contract.clock import at_us
    from contract.routing.swap import Swap
    from eduops.machine.attach import attach
    from eduops.verbs.duty.swaps import add_swap
    from eduops.verbs.people.running import operator

    settings, own, now_us = _own(data, config)
    zone = own.calendar.timezone.key
    from_us, until_us = at_us(from_, zone, now_us, "--from"), at_us(until, zone, now_us, "--until")
    wanted = Swap(str(uuid.uuid4()), rota, person, from_us, until_us, operator(), reason.strip(), now_us)
    made = asyncio.run(add_swap(attach(settings), wanted, own.routing, has_end=until is not None))
    typer.echo(made.swap_id)


@oncall_app.command()
def end(
    swap_id: Annotated[str, typer.Argument(help="Its id.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """End a swap of duty now."""
    from eduops.machine.attach import attach
    from eduops.verbs.duty.swaps import end_swap

    settings, _, now_us = _own(data, config)
    asyncio.run(end_swap(attach(settings), swap_id, now_us))
    typer.echo(f"{swap_id} ends now")


def _own(data: Path | None, config: Path | None) -> "tuple[Settings, Any, int]":
    """Return the settings, the operator's own files, and log time now."""
    from config.files import load_configuration
    from eduops.data_folder import DataFolder
    from eduops.settings import load_settings

    settings = load_settings(config, {"data": data})
    own = load_configuration(DataFolder(settings.data).config)
    return settings, own, settings.clock.log_us(time.time_ns() // 1000)
