"""The verb `eduops notify`: the service that sends notices, and a message to try a contact's channels out."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from eduops.verbs.options import Config, Data

if TYPE_CHECKING:
    from eduops.settings import Settings

notify_app: Final = typer.Typer(help="Send the notices of the outbox.", invoke_without_command=True)


@notify_app.callback()
def notify(context: typer.Context, data: Data = None, config: Config = None) -> None:
    """Run the notifier alone: from the outbox to whoever is told. `notify test` tries channels out."""
    if context.invoked_subcommand is not None:
        return
    from eduops.log_lines import write_log
    from eduops.machine.attach import attach
    from eduops.settings import load_settings
    from eduops.verbs.stopping import run_until_stopped
    from eduops.wiring import run_notifier

    settings = attach(load_settings(config, {"data": data}))
    write_log(settings.process_name or "notifier", settings.log_level, settings.log_format)
    run_until_stopped(lambda stop: run_notifier(settings, stop))


@notify_app.command("test")
def try_contact(
    contact: Annotated[str, typer.Argument(help="A person or channel of routes.toml, or a rota.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Send a trial message through every channel of a contact; exit code 1 unless each of them takes it."""
    import asyncio

    from eduops.log_lines import hush_libraries
    from eduops.machine.attach import attach
    from eduops.settings import load_settings

    hush_libraries()
    answers = asyncio.run(_try(attach(load_settings(config, {"data": data})), contact))
    for line, _ in answers:
        typer.echo(line)
    if not all(is_taken for _, is_taken in answers):
        raise typer.Exit(1)


async def _try(settings: "Settings", contact: str) -> list[tuple[str, bool]]:
    """Send it and return a line for each channel, and whether that took it; of a rota to whoever is on duty.

    Raises:
        ConfigurationError: routes.toml has no such contact.
        InfrastructureError: the running system is out of reach.
    """
    import time

    import msgspec

    from alerting.routing.duty import on_duty
    from config.files import load_configuration
    from contract.errors import ConfigurationError
    from contract.live import NOTICE_SUBJECT, NoticeTried
    from contract.routing.contact import Rota
    from contract.routing.delivery import AttemptOutcome
    from contract.routing.notice import NoticeFate
    from eduops.connections import open_live, saved_fleet
    from eduops.data_folder import DataFolder
    from eduops.verbs.duty.swaps import swapped_routing
    from eduops.wiring import notifier_config
    from notifier.shell import make_office
    from notifier.trial import send_trial

    own = load_configuration(DataFolder(settings.data).config)
    now_us = settings.clock.log_us(time.time_ns() // 1000)
    found = own.routing.contacts.get(contact)
    if found is None:
        known = ", ".join(sorted(own.routing.contacts))
        raise ConfigurationError(f"routes.toml has no contact {contact!r}; it has {known}")
    if isinstance(found, Rota):
        found = (await swapped_routing(settings, own.routing, now_us)).contacts[contact]
    name = on_duty(found, now_us).person if isinstance(found, Rota) else contact
    config = notifier_config(settings)
    office = make_office(config, await saved_fleet(settings), own.catalogue, own.calendar, own.rules)
    async with open_live(settings, "eduops-trial") as live:
        answers = await send_trial(config, own.routing, office, name, now_us)
        await live.publish(NOTICE_SUBJECT, msgspec.json.encode(NoticeTried("", "", NoticeFate.SENT.value)))
    return [
        (
            f"{name} ({scheme}): {outcome.value}{': ' if words else ''}{words}",
            outcome is AttemptOutcome.SENT,
        )
        for scheme, (outcome, words, _) in answers
    ]
