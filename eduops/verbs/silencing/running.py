"""The silences of a running system: read from its tables, changed by entries of its alerts log."""

import uuid
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from alerting.silences.announced import Imported, imported
from alerting.silences.calendar_file import AnnouncedWork
from alerting.silences.known_names import UnknownName, unknown_names
from alerting.silences.preview import WEEK_US, SilencePreview, preview
from bus.codec import encode_silence_word
from config.files import Configuration
from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.entry import ALERTS_LOG, EntryKind
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.routing.silence import (
    MOST_IN_FORCE,
    Silence,
    SilenceEnded,
    SilenceMatcher,
    SilenceSet,
    SilenceWord,
)
from eduops.connections import open_log, open_tables, saved_fleet
from eduops.settings import Settings
from storage.alerts import alerts_since, open_alerts
from storage.silences import load_silences, silences_of_event, silences_since

NAME: Final = "silence"


class SilencesNow(NamedTuple):
    """What there is."""

    silences: list[Silence]
    """In force, to come, or over since a week."""
    alerts: list[Alert]
    """Open ones."""
    fleet: Fleet


async def read_silences(settings: Settings, now_us: int) -> SilencesNow:
    """Return the silences of the running system, and what they may mute."""
    fleet = await saved_fleet(settings)
    async with open_tables(settings) as conn:
        return SilencesNow(await silences_since(conn, now_us - WEEK_US), await open_alerts(conn), fleet)


async def preview_silence(
    settings: Settings, silence: Silence, own: Configuration, now_us: int
) -> tuple[SilencePreview, list[UnknownName]]:
    """Return what a silence would do, and the names in it that nothing has."""
    fleet = await saved_fleet(settings)
    async with open_tables(settings) as conn:
        past = await alerts_since(conn, now_us - WEEK_US)
        seen = preview(silence, await open_alerts(conn), past, fleet, own.calendar, now_us)
    return seen, unknown_names(silence.matchers, fleet, own.rules)


async def add_silence(
    settings: Settings, silence: Silence, replaces: str, own: Configuration, now_us: int
) -> list[UnknownName]:
    """Append the word that makes a silence; return the names in it that nothing has.

    Raises:
        ConfigurationError: what it replaces does not exist or is over, or there are too many.
    """
    async with open_tables(settings) as conn:
        if replaces:
            await _must_last(conn, replaces, now_us)
        elif len(await silences_since(conn, now_us)) >= MOST_IN_FORCE:
            raise ConfigurationError(f"{MOST_IN_FORCE} silences are not over yet; end some of them")
    await _say(settings, [SilenceSet(silence, replaces)], now_us)
    return unknown_names(silence.matchers, await saved_fleet(settings), own.rules)


async def end_silence(settings: Settings, silence_id: str, actor: str, now_us: int) -> None:
    """Append the word that ends a silence.

    Raises:
        ConfigurationError: it does not exist, or is over.
    """
    async with open_tables(settings) as conn:
        await _must_last(conn, silence_id, now_us)
    await _say(settings, [SilenceEnded(silence_id, actor, now_us)], now_us)


async def import_works(
    settings: Settings,
    works: list[AnnouncedWork],
    matchers: tuple[SilenceMatcher, ...],
    owner: str,
    calendar: SchoolCalendar,
    now_us: int,
) -> list[Imported]:
    """Append the words that announced work comes to; return what becomes of each event, in order."""
    async with open_tables(settings) as conn:
        found = [
            imported(work, await silences_of_event(conn, work.uid), matchers, owner, calendar, now_us)
            for work in works
        ]
    await _say(settings, [one.word for one in found if one.word is not None], now_us)
    return found


async def _must_last(conn: AsyncConnection[Any], silence_id: str, now_us: int) -> None:
    found = await load_silences(conn, [silence_id])
    if not found:
        raise ConfigurationError(f"no silence has the id {silence_id!r}; `eduops silence list` shows all")
    if now_us >= found[0].end_us:
        raise ConfigurationError(f"the silence {silence_id} is over; make a new one")


async def _say(settings: Settings, words: list[SilenceWord], at_us: int) -> None:
    if not words:
        return
    async with open_log(settings, NAME) as log:
        for word in words:
            payload = encode_silence_word(word)
            await log.append(
                ALERTS_LOG, EntryKind.SILENCE, payload, at_us=at_us, message_id=str(uuid.uuid4())
            )
