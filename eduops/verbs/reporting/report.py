"""`eduops report`: the day, the week or the term for leadership, as a paged report or as a table."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from contract.figures.spans import SpanKind
from contract.figures.sums import GroupKind
from contract.texts import Language

if TYPE_CHECKING:
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
    form: str
    """`pdf`, `csv`, or `excel` for a table as Vietnamese Excel reads it."""
    out: Path | None


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
    out: Annotated[
        Path | None, typer.Option(help="File to write.", show_default="eduops-SPAN-DAY.pdf or .csv")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Data folder.", show_default="the user's data folder")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")] = None,
) -> None:
    """Write leadership's report: the figures of the page /kpi, to the digit."""
    import asyncio

    from contract.errors import ConfigurationError
    from eduops.machine.attach import attach
    from eduops.settings import load_settings

    forms = [name for name, wanted in (("pdf", pdf), ("csv", csv), ("excel", excel)) if wanted]
    if len(forms) > 1:
        raise ConfigurationError(f"--{forms[0]} and --{forms[1]} exclude each other: one file at a time")
    form = forms[0] if forms else "pdf"
    wanted = ReportOptions(span, None if day is None else day.date(), by, cluster, lang, form, out)
    settings = attach(load_settings(config, {"data": data}))
    typer.echo(asyncio.run(write_report(settings, wanted)))


async def write_report(settings: "Settings", wanted: ReportOptions) -> str:
    """Write the file and return what was written, in a sentence.

    Raises:
        ConfigurationError: there is no such cluster, or the file cannot be written.
        InfrastructureError: the database does not answer.
    """
    import time

    from config.files import load_configuration, shipped_texts
    from eduops.connections import database_url, saved_fleet
    from eduops.data_folder import DataFolder
    from ops_dashboard.charts.marks import PAPER
    from ops_dashboard.report.pdf import report_pdf
    from ops_dashboard.report.reading import read_brief
    from ops_dashboard.view.leadership.maker import Brand, BriefAsked
    from ops_dashboard.view.leadership.tables import TableForm, brief_table
    from ops_dashboard.view.leadership.worded import Wording
    from ops_dashboard.view.leadership.wording import worded
    from storage.database import connect

    folder = DataFolder(settings.data).config
    own, texts, fleet = load_configuration(folder), shipped_texts(), await saved_fleet(settings)
    day = wanted.day or own.calendar.local_day(settings.clock.log_us(time.time_ns() // 1000))
    scope = cluster_code(wanted.cluster, {c.code: c.name for c in fleet.clusters})
    by = GroupKind.WARD if scope and wanted.by in (GroupKind.CLUSTER, GroupKind.CITY) else wanted.by
    by = GroupKind.CLUSTER if by is GroupKind.CITY else by
    brand = Brand(fleet, own.calendar, own.plan, settings.coverage_min)
    async with await connect(database_url(settings), "eduops report") as conn:
        brief = await read_brief(conn, BriefAsked(wanted.span, day, by, scope), brand)
    if wanted.form == "pdf":
        rules = {rule.name: rule for rule in own.rules}
        wording = Wording(texts, wanted.language, own.calendar.timezone, fleet, rules)
        content = report_pdf(worded(brief, wording, PAPER), texts, wanted.language)
    else:
        form = TableForm.EXCEL if wanted.form == "excel" else TableForm.PLAIN
        content = brief_table(brief, texts, wanted.language, form).encode()
    end = "pdf" if wanted.form == "pdf" else "csv"
    path = wanted.out or Path(f"eduops-{wanted.span}-{day.isoformat()}.{end}")
    write_file(path, content)
    return f"{path}: {wanted.span} up to {day.isoformat()}, {len(content):,} bytes"


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
