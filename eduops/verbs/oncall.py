"""`eduops oncall`: who is on duty, and who will be."""

import time
from pathlib import Path
from typing import Annotated, Final

import typer

DAY_US: Final = 86_400_000_000


def oncall(
    at: Annotated[
        str | None, typer.Option(help="From when on, such as 2026-11-24T22:40, local.", show_default="now")
    ] = None,
    days: Annotated[float, typer.Option(min=0.01, max=400, help="How far to look.")] = 7.0,
    data: Annotated[
        Path | None, typer.Option("--data", help="Data folder.", show_default="the user's data folder")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show who is on duty of each rota of routes.toml, and the coming handovers."""
    from alerting.routing.duty import duty_turns
    from config.files import load_configuration
    from contract.clock import at_us
    from contract.routing.contact import Rota
    from eduops.data_folder import DataFolder
    from eduops.settings import load_settings
    from eduops.verbs.routes_tables import render_oncall

    settings = load_settings(config, {"data": data})
    own = load_configuration(DataFolder(settings.data).config)
    from_us = at_us(at, own.calendar.timezone.key, settings.clock.log_us(time.time_ns() // 1000))
    to_us = from_us + round(days * DAY_US)
    rotas = (contact for contact in own.routing.contacts.values() if isinstance(contact, Rota))
    turns = {rota.name: duty_turns(rota, from_us, to_us) for rota in rotas}
    typer.echo(render_oncall(turns, own.calendar.timezone, as_json=json))
