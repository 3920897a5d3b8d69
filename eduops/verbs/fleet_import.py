"""`eduops fleet`: the fleet as a spreadsheet, in and out; an import is a plan first."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from config.files import read_config
from config.fleet_csv import Areas, parse_areas, parse_fleet_csv, write_fleet_csv, write_mbps
from config.fleet_plan import Deeds, ImportPlan, plan_import
from config.spreadsheet import BadRow, decode_table
from config.ward_map import read_outlines
from contract.errors import ConfigurationError
from contract.fleet import Device, Fleet, School
from contract.ward_map.places import Outlines
from eduops.connections import database_url, saved_fleet
from eduops.data_folder import DataFolder
from eduops.machine.servers.sync_choice import note_schools
from eduops.settings import Settings
from eduops.verbs.people.running import operator
from storage.database import connect
from storage.fleet import load_fleet, save_fleet
from storage.people.audit import add_audit

SHOWN_ROWS: Final = 20
"""Rows named of each kind; more would scroll the first ones away."""
NO_FLEET: Final = Fleet("79", (), (), (), ())

Ask = Callable[[str], bool]
"""Shows the plan and returns whether a person says yes to its questions."""


async def import_fleet(settings: Settings, file: Path, deeds: Deeds, ask: Ask) -> str:
    """ImportPlan what a CSV file changes, ask where it would close much, and keep it; return what was done.

    Raises:
        ConfigurationError: the file cannot be read or has bad rows, each named by its line; or it was not
            said yes to. Nothing is changed then.
    """
    folder = DataFolder(settings.data)
    areas = parse_areas(read_config(folder.config, "areas.csv"))
    now_us = settings.clock.log_us(time.time_ns() // 1000)
    async with await connect(database_url(settings)) as connection:
        before = await load_fleet(connection)
        outlines = read_outlines(folder.config, areas.wards)
        plan, notes = _plan(file, areas, outlines, before or NO_FLEET, now_us, deeds)
        if plan.is_empty:
            return "the fleet is as the file says already; nothing was changed"
        text = describe(plan, notes)
        if plan.questions and before is not None and not ask(text):
            raise ConfigurationError("nothing was changed; say yes, or add --yes, if the plan is right")
        version = None if before is None else before.version
        async with connection.transaction():
            await save_fleet(connection, plan.fleet, now_us, instead_of=version)
            await add_audit(
                connection, actor=operator(), grade="command line", action="fleet import",
                subject=file.name, detail=f"version={plan.fleet.version}",
            )  # fmt: skip
    note_schools(folder, len(plan.fleet.schools))
    return f"{text}\nsaved; running services take it over within seconds, without a restart"


def describe(plan: ImportPlan, notes: Sequence[str] = ()) -> str:
    """Return a plan for a person: what is added, changed, closed, and what has to be said yes to."""
    at = {school.id: school for school in (*plan.fleet.schools, *(f.school for f in plan.fleet.former))}

    open_now = {school.id for school in plan.fleet.schools}

    def device(one: Device) -> str:
        return f"{at[one.school_id].code}/{one.code} ({one.kind.value})"

    parts = [
        ("added", [_named(s) for s in plan.added]),
        ("opened again", [_named(s) for s in plan.reopened]),
        ("merged", [f"{_named(one)} into {_named(other)}" for one, other in plan.merged]),
        ("closed", [_named(s) for s in plan.closed]),
        ("changed", [f"{c.school.code}: {_columns(c.before, c.school, c.columns)}" for c in plan.changed]),
        ("devices added", [device(d) for d in plan.devices_added if d.school_id not in _new(plan)]),
        ("devices retired", [device(d) for d in plan.devices_retired if d.school_id in open_now]),
        ("devices under another code", [f"{device(old)} → {new.code}" for old, new in plan.devices_renamed]),
        ("areas changed", plan.areas_changed),
    ]
    lines = [line for title, rows in parts for line in _part(title, rows)]
    lines += [f"note: {note}" for note in (*notes, *plan.notes)]
    return "\n".join([*lines, *(f"? {question}" for question in plan.questions)])


async def export_fleet(settings: Settings) -> str:
    """Return the fleet as CSV text."""
    return write_fleet_csv(await saved_fleet(settings))


def read_deeds(merged: Iterable[str], replaced: Iterable[str], anew: Iterable[str]) -> Deeds:
    """Return what the options of the command line mean.

    Raises:
        ConfigurationError: one is not written as it should be.
    """
    return Deeds(
        dict(_two(text, "=", "--merged OLD=NEW") for text in merged),
        {
            _two(old, "/", "--replaced SCHOOL/OLD=NEW"): new
            for old, new in (_two(text, "=", "--replaced SCHOOL/OLD=NEW") for text in replaced)
        },
        frozenset(_two(text, "/", "--new-device SCHOOL/DEVICE") for text in anew),
    )


def _plan(
    file: Path, areas: Areas, outlines: Outlines, before: Fleet, now_us: int, deeds: Deeds
) -> tuple[ImportPlan, tuple[str, ...]]:
    text, encoding = decode_table(_read(file))
    listed, bad, notes = parse_fleet_csv(text, areas, outlines)
    if bad:
        raise ConfigurationError(f"{file} has bad rows, nothing was changed:\n{_bad_rows(bad)}")
    return plan_import(before, listed, areas, now_us, deeds), tuple(filter(None, (encoding, *notes)))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error


def _bad_rows(bad: Sequence[BadRow]) -> str:
    shown = [f"  line {row.line}: {row.message}" for row in bad[:SHOWN_ROWS]]
    return "\n".join([*shown, *_more(len(bad))])


def _part(title: str, rows: Sequence[str]) -> list[str]:
    if not rows:
        return []
    return [f"{title}: {len(rows):,}", *(f"  {row}" for row in rows[:SHOWN_ROWS]), *_more(len(rows))]


def _more(rows: int) -> list[str]:
    return [f"  and {rows - SHOWN_ROWS:,} more"] if rows > SHOWN_ROWS else []


def _new(plan: ImportPlan) -> set[int]:
    return {s.id for s in plan.added}


def _named(school: School) -> str:
    return f"{school.code} {school.name}"


def _columns(before: School, after: School, columns: Iterable[str]) -> str:
    """Return each column with its value before and after; a rate in Mbit/s, a place in degrees."""

    def shown(school: School, column: str) -> str:
        value = getattr(school, column)
        if column == "place":
            return "none" if value is None else f"{value.lat} {value.lon}"
        return f"{write_mbps(value)} Mbit/s" if column.endswith("_bps") else str(value)

    return ", ".join(f"{c.removesuffix('_bps')} {shown(before, c)} → {shown(after, c)}" for c in columns)


def _two(text: str, sign: str, form: str) -> tuple[str, str]:
    first, found, second = text.partition(sign)
    if not (found and first and second):
        raise ConfigurationError(f"{text!r} is not written as {form}")
    return first, second
