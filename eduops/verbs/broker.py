"""The verbs `eduops broker …`: what the MQTT broker keeps."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

broker_app: Final = typer.Typer(help="The MQTT broker: what it keeps of strangers.", no_args_is_help=True)
Data = Annotated[
    Path | None, typer.Option("--data", help="Data folder.", show_default="the user's data folder")
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")]


@broker_app.command()
def clear(
    days: Annotated[float, typer.Option(min=0, help="Only what is older than this, in days.")] = 30.0,
    yes: Annotated[bool, typer.Option("--yes", help="Say yes to the plan.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Clear sessions of devices that are away, old retained messages and QoS 2 messages never released.

    Shows a plan and asks. Sessions that hear something, as ingest's do, are never cleared.
    """
    from eduops.machine.attach import attach
    from eduops.settings import load_settings
    from eduops.verbs.broker_clear import clear_broker

    def ask(plan: str) -> bool:
        typer.echo(plan)
        return yes or (sys.stdin.isatty() and typer.confirm("Clear this?"))

    settings = attach(load_settings(config, {"data": data}))
    typer.echo(asyncio.run(clear_broker(settings, days, ask)))
