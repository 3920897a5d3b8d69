"""`eduops evaluate scenarios`: a simulated month with labelled faults, through the real fold."""

from pathlib import Path
from typing import Annotated

import typer

from contract.errors import ConfigurationError
from eduops.evaluate_options import Json


def scenarios(
    seed: Annotated[int, typer.Option(min=0, help="Chooses the city, its noise and its faults.")] = 1,
    schools: Annotated[int, typer.Option(min=1, max=5000)] = 500,
    days: Annotated[int, typer.Option(min=1, max=45)] = 30,
    interval: Annotated[
        str, typer.Option(help="Between two reports of a device; a divisor of a day.")
    ] = "5m",
    detector: Annotated[
        str, typer.Option(help="A detector of the fold, peer-ew-z or peer-seasonal-mad.")
    ] = "ew",
    seeds: Annotated[int, typer.Option(min=1, help="Runs SEED, SEED+1, … and pools their events.")] = 1,
    partitions: Annotated[int, typer.Option(min=1, max=64, help="Changes the speed, never the result.")] = 1,
    unannounced: Annotated[
        bool, typer.Option("--unannounced", help="Also a half day and closures that nobody told the center.")
    ] = False,
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
    explain: Annotated[
        Path | None, typer.Option(help="JSON lines of each fault, what was opened, and each false incident.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure a detector on a simulated city: faults found, false incidents, delay, incidents per outage."""
    from eduops.scenario_report import explained, render, run_all
    from eduops.scenario_run import Terms

    terms = [
        Terms(
            seed=s,
            schools=schools,
            days=days,
            interval_us=_interval_us(interval),
            detector=detector,
            partitions=partitions,
            unannounced=unannounced,
            mild=mild,
            all_metrics=all_metrics,
            z_times=z_times,
        )
        for s in range(seed, seed + seeds)
    ]
    runs = run_all(terms, rules, bare=bare)
    if explain is not None:
        explain.write_text(explained(runs), encoding="utf-8")
    typer.echo(render(runs, as_json=json))


def _interval_us(text: str) -> int:
    from device_simulator.faults import parse_duration_s

    try:
        interval_us = round(parse_duration_s(text) * 1e6)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    if interval_us < 10_000_000 or 86_400_000_000 % interval_us:
        raise ConfigurationError(f"The interval {text} must be at least 10s and divide a day without rest")
    return interval_us
