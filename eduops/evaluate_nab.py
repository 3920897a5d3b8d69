"""`eduops evaluate nab`: detectors against the Numenta Anomaly Benchmark."""

from pathlib import Path
from typing import Annotated

import typer

from eduops.evaluate_options import Budget, Detectors, Every, Folds, Json, Refractory, parse_logics


def nab(
    path: Annotated[Path, typer.Argument(help="Folder of the corpus, with data/ and labels/.")],
    detector: Detectors = None,
    refractory: Refractory = "24h",
    every_reading: Every = False,
    folds: Folds = 5,
    budget: Budget = 0.5,
    json: Json = False,
) -> None:
    """Score detectors by the Numenta Anomaly Benchmark: three profiles, in-sample and cross-validated."""
    from eduops.evaluate_detectors import names_of, run
    from eduops.evaluate_report import Terms, render, verdict_of
    from eduops.nab_corpus import read_corpus, read_profiles

    names = names_of(detector or ["own"])
    terms = Terms(parse_logics(refractory, every_reading), read_profiles(path), folds, budget)
    corpus = read_corpus(path)
    verdicts = []
    for name in names:
        found = run(name, corpus)
        verdicts.append(verdict_of(found, corpus, terms))
    typer.echo(render(verdicts, corpus, as_json=json))
