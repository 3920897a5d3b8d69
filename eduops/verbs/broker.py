"""The verbs `eduops broker …`: what the MQTT broker keeps, and whom it knows."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from eduops.verbs.options import Config, Data

broker_app: Final = typer.Typer(
    help="The MQTT broker: what it keeps of strangers, and whom it knows.", no_args_is_help=True
)


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


@broker_app.command()
def users(data: Data = None, config: Config = None) -> None:
    """Say the users of a NATS server of your own: what each service may say and hear there.

    The lines belong into `authorization { users: [ … ] }`, as in docker-nats.conf; passwords are variables.
    """
    from bus.rights import password_variable, users_of_the_server
    from eduops.settings import load_settings

    partitions = load_settings(config, {"data": data}).partitions
    typer.echo(users_of_the_server(partitions, password_variable), nl=False)


@broker_app.command()
def issuer(
    file: Annotated[Path | None, typer.Argument(help="File to write; the screen without it.")] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Say the `issuer` of a NATS server's `auth_callout`: whose answers about devices it believes.

    It is the public half of the authoriser's key, and no secret.
    """
    from bus.auth.jwt import TokenSigner
    from contract.errors import ConfigurationError
    from eduops.settings import load_settings

    password = load_settings(config, {"data": data}).authoriser_password
    if password is None:
        raise ConfigurationError("set EDUOPS_AUTHORISER_PASSWORD: the key is made of it")
    line = f"issuer: {TokenSigner(password).public_key}\n"
    if file is None:
        typer.echo(line, nl=False)
        return
    file.write_text(line, encoding="utf-8")
    typer.echo(f"wrote {file}")
