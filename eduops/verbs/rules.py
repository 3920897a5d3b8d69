"""The verbs `eduops rules …`: changed rules over stored history, before anybody is woken by them.

A page can show the same: `evaluation.rewind.report.compare` is pure. Where engineers' labels of alerts are
at hand one day, `--labels FILE` belongs to `test`, and its figures beside those of `compare`.
"""

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from contract.errors import ConfigurationError
from eduops.verbs.options import Config, Data, Json

rules_app: Final = typer.Typer(
    help="Try changed alert rules on stored history, and find thresholds by an alert budget.",
    no_args_is_help=True,
)

MANAGEABLE: Final = 6.0
"""Lines an operator and hour that are manageable at most; source in `evaluation.rewind.budget`."""
ANOMALY_SHARE: Final = 1 / 3
"""Part of the budget for anomaly rules: chosen, because they are hints of the lowest priority; lines that
are down, silent or past a fixed bound are certain, and need room on a bad day."""

RulesFile = Annotated[Path | None, typer.Argument(help="A rules.toml.", show_default="the rules in force")]
From = Annotated[
    str | None,
    typer.Option(
        "--from", help="First moment counted, such as 2026-11-24T07:00, local.", show_default="24 h before"
    ),
]
To = Annotated[str | None, typer.Option("--to", help="End, not included.", show_default="now")]
Learn = Annotated[
    str, typer.Option(help="How long before it baselines learn, as far as history is kept; nothing counts.")
]
Schools = Annotated[str, typer.Option(help="Only schools with these codes, with commas between.")]
Cluster = Annotated[str, typer.Option(help="Only schools of this cluster, code or name.")]
Sample = Annotated[
    int, typer.Option(min=0, help="So many of the schools, always the same; totals are then estimates.")
]
Out = Annotated[
    Path | None, typer.Option(help="File that gets the rules with the proposed z, else unchanged.")
]
Operators = Annotated[int, typer.Option(min=1, help="Operators on shift.")]


@rules_app.command("test")
def try_rules(
    file: RulesFile = None,
    from_: From = None,
    to: To = None,
    detector: Annotated[
        str | None, typer.Option(help="Another detector for the changed side.", show_default="the same")
    ] = None,
    schools: Schools = "",
    cluster: Cluster = "",
    sample: Sample = 0,
    learn: Learn = "14d",
    operators: Operators = 1,
    explain: Annotated[
        Path | None, typer.Option(help="File of JSON lines: each opening that is new or gone.")
    ] = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say what changed rules would have told of stored history, beside those in force.

    Readings count as arrived when they were measured: what waited in a device or came out of order is
    judged as if it had come in time. Nothing is written to the database or the logs.
    """
    from evaluation.rewind.fold import Side, Surroundings, new_side
    from evaluation.rewind.report import Heard, compare
    from evaluation.rewind.run import Asked, rewind
    from evaluation.rewind.tables import explained, render_report

    settings, own, folder = _attached(data, config)
    if file is None and detector is None:
        raise ConfigurationError("nothing is changed: name a rules file, or another detector with --detector")
    changed, _ = _rules_of(file, folder, own.catalogue)

    def sides(world: Surroundings) -> list[Side]:
        return [new_side(world, own.rules), new_side(world, changed, detector or "ew")]

    asked = Asked(from_, to, learn, _codes(schools), cluster, sample, operators)
    done = asyncio.run(rewind(*_history(settings), own, asked, sides, _tell))
    heard = [Heard([rule.name for rule in side.rules], side.transitions) for side in done.sides]
    report = compare(heard[0], heard[1], done.world, done.terms)
    if explain is not None:
        explain.write_text(explained(report, done.world), encoding="utf-8")
    typer.echo(render_report(report, done.kept, done.world, as_json=json))


@rules_app.command()
def tune(
    file: RulesFile = None,
    budget: Annotated[
        float,
        typer.Option(
            min=0.0,
            help=f"Lines of all rules an operator and hour; {MANAGEABLE:g} are manageable at most.",
        ),
    ] = MANAGEABLE,
    share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Part of the budget that anomaly rules may use.")
    ] = ANOMALY_SHARE,
    operators: Operators = 1,
    from_: From = None,
    to: To = None,
    schools: Schools = "",
    cluster: Cluster = "",
    sample: Sample = 0,
    learn: Learn = "14d",
    out: Out = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Propose the lowest `z` of each anomaly rule at which all of them keep an alert budget."""
    from evaluation.rewind.budget import FACTORS, at_factor, propose, tuned_rules
    from evaluation.rewind.fold import Side, Surroundings, new_side, school_hours
    from evaluation.rewind.rules_text import with_thresholds
    from evaluation.rewind.run import Asked, rewind
    from evaluation.rewind.tables import render_tuned

    settings, own, folder = _attached(data, config)
    rules, text = _rules_of(file, folder, own.catalogue)
    needed = tuned_rules(rules)
    if not needed:
        raise ConfigurationError("there is no anomaly rule, so there is no threshold to choose")

    def sides(world: Surroundings) -> list[Side]:
        return [new_side(world, at_factor(needed, factor)) for factor in FACTORS]

    asked = Asked(from_, to, learn, _codes(schools), cluster, sample, operators)
    done = asyncio.run(rewind(*_history(settings), own, asked, sides, _tell))
    if not school_hours(done.world, done.terms.from_us, done.terms.to_us):
        raise ConfigurationError("that stretch has no school hours, and the budget is of school hours")
    told = {factor: side.transitions for factor, side in zip(FACTORS, done.sides, strict=True)}
    tuned = propose(needed, told, done.world, done.terms, budget * share)
    if out is not None:
        z_of = {choice.rule: choice.z_proposed for choice in tuned.choices}
        out.write_text(with_thresholds(text, z_of, own.catalogue), encoding="utf-8")
    typer.echo(render_tuned(tuned, done.terms, done.kept, done.world, as_json=json))


def _attached(data: Path | None, config: Path | None) -> tuple[Any, Any, Path]:
    """Return the settings, configuration and own configuration folder of the running system."""
    from config.files import load_configuration
    from eduops.data_folder import DataFolder
    from eduops.machine.attach import attach
    from eduops.settings import load_settings

    settings = attach(load_settings(config, {"data": data}))
    folder = DataFolder(settings.data).config
    return settings, load_configuration(folder), folder


def _history(settings: Any) -> tuple[str, int]:
    """Return where history is kept, and log time now, µs since 1970."""
    from eduops.connections import database_url

    return database_url(settings), settings.clock.log_us(time.time_ns() // 1000)


def _rules_of(file: Path | None, folder: Path, catalogue: Any) -> tuple[Any, str]:
    """Return the rules of a file, or those in force, and their text.

    Raises:
        ConfigurationError: the file cannot be read, or its rules are wrong.
    """
    from config.files import read_config, read_rules
    from contract.rule import parse_rules

    if file is not None:
        return read_rules(file, catalogue)
    text = read_config(folder, "rules.toml")
    return parse_rules(text, catalogue), text


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code.strip() for code in text.split(",") if code.strip())


def _tell(line: str) -> None:
    typer.echo(line, err=True)
