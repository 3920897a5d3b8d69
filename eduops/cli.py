"""The command line `eduops`: thin verbs; what they do stands in the modules that they call."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from eduops.failures import sentences
from eduops.log_lines import say_failure, write_log
from eduops.machine.attach import attached
from eduops.settings import Settings, load_settings
from eduops.stories.verb import stories
from eduops.verbs.broker import broker_app
from eduops.verbs.calendar.commands import calendar_app
from eduops.verbs.devices.commands import device_app
from eduops.verbs.duty.commands import oncall_app
from eduops.verbs.evaluate import evaluate_app
from eduops.verbs.feedback.commands import feedback_app
from eduops.verbs.fleet import fleet_app
from eduops.verbs.notify import notify_app
from eduops.verbs.options import Config, Data, Json
from eduops.verbs.people.audit import audit_app
from eduops.verbs.people.screen import screen_app
from eduops.verbs.people.token import token_app
from eduops.verbs.people.user import user_app
from eduops.verbs.reporting.evidence import evidence_app
from eduops.verbs.reporting.report import report
from eduops.verbs.routes.commands import routes_app
from eduops.verbs.rules import rules_app
from eduops.verbs.silencing.commands import silence_app
from eduops.verbs.stopping import run_until_stopped

app: Final = typer.Typer(
    name="eduops",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(broker_app, name="broker")
app.add_typer(calendar_app, name="calendar")
app.add_typer(device_app, name="device")
app.add_typer(fleet_app, name="fleet")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(feedback_app, name="feedback")
app.add_typer(rules_app, name="rules")
app.add_typer(routes_app, name="routes")
app.add_typer(notify_app, name="notify")
app.add_typer(silence_app, name="silence")
app.add_typer(oncall_app, name="oncall")
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")
app.add_typer(screen_app, name="screen")
app.add_typer(audit_app, name="audit")
app.add_typer(evidence_app, name="evidence")
app.command()(report)
app.command()(stories)

TlsDir = Annotated[Path | None, typer.Option("--tls-dir", help="Folder of certificate and key: HTTPS.")]
InsecureNetwork = Annotated[bool | None, typer.Option("--insecure-network", help="No TLS beyond loopback.")]
INTERRUPTED: Final = 130
"""Exit code of a command that Ctrl-C ended before it was done (128 + SIGINT)."""


def _say_version(wanted: bool) -> None:
    if wanted:
        from eduops.connections import build_id

        typer.echo(build_id())
        raise typer.Exit


@app.callback()
def every_verb(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """A smart education operations center: school telemetry from MQTT to a live wall."""


@app.command()
def up(
    data: Data = None,
    config: Config = None,
    port: Annotated[int | None, typer.Option(help="Port of the wall.")] = None,
    schools: Annotated[
        int | None, typer.Option(help="Schools of the generated fleet, at first start.")
    ] = None,
    seed_days: Annotated[float | None, typer.Option(help="Days of history, at first start.")] = None,
    at: Annotated[
        str | None,
        typer.Option(help="What the log's clock shows now, such as 2026-11-24T08:30, at first start."),
    ] = None,
    speed: Annotated[float | None, typer.Option(help="Log seconds per real second, at first start.")] = None,
    simulator: Annotated[bool, typer.Option(help="Whether to simulate the city's devices.")] = True,
    watchdog: Annotated[bool, typer.Option(help="Whether to start the watchdog, `eduops watch`.")] = True,
    quiet: Annotated[
        bool, typer.Option(help="Keep the services' warnings in the log files only, too.")
    ] = False,
    host: Annotated[str | None, typer.Option(help="Address that the wall listens on.")] = None,
    tls_dir: TlsDir = None,
    insecure_network: InsecureNetwork = None,
) -> None:
    """Start everything on this machine and keep it running; the last words say where the wall is."""
    from eduops.machine.up import UpOptions, run_up

    given = {"data": data, "port": port, "schools": schools, "seed_days": seed_days, "host": host}
    given |= {"tls_dir": tls_dir, "insecure_network": insecure_network}
    settings = load_settings(config, given)
    run_until_stopped(
        lambda stop: run_up(settings, UpOptions(at, speed, simulator, watchdog, quiet), stop, typer.echo)
    )


@app.command()
def ingest(data: Data = None, config: Config = None) -> None:
    """Run the MQTT door alone: from the broker into the log."""
    from eduops.wiring import run_ingest

    _serve("ingest", data, config, run_ingest)


@app.command()
def authorise(data: Data = None, config: Config = None) -> None:
    """Run the authoriser alone: the broker asks it which device may come in."""
    from eduops.wiring import run_authoriser

    _serve("authoriser", data, config, run_authoriser)


@app.command()
def process(data: Data = None, config: Config = None) -> None:
    """Run the processor alone: from the log into the database, with scores and alerts."""
    from eduops.wiring import run_processor

    _serve("processor", data, config, run_processor)


@app.command()
def dashboard(
    data: Data = None,
    config: Config = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    tls_dir: TlsDir = None,
    insecure_network: InsecureNetwork = None,
) -> None:
    """Run the wall and the engineers' pages alone."""
    from eduops.wiring import run_dashboard

    given = {"host": host, "port": port, "tls_dir": tls_dir, "insecure_network": insecure_network}
    _serve("dashboard", data, config, run_dashboard, given)


@app.command()
def watch(data: Data = None, config: Config = None) -> None:
    """Watch the pipeline from outside and raise the alarm when it is dead; no part of it is needed."""
    from eduops.wiring import run_watch

    settings = load_settings(config, {"data": data})
    _log_as(settings, "watchdog")
    run_until_stopped(lambda stop: run_watch(settings, stop))


@app.command()
def prepare(
    data: Data = None,
    config: Config = None,
    demo: Annotated[bool, typer.Option("--demo", help="Also make up a fleet and its history.")] = False,
) -> None:
    """Prepare database and logs on configured servers, for services that run alone (containers)."""
    from eduops.machine.prepare import run_prepare

    asyncio.run(run_prepare(attached(data, config), typer.echo, demo=demo))


@app.command()
def ready(
    name: Annotated[str, typer.Argument(help="Process, such as `ingest` or `watchdog`.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Say whether a service on this machine serves; exit code 1 if not (health checks of containers)."""
    from eduops.verbs.ready import check_ready

    typer.echo(check_ready(load_settings(config, {"data": data}), name))


@app.command()
def simulate(
    data: Data = None,
    config: Config = None,
    fault: Annotated[
        str | None, typer.Option(help="Inject a fault; `eduops faults` lists the kinds.")
    ] = None,
    isp: Annotated[str, typer.Option(help="Only schools of this provider.")] = "",
    ward: Annotated[str, typer.Option(help="Only schools of this ward, code or name.")] = "",
    cluster: Annotated[str, typer.Option(help="Only schools of this cluster, code or name.")] = "",
    school: Annotated[str, typer.Option(help="Only the school with this code.")] = "",
    count: Annotated[int, typer.Option(help="How many of the matching schools; 0 for all.")] = 0,
    after: Annotated[str, typer.Option(help="Log time until it starts, such as 60s.")] = "0s",
    for_: Annotated[str, typer.Option("--for", help="Log time that it lasts, such as 5m.")] = "5m",
    strength: Annotated[float, typer.Option(help="How strong; 0 for the kind's default.")] = 0.0,
    variant: Annotated[str, typer.Option(help="Variant of the kind.")] = "",
    exercise: Annotated[
        str,
        typer.Option(help="What is practised: all that the fault brings is told and counted as an exercise."),
    ] = "",
) -> None:
    """Simulate the city's devices, or inject a fault into the running simulation."""
    from eduops.verbs.simulate import FaultOptions, run_simulate

    wanted = None
    if fault is not None:
        wanted = FaultOptions(
            fault, isp, ward, cluster, school, count, after, for_, strength, variant, exercise
        )
    settings = attached(data, config)
    _log_as(settings, "simulator")
    run_until_stopped(lambda stop: run_simulate(settings, wanted, stop, typer.echo))


@app.command()
def restart(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Processes or services, such as `ingest-1` or `processor`; all services without."
        ),
    ] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Restart the running system's services one by one, each only when the one before serves again."""
    from eduops.data_folder import DataFolder
    from eduops.machine.rolling import request_restart

    request_restart(DataFolder(load_settings(config, {"data": data}).data), names or [], typer.echo)


@app.command()
def faults() -> None:
    """List the kinds of fault that `eduops simulate --fault` knows."""
    from device_simulator.world.faults import KIND_HELP

    for kind, sentence in KIND_HELP.items():
        typer.echo(f"{kind.value:<16} {sentence}")


@app.command()
def replay(
    path: Annotated[
        Path, typer.Argument(help="Recorded data: a known data set's folder, or a long CSV file.")
    ],
    data: Data = None,
    config: Config = None,
    port: Annotated[int | None, typer.Option(help="Port of the wall, with --keep.")] = None,
    speed: Annotated[
        float | None, typer.Option(help="Recorded seconds per second; as fast as it goes without.")
    ] = None,
    from_: Annotated[datetime | None, typer.Option("--from", help="First moment, UTC.")] = None,
    to: Annotated[datetime | None, typer.Option("--to", help="Last moment, UTC.")] = None,
    keep: Annotated[bool, typer.Option(help="Leave the wall up afterwards.")] = False,
) -> None:
    """Run recorded data through a system of its own and tell what it noticed."""
    from eduops.verbs.replay import ReplayOptions, run_replay

    settings = load_settings(config, {"port": port, "data": data})
    options = ReplayOptions(path, data, speed, from_, to, keep)
    run_until_stopped(lambda stop: run_replay(settings, options, stop, typer.echo))


@app.command()
def status(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Show the ledger, the lag and the processes."""
    from eduops.verbs.status import read_status, render_status

    found = asyncio.run(read_status(attached(data, config)))
    typer.echo(render_status(found, as_json=json))


@app.command()
def doctor(data: Data = None, config: Config = None) -> None:
    """Check this machine and the running system, a sentence each; exit code 1 if something is wrong."""
    from eduops.verbs.doctor.examine import examine

    findings = asyncio.run(examine(load_settings(config, {"data": data})))
    for finding in findings:
        typer.echo(finding.line)
    if any(not finding.fine for finding in findings):
        raise typer.Exit(1)


@app.command()
def quarantine(
    data: Data = None,
    config: Config = None,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many of the latest to show.")] = 20,
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
) -> None:
    """List what was refused, the latest first, and how often for each reason."""
    from eduops.verbs.quarantine import list_quarantine

    typer.echo(asyncio.run(list_quarantine(attached(data, config), limit, reason)))


@app.command()
def bench(
    load: Annotated[str | None, typer.Option(help="city, 10x or nation; all three without it.")] = None,
    seconds: Annotated[float, typer.Option(help="Length of the measurement of a load.")] = 20.0,
    json: Json = False,
    out: Annotated[Path | None, typer.Option(help="File that gets the JSON as well.")] = None,
) -> None:
    """Measure what this machine can take in, against PostgreSQL's own COPY and a user's own scripts."""
    from eduops.bench.run import render_bench, run_loads

    found = run_loads([load] if load else [], seconds)
    if out is not None:
        out.write_text(render_bench(found, as_json=True) + "\n", encoding="utf-8")
    typer.echo(render_bench(found, as_json=json))


@app.command()
def migrate(data: Data = None, config: Config = None) -> None:
    """Bring the database to this version's schema (`eduops up` does it by itself)."""
    from eduops.roles import prepare_tables

    prepare_tables(attached(data, config))
    typer.echo("the database has this version's schema")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Save the running system as it stands at one moment: database, logs, ledger, own config files."""
    from eduops.backup.save import run_backup

    run_backup(attached(data, config), file, typer.echo)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file of `eduops backup`.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Make a system of a backup in a new data folder and count it again; `eduops up` then starts it."""
    from eduops.backup.restore import run_restore

    asyncio.run(run_restore(load_settings(config, {"data": data}), file, typer.echo))


@app.command()
def version() -> None:
    """Print the version."""
    _say_version(True)


def _serve(
    service: str,
    data: Path | None,
    config: Path | None,
    run: Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]],
    given: Mapping[str, Any] | None = None,
) -> None:
    settings = attached(data, config, given)
    _log_as(settings, service)
    run_until_stopped(lambda stop: run(settings, stop))


def _log_as(settings: Settings, service: str) -> None:
    write_log(settings.process_name or service, settings.log_level, settings.log_format)


def main() -> None:
    """Run the command line; an expected failure is one sentence on stderr and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that lacks our letters gets their numbers
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(INTERRUPTED)
    except Exception as error:
        told = sentences(error)
        if told is None:
            raise
        for sentence in told:
            say_failure(sentence)
        sys.exit(1)
