"""`eduops evaluate series`: detectors on one series of one's own."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from eduops.verbs.evaluating.options import Budget, Detectors, Every, Json, Plots, Refractory, parse_logics


def series(
    file: Annotated[Path, typer.Argument(help="CSV with a heading; moments in its first column.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Labelled windows: JSON [[first, last], …], CSV first,last, or what feedback export wrote."
        ),
    ] = None,
    column: Annotated[
        str, typer.Option(help="Heading of the values.", show_default="the second column")
    ] = "",
    of: Annotated[
        str,
        typer.Option(
            help="SCHOOL.DEVICE.METRIC in the labels of feedback export.", show_default="the file's name"
        ),
    ] = "",
    detector: Detectors = None,
    refractory: Refractory = "24h",
    every_reading: Every = False,
    budget: Budget = 1.0,
    plot: Plots = None,
    json: Json = False,
) -> None:
    """Run detectors over one series: when they alarm at an alert budget, and how right that is."""
    from evaluation.detectors.contenders import names_of
    from evaluation.detectors.nab import PROFILES
    from evaluation.detectors.report import ComparisonTerms, compare, render, render_alarms
    from evaluation.detectors.series_file import read_series
    from evaluation.feedback.windows import holds_labels, read_judged

    terms = ComparisonTerms(parse_logics(refractory, every_reading), PROFILES, folds=2, budget=budget)
    names = names_of(detector or ["own"], partial(typer.echo, err=True))
    if labels is not None and holds_labels(labels):
        corpus = [read_judged(file, labels, column, of)]
    else:
        corpus = [read_series(file, labels, column)]
    results = compare(names, corpus, terms, plot)
    typer.echo(render(results, corpus, as_json=json))
    if not json:
        typer.echo(render_alarms(results))
