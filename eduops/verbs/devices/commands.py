"""The verbs `eduops device …` as the command line takes them."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from eduops.machine.attach import attached
from eduops.verbs.options import Config, Data, Json

device_app: Final = typer.Typer(
    help="Devices at the broker: name and secret of each, codes to claim them.", no_args_is_help=True
)
Names = Annotated[list[str], typer.Argument(help="Devices, SCHOOL/DEVICE with the codes of the fleet.")]
Out = Annotated[
    Path | None,
    typer.Option(help="CSV file for the secrets, for its owner only; the screen without it. Must not exist."),
]


@device_app.command()
def issue(
    names: Annotated[
        list[str] | None, typer.Argument(help="Devices, SCHOOL/DEVICE with the codes of the fleet.")
    ] = None,
    missing: Annotated[bool, typer.Option("--missing", help="All of the fleet that have none.")] = False,
    out: Out = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Draw a secret for devices that have none; it is shown once and never again."""
    from eduops.verbs.devices.deeds import issue_devices

    _show(issue_devices(attached(data, config), names or [], missing=missing), out)


@device_app.command()
def rotate(
    names: Names,
    overlap: Annotated[
        str, typer.Option(help="How long the former secret stays valid, such as 24h; 0 for not at all.")
    ] = "24h",
    out: Out = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Draw a new secret for devices; the former one stays valid for a while, so that none is shut out."""
    from eduops.verbs.devices.deeds import rotate_devices

    _show(rotate_devices(attached(data, config), names, overlap), out)


@device_app.command()
def revoke(names: Names, data: Data = None, config: Config = None) -> None:
    """End the credentials of devices at once, and their connections."""
    from eduops.verbs.devices.deeds import revoke_devices

    typer.echo(asyncio.run(revoke_devices(attached(data, config), names)))


@device_app.command("list")
def list_devices(
    school: Annotated[str, typer.Option(help="Only of this school.")] = "",
    trouble: Annotated[
        bool, typer.Option("--trouble", help="Only those refused or seen twice within a day.")
    ] = False,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """List devices with a credential: its age, when and from where each connected, what was refused."""
    from eduops.verbs.devices.tables import device_table

    typer.echo(asyncio.run(device_table(attached(data, config), school, trouble=trouble, as_json=json)))


@device_app.command("export")
def export_devices(
    file: Annotated[Path, typer.Argument(help="CSV file to write; it must not exist.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Write the fleet's devices as a CSV file, without any secret: who has a credential, who was seen."""
    from eduops.verbs.devices.files import write_new
    from eduops.verbs.devices.tables import fleet_csv

    write_new(file, asyncio.run(fleet_csv(attached(data, config))))
    typer.echo(f"wrote {file}")


@device_app.command("import")
def import_devices(
    file: Annotated[Path, typer.Argument(help="CSV file with school, device and perhaps secret.")],
    out: Out = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Issue to the devices of a CSV file: the secret that stands there, else a drawn one."""
    from eduops.verbs.devices.deeds import import_secrets

    _show(import_secrets(attached(data, config), file), out)


@device_app.command("claim-code")
def claim_code(
    names: Names,
    valid: Annotated[str, typer.Option(help="How long the codes are valid, such as 7d.")] = "7d",
    out: Out = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Draw a code for each device, with which it gets its secret once, by HTTP: nobody types a secret."""
    from eduops.verbs.devices.deeds import draw_claim_codes

    _show(draw_claim_codes(attached(data, config), names, valid), out)


@device_app.command()
def mosquitto(
    folder: Annotated[Path, typer.Argument(help="Folder that gets eduops.passwd and eduops.acl.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Write mosquitto's password file and its file of rights anew; then have it reload them (SIGHUP)."""
    from eduops.verbs.devices.mosquitto import write_files

    typer.echo(asyncio.run(write_files(attached(data, config), folder)))


def _show(drawn: Coroutine[Any, Any, Any], out: Path | None) -> None:
    """Draw secrets and print them, or write them to a file of their owner; say who got none."""
    from eduops.verbs.devices.files import refuse_existing, write_new

    if out is not None:
        refuse_existing(out)  # before anything is drawn: secrets are nowhere else
    found = asyncio.run(drawn)
    if out is None:
        typer.echo(found.text, nl=False)
    elif found.rows:
        write_new(out, found.csv)
        typer.echo(f"wrote {len(found.rows):,} secrets to {out}: they are kept nowhere else")
    if found.note:
        typer.echo(found.note, err=True)
    for sentence in found.refused:
        typer.echo(sentence, err=True)
    if found.refused:
        raise typer.Exit(1)
