"""A provider's announced work over HTTP: a calendar file becomes maintenance, or is only looked at."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict

from alerting.silences.announced import Imported, imported
from alerting.silences.calendar_file import AnnouncedWork, read_calendar
from contract.routing.silence import SilenceSet
from contract.texts import Language
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.api.silences.actions import WantedMatcher, keep_word, matchers_of, owner_of, warned
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services


class WantedImport(BaseModel):
    """A calendar file that somebody wants taken over."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    calendar: str
    """Text of the file (.ics)."""
    matchers: list[WantedMatcher] = []
    """What the work concerns."""
    owner: str = ""
    is_trial: bool = False
    """Whether to say what would become of each event, and to keep nothing."""


def add_silence_imports(router: APIRouter, services: Services) -> None:
    @router.post("/api/silences/import", status_code=202)
    async def take_over(wanted: Annotated[WantedImport, Body()], request: Request) -> Response:
        """Take over announced work as maintenance; say what becomes of each event."""
        at_us = services.now_us()
        language = choose_language(request.query_params, request.cookies)
        matchers = matchers_of(wanted.matchers)
        owner = owner_of(wanted.owner) or "–" * wanted.is_trial
        try:
            read = await asyncio.to_thread(read_calendar, wanted.calendar, services.calendar.timezone)
        except ValueError as error:
            raise Refusal(422, "silence_bad_calendar", why=error) from None
        works = []
        for work in read.works:
            known = await services.archive.silences_of_event(work.uid)
            found = await asyncio.to_thread(imported, work, known, matchers, owner, services.calendar, at_us)
            if found.word is not None and not wanted.is_trial:
                await keep_word(found.word, at_us, services)
            works.append(_told(work, found, services, language))
        told = await warned(matchers, services, request)
        return json_answer({"works": works, "troubles": read.troubles, "warnings": told}, 202)


def _told(work: AnnouncedWork, found: Imported, services: Services, language: Language) -> dict[str, Any]:
    why = found.complaint
    key = "" if why is None else f"error.silence_{why.fault.value}"
    return {
        "uid": work.uid,
        "from_us": work.from_us,
        "until_us": work.until_us,
        "rrule": work.recurrence and work.recurrence.rrule,
        "reason": work.reason,
        "outcome": found.outcome.value,
        "silence_id": found.word.silence.silence_id if isinstance(found.word, SilenceSet) else None,
        "refused": None if why is None else services.texts.say(key, language, **why.values),
    }
