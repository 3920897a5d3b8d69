"""`eduops evaluate scenarios`: a simulated month with labelled faults, through the real fold."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from contract.entry import MAX_PARTITIONS
from contract.errors import ConfigurationError
from device_simulator.world.severity import Severity
from eduops.verbs.evaluating.options import Json


def scenarios(
    seed: Annotated[int, typer.Option(min=0, help="Chooses the city, its noise and its faults.")] = 1,
    schools: Annotated[int, typer.Option(min=1, max=5000)] = 500,
    days: Annotated[int, typer.Option(min=1)] = 30,
    interval: Annotated[
        str, typer.Option(help="Between two reports of a device; a divisor of a day.")
    ] = "5m",
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="A detector's name; with --budget also all, own, peers, or several times.", show_default="ew"
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Compare detectors at so many false incidents in 1,000 school-days, such as 1. Give "
            "--bare, and --schools 60 --days 15 --interval 15m: all of them then take a quarter of an hour "
            "for 5 seeds.",
            show_default="no comparison",
        ),
    ] = None,
    calibrate_seeds: Annotated[
        int, typer.Option(min=1, help="With --budget: seeds before SEED that the factors of z are found on.")
    ] = 2,
    seeds: Annotated[int, typer.Option(min=1, help="Runs SEED, SEED+1, … and pools their events.")] = 1,
    partitions: Annotated[
        int, typer.Option(min=1, max=MAX_PARTITIONS, help="Changes the speed, never the result.")
    ] = 1,
    unannounced: Annotated[
        bool, typer.Option("--unannounced", help="Also a half day and closures that nobody told the center.")
    ] = False,
    bells_later: Annotated[
        int,
        typer.Option(
            min=0, max=120, help="All bells ring so many minutes later from the middle day on, unannounced."
        ),
    ] = 0,
    severity: Annotated[
        Severity, typer.Option(help="How messy the city is: calm, as recorded data are, or a bad month.")
    ] = Severity.REAL,
    mild: Annotated[
        bool, typer.Option("--mild", help="Also faults within every fixed threshold, to compare detectors.")
    ] = False,
    all_metrics: Annotated[
        bool, typer.Option("--all-metrics", help="Also metrics that no rule watches; slower.")
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A rules.toml.", show_default="the packaged one"),
    ] = None,
    bare: Annotated[
        bool, typer.Option("--bare", help="One anomaly rule a metric and nothing else: detectors alone.")
    ] = False,
    z_times: Annotated[
        float, typer.Option(min=0.05, max=50.0, help="Factor of z in the anomaly rules; below 1 more alarms.")
    ] = 1.0,
    curve: Annotated[
        bool,
        typer.Option("--curve", help="Recall against false incidents: every city at seven factors of z."),
    ] = False,
    ceiling: Annotated[
        bool,
        typer.Option(
            "--ceiling",
            help="Only tell what the best detector could find of wrong registers in these cities.",
        ),
    ] = False,
    explain: Annotated[
        Path | None, typer.Option(help="JSON lines of each fault, what was opened, and each false incident.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure detectors on a simulated city: faults found, false incidents, delay, incidents per outage."""
    from evaluation.detectors.contenders import names_of
    from evaluation.scenarios.report import explained, given, render, run_all
    from evaluation.scenarios.run import ScenarioTerms

    tell = partial(typer.echo, err=True)
    names = names_of(detector or ["ew"], tell)
    if budget is None and len(names) > 1:
        raise ConfigurationError(f"{', '.join(names)}: several detectors are compared at a --budget")
    if budget is not None and curve:
        raise ConfigurationError("--curve tells every budget of one detector: leave --budget out")
    first = ScenarioTerms(
        seed=seed,
        schools=schools,
        days=days,
        interval_us=_interval_us(interval),
        detector=names[0],
        partitions=partitions,
        unannounced=unannounced,
        mild=mild,
        all_metrics=all_metrics,
        z_times=z_times,
        severity=severity,
        bells_later_min=bells_later,
    )
    terms = [replace(first, seed=s) for s in range(seed, seed + seeds)]
    shared = given(rules, bare=bare)
    if ceiling:
        from evaluation.scenarios.ceiling import ceilings
        from evaluation.scenarios.ceiling import render as render_ceilings

        typer.echo(render_ceilings(ceilings(terms, shared.calendar_text), as_json=json))
        return
    if curve:
        from evaluation.scenarios.curve import curve as curve_of
        from evaluation.scenarios.curve import render as render_curve

        points = curve_of(terms, shared, tell)
        runs = [run for point in points for run in point.runs]
        text = render_curve(points, as_json=json)
    elif budget is None:
        runs = run_all(terms, shared)
        text = render(runs, as_json=json)
    else:
        from evaluation.scenarios.budget import compare
        from evaluation.scenarios.comparison import render as render_comparison

        calibration = [replace(first, seed=s) for s in _seeds_before(seed, calibrate_seeds)]
        found = compare(names, calibration, terms, budget, shared, tell)
        runs = [run for one in found for run in one.runs]
        text = render_comparison(found, budget, [t.seed for t in calibration], as_json=json)
    if explain is not None:
        explain.write_text(explained(runs), encoding="utf-8")
    typer.echo(text)


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
