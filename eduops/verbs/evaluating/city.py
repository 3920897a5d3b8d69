"""`eduops evaluate city`: how like recorded data the simulated city is."""

from pathlib import Path
from typing import Annotated

import typer

from device_simulator.world.severity import Severity
from eduops.verbs.evaluating.options import Json


def city(
    data: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Folder of recorded data, to compute their figures anew.",
            show_default="the figures kept in the project",
        ),
    ] = None,
    severity: Annotated[
        list[Severity] | None,
        typer.Option(help="Of the simulated city; may be given several times.", show_default="all"),
    ] = None,
    schools: Annotated[int, typer.Option(min=10, max=5000)] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the city and its noise.")] = 1,
    json: Json = False,
) -> None:
    """Print figures of simulated cities without faults beside those of recorded data."""
    from config.files import load_configuration
    from evaluation.city.recorded import recorded
    from evaluation.city.report import render
    from evaluation.city.simulated import simulated

    calendar = load_configuration(None).calendar
    figures = {str(each): simulated(each, calendar, schools, seed) for each in severity or list(Severity)}
    typer.echo(render(figures, {} if data is None else recorded(data), as_json=json))
