"""`eduops evaluate scenarios`: a simulated month with labelled faults, through the real fold."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contract.entry import MAX_PARTITIONS
from contract.errors import ConfigurationError
from device_simulator.world.severity import Severity
from eduops.verbs.evaluating.options import Json

if TYPE_CHECKING:
    from evaluation.scenarios.report import Given, Judged
    from evaluation.scenarios.run import ScenarioTerms

Seed = Annotated[int, typer.Option(min=0, help="Chooses the city, its noise and its faults.")]
Schools = Annotated[int, typer.Option(min=1, max=5000)]
Days = Annotated[int, typer.Option(min=1)]
Interval = Annotated[str, typer.Option(help="Between two reports of a device; a divisor of a day.")]
Contenders = Annotated[
    list[str] | None,
    typer.Option(
        help="A detector's name; with --budget also all, own, peers, or several times.", show_default="ew"
    ),
]
FalseIncidents = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="Compare detectors at so many false incidents in 1,000 school-days, such as 1. Give "
        "--bare, and --schools 60 --days 15 --interval 15m: all of them then take a quarter of an hour "
        "for 5 seeds.",
        show_default="no comparison",
    ),
]
CalibrateSeeds = Annotated[
    int, typer.Option(min=1, help="With --budget: seeds before SEED that the factors of z are found on.")
]
Seeds = Annotated[int, typer.Option(min=1, help="Runs SEED, SEED+1, … and pools their events.")]
Partitions = Annotated[
    int, typer.Option(min=1, max=MAX_PARTITIONS, help="Changes the speed, never the result.")
]
Unannounced = Annotated[
    bool, typer.Option("--unannounced", help="Also a half day and closures that nobody told the center.")
]
BellsLater = Annotated[
    int,
    typer.Option(
        min=0, max=120, help="All bells ring so many minutes later from the middle day on, unannounced."
    ),
]
From = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d"],
        help="The first day, anywhere in the packaged calendar's school years; then, in a city that is not "
        "calm, schools join, close and merge.",
        show_default="5 October 2026; then no school moves",
    ),
]
Messiness = Annotated[
    Severity, typer.Option(help="How messy the city is: calm, as recorded data are, or a bad month.")
]
Mild = Annotated[
    bool, typer.Option("--mild", help="Also faults within every fixed threshold, to compare detectors.")
]
AllMetrics = Annotated[bool, typer.Option("--all-metrics", help="Also metrics that no rule watches; slower.")]
RulesFile = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="A rules.toml.", show_default="the packaged one"),
]
Bare = Annotated[
    bool, typer.Option("--bare", help="One anomaly rule a metric and nothing else: detectors alone.")
]
ZTimes = Annotated[
    float, typer.Option(min=0.05, max=50.0, help="Factor of z in the anomaly rules; below 1 more alarms.")
]
Curve = Annotated[
    bool, typer.Option("--curve", help="Recall against false incidents: every city at seven factors of z.")
]
Ceiling = Annotated[
    bool,
    typer.Option(
        "--ceiling", help="Only tell what the best detector could find of wrong registers in these cities."
    ),
]
Explain = Annotated[
    Path | None, typer.Option(help="JSON lines of each fault, what was opened, and each false incident.")
]


def scenarios(
    seed: Seed = 1,
    schools: Schools = 500,
    days: Days = 30,
    interval: Interval = "5m",
    detector: Contenders = None,
    budget: FalseIncidents = None,
    calibrate_seeds: CalibrateSeeds = 2,
    seeds: Seeds = 1,
    partitions: Partitions = 1,
    unannounced: Unannounced = False,
    bells_later: BellsLater = 0,
    first_day: From = None,
    severity: Messiness = Severity.REAL,
    mild: Mild = False,
    all_metrics: AllMetrics = False,
    rules: RulesFile = None,
    bare: Bare = False,
    z_times: ZTimes = 1.0,
    curve: Curve = False,
    ceiling: Ceiling = False,
    explain: Explain = None,
    json: Json = False,
) -> None:
    """Measure detectors on a simulated city: faults found, false incidents, delay, incidents per outage."""
    from evaluation.scenarios.report import explained, given, render, run_all
    from evaluation.scenarios.run import ScenarioTerms

    tell = partial(typer.echo, err=True)
    names = _contenders(detector, budget, tell, curve=curve)
    first = ScenarioTerms(
        seed, schools, days, _interval_us(interval), names[0], partitions, unannounced, mild, all_metrics,
        severity, z_times=z_times, bells_later_min=bells_later, first_day=first_day and first_day.date(),
    )  # fmt: skip
    terms = [replace(first, seed=s) for s in range(seed, seed + seeds)]
    shared = given(rules, bare=bare)
    if ceiling:
        typer.echo(_ceilings(terms, shared, as_json=json))
        return
    if curve:
        runs, text = _curve(terms, shared, tell, as_json=json)
    elif budget is None:
        runs = run_all(terms, shared)
        text = render(runs, as_json=json)
    else:
        calibration = [replace(first, seed=s) for s in _seeds_before(seed, calibrate_seeds)]
        runs, text = _comparison(names, calibration, terms, budget, shared, tell, as_json=json)
    if explain is not None:
        explain.write_text(explained(runs), encoding="utf-8")
    typer.echo(text)


def _contenders(
    detector: list[str] | None, budget: float | None, tell: Callable[[str], None], *, curve: bool
) -> Sequence[str]:
    """Return the names of the detectors to measure.

    Raises:
        ConfigurationError: there is no such detector, or several without a budget, or a budget and a curve.
    """
    from evaluation.detectors.contenders import names_of

    names = names_of(detector or ["ew"], tell)
    if budget is None and len(names) > 1:
        raise ConfigurationError(f"{', '.join(names)}: several detectors are compared at a --budget")
    if budget is not None and curve:
        raise ConfigurationError("--curve tells every budget of one detector: leave --budget out")
    return names


def _ceilings(terms: "Sequence[ScenarioTerms]", shared: "Given", *, as_json: bool) -> str:
    """Return what the best detector could find of wrong registers, in words."""
    from evaluation.scenarios.ceiling import ceilings, render

    return render(ceilings(terms, shared.calendar_text), as_json=as_json)


def _curve(
    terms: "Sequence[ScenarioTerms]", shared: "Given", tell: Callable[[str], None], *, as_json: bool
) -> "tuple[list[Judged], str]":
    """Return the runs at all factors of z, and what is said of them."""
    from evaluation.scenarios.curve import curve, render

    points = curve(terms, shared, tell)
    return [run for point in points for run in point.runs], render(points, as_json=as_json)


def _comparison(
    names: Sequence[str],
    calibration: "Sequence[ScenarioTerms]",
    terms: "Sequence[ScenarioTerms]",
    budget: float,
    shared: "Given",
    tell: Callable[[str], None],
    *,
    as_json: bool,
) -> "tuple[list[Judged], str]":
    """Return the runs of all detectors at one budget, and what is said of them."""
    from evaluation.scenarios.budget import compare
    from evaluation.scenarios.comparison import render

    found = compare(names, calibration, terms, budget, shared, tell)
    text = render(found, budget, [each.seed for each in calibration], as_json=as_json)
    return [run for one in found for run in one.runs], text


def _seeds_before(seed: int, number: int) -> range:
    if seed < number:
        raise ConfigurationError(
            f"Calibration takes the {number} seeds before --seed, so it must be at least {number}, not {seed}"
        )
    return range(seed - number, seed)


def _interval_us(text: str) -> int:
    from device_simulator.world.faults import parse_duration_s

    try:
        interval_us = round(parse_duration_s(text) * 1e6)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    if interval_us < 10_000_000 or 86_400_000_000 % interval_us:
        raise ConfigurationError(f"The interval {text} must be at least 10s and divide a day without rest")
    return interval_us
