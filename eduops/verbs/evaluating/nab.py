"""`eduops evaluate nab`: detectors against the Numenta Anomaly Benchmark."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from eduops.verbs.evaluating.options import (
    Budget,
    Detectors,
    EveryReading,
    Folds,
    Json,
    Plots,
    Refractory,
    parse_logics,
)


def nab(
    path: Annotated[Path, typer.Argument(help="Folder of the corpus, with data/ and labels/.")],
    detector: Detectors = None,
    refractory: Refractory = "24h",
    every_reading: EveryReading = False,
    folds: Folds = 5,
    budget: Budget = 0.5,
    plot: Plots = None,
    json: Json = False,
) -> None:
    """Score detectors by the Numenta Anomaly Benchmark: three profiles, in-sample and cross-validated."""
    from evaluation.detectors.contenders import names_of
    from evaluation.detectors.nab_corpus import read_corpus, read_profiles
    from evaluation.detectors.report import ComparisonTerms, compare, render

    names = names_of(detector or ["own"], partial(typer.echo, err=True))
    terms = ComparisonTerms(parse_logics(refractory, every_reading), read_profiles(path), folds, budget)
    corpus = read_corpus(path)
    typer.echo(render(compare(names, corpus, terms, plot), corpus, as_json=json))
