"""`eduops evaluate series`: detectors on one series of one's own."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from eduops.verbs.evaluating.options import (
    Budget,
    Column,
    Detectors,
    EveryReading,
    Json,
    Plots,
    Refractory,
    Spacing,
    parse_logics,
    parse_span_us,
)


def series(
    file: Annotated[Path, typer.Argument(help="CSV of moments and values; may be packed by gzip.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Labelled windows: JSON [[first, last], …], CSV first,last, or what feedback export wrote."
        ),
    ] = None,
    label: Annotated[
        str, typer.Option(help="Heading of labels in the file itself, 1 or 0 for each reading.")
    ] = "",
    column: Column = "",
    every: Spacing = "",
    of: Annotated[
        str,
        typer.Option(
            help="SCHOOL.DEVICE.METRIC in the labels of feedback export.", show_default="the file's name"
        ),
    ] = "",
    detector: Detectors = None,
    refractory: Refractory = "24h",
    every_reading: EveryReading = False,
    budget: Budget = 1.0,
    plot: Plots = None,
    json: Json = False,
) -> None:
    """Run detectors over one series: when they alarm at an alert budget, and how right that is."""
    from evaluation.detectors.contenders import names_of, patience
    from evaluation.detectors.labelled_folder import FileForm, read_series, too_short
    from evaluation.detectors.nab import PROFILES
    from evaluation.detectors.report import ComparisonTerms, compare, render, render_alarms
    from evaluation.feedback.windows import holds_labels, read_judged

    terms = ComparisonTerms(parse_logics(refractory, every_reading), PROFILES, folds=2, budget=budget)
    tell = partial(typer.echo, err=True)
    names = names_of(detector or ["own"], tell)
    form = FileForm(label, column, every_us=parse_span_us(every) if every else 0)
    if labels is not None and holds_labels(labels):
        corpus = [read_judged(file, labels, of, form)]
    else:
        corpus = [read_series(file, labels, form)]
    short = too_short(corpus, terms.logics[0].refractory_us)
    for sentence in filter(None, (short, patience(names, corpus))):
        tell(sentence)
    results = compare(names, corpus, terms, plot)
    typer.echo(render(results, corpus, as_json=json))
    if not json:
        typer.echo(render_alarms(results))
