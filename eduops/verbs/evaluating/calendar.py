"""`eduops evaluate calendar`: days that are proposed for the calendar, on recorded registers."""

from pathlib import Path
from typing import Annotated

import typer

from eduops.verbs.evaluating.options import Json


def calendar(
    data: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder that holds nyc_attendance.")
    ],
    seed: Annotated[int, typer.Option(min=0, help="Chooses where days are planted.")] = 1,
    json: Json = False,
) -> None:
    """Say which of a real city's days are proposed for its calendar, before and after July 2014."""
    from evaluation.attendance.levels import levels_of
    from evaluation.attendance.proposals import judge_proposals
    from evaluation.attendance.proposals_report import render
    from evaluation.attendance.recorded import read_registers

    registers = read_registers(data, seed)
    halves = judge_proposals(registers, levels_of(data, registers.codes), seed)
    typer.echo(render(halves, as_json=json))
