"""`eduops evaluate recorded`: detectors on halves of recorded series, at one alert budget."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from eduops.verbs.evaluating.options import Compared, Json


def recorded(
    data: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder that holds the recorded data.")
    ],
    detector: Compared = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the faults that are planted.")] = 1,
    json: Json = False,
) -> None:
    """Take thresholds from half of the recorded series, and tell what they reach on the other half."""
    from evaluation.detectors.contenders import names_of
    from evaluation.detectors.halves import judge_halves, recordings, render_halves

    names = names_of(detector or ["ew", "peers"], partial(typer.echo, err=True))
    rows = judge_halves(recordings(data, seed), names)
    typer.echo(render_halves(rows, as_json=json))
