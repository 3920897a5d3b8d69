"""`eduops evaluate series`: detectors on one series of one's own."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from eduops.evaluate_options import Budget, Detectors, Every, Json, Plots, Refractory, parse_logics


def series(
    file: Annotated[Path, typer.Argument(help="CSV with a heading; moments in its first column.")],
    labels: Annotated[
        Path | None, typer.Option(help="Labelled windows: JSON [[first, last], …] or CSV first,last.")
    ] = None,
    column: Annotated[
        str, typer.Option(help="Heading of the values.", show_default="the second column")
    ] = "",
    detector: Detectors = None,
    refractory: Refractory = "24h",
    every_reading: Every = False,
    budget: Budget = 1.0,
    plot: Plots = None,
    json: Json = False,
) -> None:
    """Run detectors over one series: when they alarm at an alert budget, and how right that is."""
    from anomaly.evaluation.nab import PROFILES
    from eduops.evaluate_detectors import names_of
    from eduops.evaluate_report import Terms, compare, render, render_alarms
    from eduops.series_file import read_series

    terms = Terms(parse_logics(refractory, every_reading), PROFILES, folds=2, budget=budget)
    names, corpus = (
        names_of(detector or ["own"], partial(typer.echo, err=True)),
        [read_series(file, labels, column)],
    )
    verdicts = compare(names, corpus, terms, plot)
    typer.echo(render(verdicts, corpus, as_json=json))
    if not json:
        typer.echo(render_alarms(verdicts))
