"""The verb `eduops feedback export`: what engineers answered to alerts, for whoever tunes the rules."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from contract.errors import ConfigurationError
from eduops.machine.attach import attach
from eduops.settings import load_settings
from eduops.verbs.options import Config, Data

feedback_app: Final = typer.Typer(
    help="What engineers answered to alerts: labels for tuning rules.", no_args_is_help=True
)


@feedback_app.command()
def export(
    file: Annotated[Path, typer.Argument(help="CSV file to write.")],
    data: Data = None,
    config: Config = None,
    series: Annotated[
        Path | None, typer.Option("--series", help="Folder for the readings of each labelled series, too.")
    ] = None,
    with_names: Annotated[bool, typer.Option("--with-names", help="Write who said it as well.")] = False,
) -> None:
    """Write a label for each alert that somebody took (problem) or dismissed (not_a_problem)."""
    from eduops.verbs.feedback.labels import collect_labels
    from eduops.verbs.feedback.series import export_series
    from evaluation.feedback.label_file import LabelKind, write_labels

    settings = attach(load_settings(config, {"data": data}))
    labels = asyncio.run(collect_labels(settings))
    try:
        file.write_text(write_labels(labels, with_names=with_names), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error}") from error
    dismissed = sum(label.kind is LabelKind.NOT_A_PROBLEM for label in labels)
    typer.echo(f"wrote {file}: {len(labels) - dismissed:,} problems, {dismissed:,} not a problem")
    if series is not None:
        written = asyncio.run(export_series(settings, labels, series))
        typer.echo(f"wrote {written:,} series to {series}; eduops evaluate series reads them with {file}")
