"""Options that the verbs of `eduops evaluate` share."""

from pathlib import Path
from typing import Annotated

import typer

from contract.errors import ConfigurationError
from evaluation.detectors.firing import Logic

Detectors = Annotated[
    list[str] | None,
    typer.Option(
        "--detector",
        help="A detector's name, or all, own, peers; may be given several times.",
        show_default="own",
    ),
]
Compared = Annotated[
    list[str] | None,
    typer.Option(
        "--detector",
        help="A detector's name, or all, own, peers; the first is compared with the others.",
        show_default="ew and all peers",
    ),
]
Column = Annotated[
    str,
    typer.Option(help="Heading of the values.", show_default="value, or the column that is left"),
]
Refractory = Annotated[
    str,
    typer.Option(help="No alarm so soon after one, such as 24h; several, such as 6h,24h, to choose from."),
]
EveryReading = Annotated[
    bool, typer.Option("--every-reading", help="Alarm at every reading out of bounds, not at onsets only.")
]
Budget = Annotated[float, typer.Option(min=0.0, help="Alarms a series and week that the threshold may cost.")]
Folds = Annotated[int, typer.Option(min=2, help="Folds of series of the cross-validated score.")]
Spacing = Annotated[
    str,
    typer.Option(
        "--every",
        help="How far apart rows are, such as 1m, where moments do not count and rows follow each other.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Plots = Annotated[
    Path | None, typer.Option("--plot", help="Folder that gets a page for each series and detector.")
]


def parse_logics(refractory: str, every_reading: bool) -> list[Logic]:
    """Return the alert logics to choose from.

    Raises:
        ConfigurationError: a span of time cannot be read.
    """
    if every_reading:
        return [Logic(only_onset=False)]
    return [Logic(refractory_us=parse_span_us(text.strip())) for text in refractory.split(",")]


def parse_span_us(text: str) -> int:
    """Return a span of time, such as 24h, in µs.

    Raises:
        ConfigurationError: it cannot be read.
    """
    from device_simulator.world.faults import parse_duration_s

    try:
        return int(parse_duration_s(text) * 1e6)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
