"""`eduops report`: the day, the week or the term for leadership, as a paged report or as a table."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from contract.figures.definitions import FigureName
from contract.figures.plan import PLAN
from contract.figures.spans import SpanKind
from contract.figures.sums import GroupKind
from contract.routing.report import MadeReport, ReportFormat
from contract.texts import Language
from eduops.verbs.options import Config, Data

if TYPE_CHECKING:
    from contract.fleet import Fleet
    from eduops.settings import Settings


class ReportOptions(NamedTuple):
    """Which report is wanted, and how it is written."""

    span: SpanKind
    day: date | None
    """Its last day; None for today, by the log's clock."""
    by: GroupKind
    cluster: str
    """Code or name; empty for the city."""
    language: Language
    form: ReportFormat
    out: Path | None
    to: tuple[str, ...] = ()
    """People and channels of routes.toml who get it."""
    figure: FigureName = FigureName.LOST_EACH
    """By which groups are compared."""
    benchmark: str = PLAN
    """Key of what they are compared with."""


def report(
    span: Annotated[SpanKind, typer.Argument(help="How far back it goes.")],
    pdf: Annotated[bool, typer.Option("--pdf", help="Write a paged report.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write a table: commas and a decimal point.")] = False,
    excel: Annotated[
        bool, typer.Option("--excel", help="Write the table as Excel reads it in Vietnamese: ; and a comma.")
    ] = False,
    lang: Annotated[Language, typer.Option(help="Language.")] = Language.VI,
    day: Annotated[
        datetime | None, typer.Option(help="Last day.", formats=["%Y-%m-%d"], show_default="today")
    ] = None,
    by: Annotated[GroupKind, typer.Option(help="What is compared.")] = GroupKind.CLUSTER,
    cluster: Annotated[str, typer.Option(help="Compare within this cluster, code or name.")] = "",
    figure: Annotated[
        FigureName, typer.Option(help="By which figure they are compared.")
    ] = FigureName.LOST_EACH,
    benchmark: Annotated[
        str, typer.Option(help="With what: plan, or the key of a benchmark of targets.toml.")
    ] = PLAN,
    out: Annotated[
        Path | None, typer.Option(help="File to write.", show_default="eduops-SPAN-DAY.pdf or .csv")
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(help="Also send it to this person or channel of routes.toml: by mail with the file."),
    ] = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Write leadership's report: the figures of the page /kpi, to the digit."""
    import asyncio

    from contract.errors import ConfigurationError
    from eduops.machine.attach import attach
    from eduops.settings import load_settings

    forms = [form for form, is_wanted in zip(ReportFormat, (pdf, csv, excel), strict=True) if is_wanted]
    if len(forms) > 1:
        raise ConfigurationError(f"--{forms[0]} and --{forms[1]} exclude each other: one file at a time")
    form = forms[0] if forms else ReportFormat.PDF
    until = None if day is None else day.date()
    wanted = ReportOptions(span, until, by, cluster, lang, form, out, tuple(to or ()), figure, benchmark)
    settings = attach(load_settings(config, {"data": data}))
    for line in asyncio.run(write_report(settings, wanted)):
        typer.echo(line)


async def write_report(settings: "Settings", wanted: ReportOptions) -> list[str]:
    """Write the file, send it to whoever is named, and return what was done, a sentence each.

    Raises:
        ConfigurationError: there is no such cluster, benchmark or contact, or the file cannot be written.
        InfrastructureError: the database does not answer, or a channel did not take it.
    """
    import time

    from config.files import load_configuration
    from contract.errors import ConfigurationError
    from eduops.connections import database_url, known_calendar, saved_fleet
    from eduops.data_folder import DataFolder
    from eduops.reports import brief_maker
    from ops_dashboard.view.leadership.maker import BriefAsked
    from storage.database import connect

    folder = DataFolder(settings.data).config
    own, fleet = load_configuration(folder), await saved_fleet(settings)
    day = wanted.day or own.calendar.local_day(settings.clock.log_us(time.time_ns() // 1000))
    if not own.plan.knows(wanted.benchmark):
        known = ", ".join([PLAN, *own.plan.benchmarks])
        raise ConfigurationError(f"targets.toml has no benchmark {wanted.benchmark!r}; there are {known}")
    scope = cluster_code(wanted.cluster, {c.code: c.name for c in fleet.clusters})
    by = GroupKind.WARD if scope and wanted.by in (GroupKind.CLUSTER, GroupKind.CITY) else wanted.by
    by = GroupKind.CLUSTER if by is GroupKind.CITY else by
    own = replace(own, calendar=await known_calendar(settings, own, fleet))
    make = brief_maker(fleet, own, settings.coverage_min)
    async with await connect(database_url(settings), "eduops report") as conn:
        asked = BriefAsked(wanted.span, day, by, scope, wanted.figure, wanted.benchmark)
        made = await make(conn, asked, wanted.language, [wanted.form])
    (file,) = made.files
    path = wanted.out or Path(file.name)
    write_file(path, file.content)
    said = [f"{path}: {wanted.span} up to {day.isoformat()}, {len(file.content):,} bytes"]
    if wanted.to:
        said += await send_report(settings, wanted.to, made, cluster=scope)
    return said


async def send_report(
    settings: "Settings", to: tuple[str, ...], made: MadeReport, *, cluster: str
) -> list[str]:
    """Send a report to people and channels, and return who took it, a line each.

    Raises:
        ConfigurationError: routes.toml has no such person or channel, or a person's account may not see it.
        InfrastructureError: a channel did not take it.
    """
    import uuid

    from alerting.messages.webhook import webhook_words
    from alerting.messages.wording import MessageForm, report_text
    from config.files import load_configuration
    from contract.errors import ConfigurationError, InfrastructureError
    from contract.routing.contact import Rota
    from contract.routing.delivery import AttemptOutcome
    from eduops.connections import saved_fleet
    from eduops.data_folder import DataFolder
    from eduops.wiring import notifier_config
    from notifier.channels import user_of
    from notifier.senders.outlet import Letter
    from notifier.shell import make_office
    from notifier.trial import send_everywhere

    config, own = notifier_config(settings), load_configuration(DataFolder(settings.data).config)
    office = make_office(config, await saved_fleet(settings), own.catalogue, own.calendar, own.rules)
    known = {name for name, contact in own.routing.contacts.items() if not isinstance(contact, Rota)}
    said = []
    for name in to:
        if name not in known:
            raise ConfigurationError(
                f"routes.toml has no person or channel {name!r}; it has {', '.join(sorted(known))}"
            )
        await _check_account(settings, office.groups.fleet, user_of(own.routing, name), cluster)
        key = f"report-{uuid.uuid4().hex[:18]}"

        def letter(form: MessageForm, name: str = name, key: str = key) -> Letter:
            text = report_text(made, office, form)
            return Letter(key, name, text, webhook_words(name, text, office, "report"), files=made.files)

        for scheme, (outcome, words, _) in await send_everywhere(config, own.routing, name, letter):
            if outcome is not AttemptOutcome.SENT:
                raise InfrastructureError(f"{name} ({scheme}) did not take it: {outcome.value} {words}")
            said.append(f"{name} ({scheme}): {outcome.value}")
    return said


async def _check_account(settings: "Settings", fleet: "Fleet", user: str, cluster: str) -> None:
    """Refuse to send figures to somebody whose account does not cover them; without one all are allowed."""
    from contract.errors import ConfigurationError
    from eduops.connections import database_url
    from storage.database import connect
    from storage.people.users import find_user

    if not user:
        return
    async with await connect(database_url(settings), "eduops report") as conn:
        found = await find_user(conn, user)
    wards = {w.code for w in fleet.wards if cluster in ("", w.cluster_code)}
    counted = [s for s in fleet.schools if s.ward_code in wards]
    if found is None or found.disabled or not all(found.area.covers(s, fleet) for s in counted):
        raise ConfigurationError(f"the account {user} may not see these figures: nothing was sent to it")


def cluster_code(text: str, clusters: dict[str, str]) -> str:
    """Return the code of the cluster with a code or name; empty for no text.

    Raises:
        ConfigurationError: there is none.
    """
    from contract.errors import ConfigurationError

    if not text or text in clusters:
        return text
    for code, name in clusters.items():
        if name.casefold() == text.casefold():
            return code
    raise ConfigurationError(f"no cluster is called {text!r}; there are {', '.join(clusters.values())}")


def write_file(path: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        ConfigurationError: it cannot be written; says why.
    """
    from contract.errors import ConfigurationError

    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}") from error
