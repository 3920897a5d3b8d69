"""`eduops evaluate attendance`: recorded registers of a real city through the real fold."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eduops.verbs.evaluating.options import Json

if TYPE_CHECKING:
    from config.files import Configuration
    from evaluation.attendance.recorded import Registers
    from evaluation.attendance.report import AttendanceRow


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
    from evaluation.attendance.recorded import read_registers
    from evaluation.attendance.report import render
    from evaluation.attendance.run import low_rule
    from evaluation.scenarios.report import given

    configuration = given(rules).configuration
    registers = read_registers(data, seed)
    own = low_rule(configuration.rules)
    if ceiling:
        from evaluation.attendance.ceiling import hindsight
        from evaluation.attendance.ceiling import render as render_hindsight

        typer.echo(render_hindsight(hindsight(registers, own), as_json=json))
        return
    rows = _rows(registers, configuration, z or [own.z], is_new_york=data.is_dir())
    typer.echo(render(rows, as_json=json))


def _rows(
    registers: "Registers", configuration: "Configuration", bounds: list[float], *, is_new_york: bool
) -> "list[AttendanceRow]":
    """Return what each bound makes of the registers, in each way."""
    from config.files import read_config
    from evaluation.attendance.city_calendar import city_calendar
    from evaluation.attendance.report import AttendanceRow
    from evaluation.attendance.run import calendar_of, judge_registers, low_rule

    packaged, days = read_config(None, "calendar.toml"), registers.day
    unknown = calendar_of(packaged, days)
    ways = [(False, unknown, False), (True, unknown, False)]
    if is_new_york:
        ways.append((True, calendar_of(packaged, days, city_calendar(days)), True))
    rows = []
    for bound in bounds:
        for less_shared, calendar, is_known in ways:
            rule = low_rule(configuration.rules, bound, less_shared=less_shared)
            halves = judge_registers(registers, configuration.catalogue, calendar, rule)
            rows.append(AttendanceRow(less_shared, bound, is_known, *halves))
    return rows
