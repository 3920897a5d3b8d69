"""Days for the calendar of the system that runs: read from its tables, decided in them, on record."""

import time
from collections.abc import Sequence
from datetime import date

from config.files import load_configuration
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.special_days.special_day import DayVerdict, SpecialDay
from eduops.connections import database_url, saved_days, saved_fleet
from eduops.data_folder import DataFolder
from eduops.settings import Settings
from eduops.verbs.people.running import operator
from ops_dashboard.special_days.desk import CalendarDesk, Deciding, UndecidableError, measure, propose, settle
from ops_dashboard.special_days.routes import said_of
from storage.database import connect
from storage.people.audit import add_audit
from storage.special_days.days import decide


async def read_desk(settings: Settings) -> tuple[CalendarDesk, Fleet]:
    """Return what is proposed and decided now, and the fleet whose places it names."""
    own, fleet = load_configuration(DataFolder(settings.data).config), await saved_fleet(settings)
    now_us = _now_us(settings)
    async with await connect(database_url(settings), "eduops calendar") as conn:
        measured = await measure(conn, fleet, own.catalogue, own.calendar, now_us)
        return await propose(conn, fleet, own.calendar, measured), fleet


async def read_decided(settings: Settings) -> tuple[list[SpecialDay], Fleet]:
    """Return what was decided and not taken back, the latest day first."""
    days = [day for day in await saved_days(settings) if day.verdict is not DayVerdict.WITHDRAWN]
    return days[::-1], await saved_fleet(settings)


async def decide_days(
    settings: Settings,
    verdict: DayVerdict,
    ids: Sequence[str] | None,
    name: str = "",
    last: date | None = None,
) -> str:
    """Decide about days, all of them or none; None is all that is proposed. Return what was done.

    Raises:
        ConfigurationError: one of them cannot be decided.
    """
    desk, _ = await read_desk(settings)
    wanted = [one.proposal_id for one in desk.proposals] if ids is None else list(ids)
    deciding = Deciding(verdict, name, last, operator(), _now_us(settings))
    try:
        days = settle(desk, wanted, deciding)
    except UndecidableError as error:
        raise ConfigurationError(
            f"{str(error)!r} cannot be decided: it is not proposed, was decided already, or lasts too long; "
            "`eduops calendar suggest` and `eduops calendar list` show what there is"
        ) from error
    if not days:
        return "nothing is proposed"
    async with await connect(database_url(settings), "eduops calendar") as conn:
        await decide(conn, days)
        await add_audit(
            conn,
            actor=operator(),
            grade="command line",
            action=f"calendar {_VERBS[verdict]}",
            subject=" ".join(day.day_id for day in days),
            detail=" ".join([verdict.value, *map(said_of, days)]),
        )
    return "\n".join(f"{day.day_id} {verdict.value}: {said_of(day)}" for day in days)


_VERBS = {DayVerdict.ACCEPTED: "accept", DayVerdict.REJECTED: "reject", DayVerdict.WITHDRAWN: "withdraw"}


def _now_us(settings: Settings) -> int:
    return settings.clock.log_us(time.time_ns() // 1000)
