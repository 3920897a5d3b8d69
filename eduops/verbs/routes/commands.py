"""The verb `eduops routes test`: who would be told of an incident, when, and by which line of routes.toml."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from contract.errors import ConfigurationError
from eduops.verbs.options import Config, Data, Json

if TYPE_CHECKING:
    from config.files import Configuration
    from contract.routing.route import Routing
    from eduops.settings import Settings
    from eduops.verbs.routes.incident import ToldOf

routes_app: Final = typer.Typer(
    help="Who is told of an incident, and gets reports: try routes before anybody is woken.",
    no_args_is_help=True,
)

RoutesFile = Annotated[Path | None, typer.Argument(help="A routes.toml.", show_default="the routes in force")]
Incident = Annotated[
    str, typer.Option(help="Id of an incident of the running system, with all that was done about it.")
]
Cause = Annotated[
    str, typer.Option(help="Kind of cause, such as isp_ward.", show_default="by the options below")
]
At = Annotated[
    str | None, typer.Option(help="When it opens, such as 2026-11-24T22:40, local.", show_default="now")
]


@routes_app.command("test")
def try_routes(
    file: RoutesFile = None,
    incident: Incident = "",
    cause: Cause = "",
    isp: Annotated[str, typer.Option(help="Provider.")] = "",
    cluster: Annotated[str, typer.Option(help="Cluster, code or name.")] = "",
    ward: Annotated[str, typer.Option(help="Ward, code or name.")] = "",
    school: Annotated[str, typer.Option(help="Code or name of one school by itself.")] = "",
    rule: Annotated[str, typer.Option(help="Rule that the incident is named after.")] = "wan_down",
    priority: Annotated[int, typer.Option(min=1, max=3, help="The worst it had.")] = 1,
    pupils: Annotated[int, typer.Option(min=0, help="Pupils of its schools.")] = 1,
    at: At = None,
    hours: Annotated[float, typer.Option(min=0.01, max=1000, help="How far to look.")] = 12.0,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say who would be told of an incident, real or made up, until somebody acknowledges it. Nobody is.

    Of reports that come by themselves it says when the next one goes to whom.
    """
    from alerting.routing.plan import plan
    from config.files import load_configuration, read_config
    from contract.clock import at_us
    from eduops.data_folder import DataFolder
    from eduops.settings import load_settings
    from eduops.verbs.duty.swaps import swapped_routing
    from eduops.verbs.routes.incident import Described, described, unsure_accounts
    from eduops.verbs.routes.tables import render_plan

    settings = load_settings(config, {"data": data})
    folder = DataFolder(settings.data).config
    own = load_configuration(folder)
    routing = own.routing if file is None else _routes_of(file)
    if incident:
        told, seen = _of_the_system(settings, incident, own, routing)
    else:
        areas = read_config(folder, "areas.csv")
        words = Described(cause, isp, cluster, ward, school, rule, priority, pupils)
        opened_us = at_us(at, own.calendar.timezone.key, settings.clock.log_us(time.time_ns() // 1000))
        told, seen = described(words, areas, opened_us), unsure_accounts(routing)
    told = told._replace(accounts=seen)
    routing = asyncio.run(swapped_routing(settings, routing, told.opened_us))
    found = plan(told.facts, told.opened_us, routing, own.calendar, hours=hours, handled=told.handled)
    typer.echo(render_plan(told, found, routing, own.calendar, hours, as_json=json))


def _of_the_system(
    settings: "Settings", incident: str, own: "Configuration", routing: "Routing"
) -> "tuple[ToldOf, dict[str, str]]":
    """Return an incident of the running system, and what people with an account are told of it, by name.

    Raises:
        ConfigurationError: no system runs, or there is no incident of that id.
    """
    from eduops.machine.attach import attach
    from eduops.verbs.routes.incident import seen_by_accounts, stored

    running = attach(settings)
    told = asyncio.run(stored(running, incident))
    return told, asyncio.run(seen_by_accounts(running, incident, own, routing))


def _routes_of(file: Path) -> Any:
    """Return the routes of a file.

    Raises:
        ConfigurationError: it cannot be read, or is wrong.
    """
    from config.files import read_edited
    from contract.routing.routes_file import parse_routes

    text = read_edited(file)
    try:
        return parse_routes(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from error
