"""`eduops evaluate attendance`: recorded registers of a real city through the real fold."""

from pathlib import Path
from typing import Annotated

import typer

from eduops.verbs.evaluating.options import Json


def attendance(
    data: Annotated[
        Path,
        typer.Argument(exists=True, help="Folder that holds nyc_attendance, or a file of another city's."),
    ],
    z: Annotated[
        list[float] | None,
        typer.Option(
            min=0.5,
            max=100.0,
            help="Bound of the rule; may be given several times.",
            show_default="the rule's",
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A rules.toml.", show_default="the packaged one"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the registers that are lowered.")] = 1,
    ceiling: Annotated[
        bool,
        typer.Option("--ceiling", help="Only tell what bounds that are chosen in hindsight would find."),
    ] = False,
    json: Json = False,
) -> None:
    """Judge a city's registers in two halves of the days: each school alone, less what all share, and, of New
    York, with what the city could write into its calendar.
    """
    from config.files import read_config
    from evaluation.attendance.city_calendar import city_calendar
    from evaluation.attendance.recorded import read_registers
    from evaluation.attendance.report import AttendanceRow, render
    from evaluation.attendance.run import calendar_of, judge_registers, low_rule
    from evaluation.scenarios.report import given

    configuration = given(rules).configuration
    registers, packaged = read_registers(data, seed), read_config(None, "calendar.toml")
    own = low_rule(configuration.rules)
    if ceiling:
        from evaluation.attendance.ceiling import hindsight
        from evaluation.attendance.ceiling import render as render_hindsight

        typer.echo(render_hindsight(hindsight(registers, own), as_json=json))
        return
    unknown = calendar_of(packaged, registers.day)
    ways = [(False, unknown, False), (True, unknown, False)]
    if data.is_dir():
        ways.append((True, calendar_of(packaged, registers.day, city_calendar(registers.day)), True))
    rows = []
    for bound in z or [own.z]:
        for less_shared, calendar, is_known in ways:
            rule = low_rule(configuration.rules, bound, less_shared=less_shared)
            halves = judge_registers(registers, configuration.catalogue, calendar, rule)
            rows.append(AttendanceRow(less_shared, bound, is_known, *halves))
    typer.echo(render(rows, as_json=json))
