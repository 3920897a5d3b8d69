"""The verbs `eduops silence …`: nobody is told of what matches, until an end that everybody sees."""

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from contract.errors import ConfigurationError
from eduops.verbs.options import Config, Data, Json

silence_app: Final = typer.Typer(
    help="Tell nobody of what matches, for a while or on the school calendar.", no_args_is_help=True
)

Isp = Annotated[str, typer.Option(help="Provider.")]
Ward = Annotated[str, typer.Option(help="Ward, code or name.")]
Cluster = Annotated[str, typer.Option(help="Cluster, code or name.")]
School = Annotated[str, typer.Option(help="School, code or name.")]
Rule = Annotated[str, typer.Option(help="Rule of the alerts, such as wan_down.")]
System = Annotated[str, typer.Option(help="gateway, attendance, elearning, or center.")]
Priority = Annotated[str, typer.Option(help="1, 2 or 3.")]
Match = Annotated[
    list[str] | None, typer.Option(help="Further matcher, such as 'school=~\"79.*\"'; as often as wanted.")
]
From = Annotated[
    str | None,
    typer.Option("--from", help="When it begins, such as 2026-11-29T01:00, local.", show_default="now"),
]
Until = Annotated[str | None, typer.Option(help="When it ends; where it recurs, the day to look at it anew.")]
For = Annotated[str, typer.Option("--for", help="How long, such as 3h; where it recurs, each time.")]
Rrule = Annotated[
    str, typer.Option(help="Rule of RFC 5545 by which it recurs, such as FREQ=WEEKLY;BYDAY=SU.")
]
OnlySchoolDays = Annotated[bool, typer.Option("--only-school-days", help="Only on days with school.")]
NotInExam = Annotated[bool, typer.Option("--not-in-exam", help="Not in weeks with an exam day.")]
Maintenance = Annotated[bool, typer.Option("--maintenance", help="It is announced work.")]
Owner = Annotated[str, typer.Option(help="Who wants it.")]


@silence_app.command("list")
def show(data: Data = None, config: Config = None, json: Json = False) -> None:
    """Show the silences in force, to come and over since a week, and what each mutes now."""
    from eduops.verbs.silencing.running import read_silences
    from eduops.verbs.silencing.tables import render_silences

    settings, own, now_us = _attached(data, config)
    found = asyncio.run(read_silences(settings, now_us))
    typer.echo(render_silences(found, own.calendar, now_us, as_json=json))


@silence_app.command("add")
@silence_app.command("preview", help="Say what `add` with the same options would mute; nothing is changed.")
def add(
    context: typer.Context,
    owner: Owner = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    isp: Isp = "",
    ward: Ward = "",
    cluster: Cluster = "",
    school: School = "",
    rule: Rule = "",
    system: System = "",
    priority: Priority = "",
    match: Match = None,
    from_: From = None,
    until: Until = None,
    for_: For = "",
    rrule: Rrule = "",
    only_school_days: OnlySchoolDays = False,
    not_in_exam: NotInExam = False,
    maintenance: Maintenance = False,
    replaces: Annotated[str, typer.Option(help="Id of the silence that it takes the place of.")] = "",
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Silence what matches; the alerts go on, and who heard that one opened hears its end."""
    from contract.routing.silence import SilenceKind
    from eduops.verbs.silencing.options import HourOptions, MatcherOptions, WishOptions, described
    from eduops.verbs.silencing.running import add_silence, preview_silence
    from eduops.verbs.silencing.tables import render_added, render_preview

    settings, own, now_us = _attached(data, config)
    is_trial = context.info_name == "preview"
    choice = MatcherOptions(isp, ward, cluster, school, rule, system, priority, tuple(match or ()))
    hours = HourOptions(from_, until, for_, rrule, only_school_days, not_in_exam)
    kind = SilenceKind.MAINTENANCE if maintenance else SilenceKind.SILENCE
    unsaid = "–" * is_trial
    wish = WishOptions(owner or unsaid, reason or unsaid, kind)
    silence = described(choice, hours, wish, own.calendar, now_us)
    if is_trial:
        seen, unknown = asyncio.run(preview_silence(settings, silence, own, now_us))
        typer.echo(render_preview(seen, unknown, own.calendar.timezone, as_json=json))
    else:
        unknown = asyncio.run(add_silence(settings, silence, replaces, own, now_us))
        typer.echo(render_added(silence, unknown, as_json=json))


@silence_app.command()
def end(
    silence_id: Annotated[str, typer.Argument(help="Its id.")],
    owner: Annotated[str, typer.Option(help="Who ends it.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """End a silence now."""
    from eduops.verbs.silencing.running import end_silence

    settings, _, now_us = _attached(data, config)
    asyncio.run(end_silence(settings, silence_id, owner, now_us))
    typer.echo(f"{silence_id} ends now")


@silence_app.command("import")
def import_calendar(
    file: Annotated[Path, typer.Argument(help="Calendar file (.ics) of a provider's announced work.")],
    owner: Owner,
    isp: Isp = "",
    ward: Ward = "",
    cluster: Cluster = "",
    school: School = "",
    rule: Rule = "",
    system: System = "",
    priority: Priority = "",
    match: Match = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Take over announced work as maintenance; again changes nothing, and what was moved is moved."""
    from alerting.silences.calendar_file import read_calendar
    from eduops.verbs.silencing.options import MatcherOptions
    from eduops.verbs.silencing.running import import_works
    from eduops.verbs.silencing.tables import render_import

    settings, own, now_us = _attached(data, config)
    calendar = own.calendar
    choice = MatcherOptions(isp, ward, cluster, school, rule, system, priority, tuple(match or ()))
    try:
        read = read_calendar(file.read_text(encoding="utf-8-sig"), calendar.timezone)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    working = import_works(settings, read.works, choice.matchers(), owner, calendar, now_us)
    found = asyncio.run(working)
    typer.echo(render_import(read.works, found, read.troubles, calendar.timezone))


def _attached(data: Path | None, config: Path | None) -> tuple[Any, Any, int]:
    """Return the settings of the running system, its operator's own files, and log time now."""
    from config.files import load_configuration
    from eduops.data_folder import DataFolder
    from eduops.machine.attach import attach
    from eduops.settings import load_settings

    settings = attach(load_settings(config, {"data": data}))
    own = load_configuration(DataFolder(settings.data).config)
    return settings, own, settings.clock.log_us(time.time_ns() // 1000)
