"""Silences that engineers want, try and end, over HTTP: entries of the log."""

import asyncio
import uuid
from typing import Annotated

import msgspec
from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from alerting.silences.known_names import unknown_names, warnings
from alerting.silences.preview import WEEK_US, preview
from alerting.silences.recurrence import state_of
from alerting.silences.validity import Complaint, settled
from bus.codec import encode_silence_word
from contract.entry import EntryKind
from contract.routing.silence import (
    MOST_IN_FORCE,
    SECOND_US,
    Recurrence,
    Silence,
    SilenceEnded,
    SilenceFault,
    SilenceKind,
    SilenceMatcher,
    SilenceSet,
    SilenceState,
    SilenceWord,
)
from ops_dashboard.access.own import is_by_person, who_acts
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.api.entries import keep_entry
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services

Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
SilenceId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Actor = Annotated[str | None, Query(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]


class WantedMatcher(BaseModel):
    """A condition on a label."""

    model_config = ConfigDict(extra="forbid")

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class WantedRecurrence(BaseModel):
    """When it recurs; see `contract.routing.silence.Recurrence`."""

    model_config = ConfigDict(extra="forbid")

    rrule: str
    duration_s: int
    timezone: str | None = None
    """The school calendar's if left out."""
    except_us: list[int] = []
    only_school_days: bool = False
    not_in_exam: bool = False


class WantedSilence(BaseModel):
    """A silence that somebody wants; what is wrong with it is said in a sentence."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    matchers: list[WantedMatcher] = []
    from_us: int | None = None
    """Now if left out."""
    until_us: int | None = None
    """May be left out only where the rule ends by itself."""
    owner: str = ""
    reason: str = ""
    kind: SilenceKind = SilenceKind.SILENCE
    recurrence: WantedRecurrence | None = None
    silence_id: Uuid | None = None
    """Chosen by whoever may have to ask twice; the same id twice is one silence."""
    replaces: Uuid | None = None
    """The silence that it takes the place of."""


def add_silence_actions(router: APIRouter, services: Services) -> None:
    def now_us() -> int:
        return services.now_us()

    @router.post("/api/silences", status_code=202)
    async def add(wanted: Annotated[WantedSilence, Body()], request: Request) -> Response:
        """Silence something; what is refused changes nothing, and what it would replace stays in force.

        Names that nothing has are told as `warnings`.
        """
        silence = await _wanted(wanted, services, now_us())
        others = await services.archive.silences(silence.created_at_us)
        if wanted.replaces is not None:
            await must_last(wanted.replaces, services, silence.created_at_us)
        elif len(others) >= MOST_IN_FORCE:
            raise _refusal(Complaint(SilenceFault.TOO_MANY, {"n": len(others)}))
        word = SilenceSet(silence, wanted.replaces or "")
        await keep_word(word, silence.created_at_us, services)
        told = await warned(silence.matchers, services, request)
        return json_answer({"silence_id": silence.silence_id, "warnings": told}, 202)

    @router.post("/api/silences/preview")
    async def try_silence(wanted: Annotated[WantedSilence, Body()], request: Request) -> Response:
        """Say what a silence mutes now and would have muted in the last week; nothing is kept."""
        at_us = now_us()
        named = wanted.model_copy(update={"owner": wanted.owner or "–", "reason": wanted.reason or "–"})
        silence = await _wanted(named, services, at_us)
        past = await services.archive.alerts_since(at_us - WEEK_US)
        open_alerts = await services.archive.open_alerts()
        world = services.fleet, services.calendar
        seen = await asyncio.to_thread(preview, silence, open_alerts, past, *world, at_us)
        told = await warned(silence.matchers, services, request)
        return json_answer(msgspec.to_builtins(seen, str_keys=True) | {"warnings": told})

    @router.delete("/api/silences/{silence_id}", status_code=202)
    async def end(silence_id: SilenceId, actor: Actor = None) -> Response:
        """End a silence now."""
        at_us, by = now_us(), who_acts(actor)
        await must_last(silence_id, services, at_us)
        await keep_word(SilenceEnded(silence_id, by, at_us), at_us, services)
        return json_answer({"silence_id": silence_id}, 202)


async def _wanted(wanted: WantedSilence, services: Services, at_us: int) -> Silence:
    """Return the silence that a request describes.

    Raises:
        Refusal: it may not be; says why.
    """
    until_us = wanted.until_us
    silence = Silence(
        wanted.silence_id or str(uuid.uuid4()),
        wanted.kind,
        matchers_of(wanted.matchers),
        at_us if wanted.from_us is None else wanted.from_us,
        at_us if until_us is None else until_us,
        owner_of(wanted.owner),
        wanted.reason,
        at_us,
        _recurrence(wanted.recurrence, services),
    )
    # A rule that never comes true takes a while to be seen through.
    found = await asyncio.to_thread(settled, silence, services.calendar, has_end=until_us is not None)
    if isinstance(found, Complaint):
        raise _refusal(found)
    return found


def matchers_of(wanted: list[WantedMatcher]) -> tuple[SilenceMatcher, ...]:
    """Return the matchers of a request."""
    return tuple(SilenceMatcher(m.name, m.value, m.is_regex, m.is_equal) for m in wanted)


async def warned(matchers: tuple[SilenceMatcher, ...], services: Services, request: Request) -> list[str]:
    """Return a sentence for each name that nothing has, in the language of the request."""
    language = choose_language(request.query_params, request.cookies)
    # Names that are near are looked for among all schools.
    unknown = await asyncio.to_thread(unknown_names, matchers, services.fleet, services.rules)
    return list(warnings(unknown, services.texts, language))


def _recurrence(wanted: WantedRecurrence | None, services: Services) -> Recurrence | None:
    if wanted is None:
        return None
    return Recurrence(
        wanted.rrule.removeprefix("RRULE:"),
        wanted.duration_s * SECOND_US,
        wanted.timezone or services.calendar.timezone.key,
        tuple(sorted(wanted.except_us)),
        wanted.only_school_days,
        wanted.not_in_exam,
    )


def _refusal(complaint: Complaint) -> Refusal:
    return Refusal(422, f"silence_{complaint.fault.value}", **complaint.values)


def owner_of(said: str) -> str:
    """Return under whose name a silence is kept: a person's own; a program says for whom it acts.

    Raises:
        Refusal: not all of the name can be seen. An empty one is refused with the silence.
    """
    return said if not said and not is_by_person() else who_acts(said)


async def must_last(silence_id: str, services: Services, at_us: int) -> None:
    """Refuse to change a silence that does not exist or is over."""
    found = await services.archive.silence(silence_id)
    if found is None:
        raise Refusal(404, "unknown_silence")
    if state_of(found, services.calendar, at_us) is SilenceState.EXPIRED:
        raise Refusal(409, "silence_expired")


async def keep_word(word: SilenceWord, at_us: int, services: Services) -> None:
    """Append what is said of a silence; what comes of it is on the push.

    Raises:
        Refusal: the log does not answer.
    """
    subject = word.silence_id if isinstance(word, SilenceEnded) else word.silence.silence_id
    await keep_entry(EntryKind.SILENCE, encode_silence_word(word), subject, at_us, services)
