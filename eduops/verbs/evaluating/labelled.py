"""`eduops evaluate labelled`: detectors on halves of one's own series whose readings carry labels."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from eduops.verbs.evaluating.options import Budget, Column, Compared, Json, Spacing, parse_span_us
from evaluation.detectors.prompt import WITHIN


def labelled(
    folder: Annotated[
        Path,
        typer.Argument(
            exists=True, help="Folder of CSV files, a series each, also in folders; or one file (--by)."
        ),
    ],
    label: Annotated[
        str,
        typer.Option(
            help="Heading of the labels, 1 or 0 for each reading.",
            show_default="label, is_anomaly or anomaly",
        ),
    ] = "",
    column: Column = "",
    by: Annotated[
        str, typer.Option(help="Heading of what tells the series of one file apart.", show_default="none")
    ] = "",
    every: Spacing = "",
    detector: Compared = None,
    budget: Budget = 1.0,
    refractory: Annotated[str, typer.Option(help="No alarm so soon after one, such as 24h.")] = "24h",
    within: Annotated[
        int, typer.Option(min=0, help="Readings after a window's first by which an alarm comes soon.")
    ] = WITHIN,
    json: Json = False,
) -> None:
    """Take thresholds from every other series of a folder, and tell what they reach on the others."""
    from evaluation.detectors.contenders import names_of, patience
    from evaluation.detectors.halves import RecordedCorpus, judge_halves, render_halves
    from evaluation.detectors.labelled_folder import (
        FileForm,
        check_halves,
        described,
        read_folder,
        too_short,
    )

    tell = partial(typer.echo, err=True)
    names = names_of(detector or ["ew", "peers"], tell)
    refractory_us = parse_span_us(refractory)
    form = FileForm(label, column, by, parse_span_us(every) if every else 0)
    corpus = read_folder(folder, form)
    check_halves(folder, corpus, budget)
    tell(described(corpus))
    for sentence in filter(None, (too_short(corpus, refractory_us), patience(names, corpus))):
        tell(sentence)
    one = RecordedCorpus(folder.resolve().name, corpus, budget, refractory_us)
    typer.echo(render_halves(judge_halves([one], names, within), as_json=json))
