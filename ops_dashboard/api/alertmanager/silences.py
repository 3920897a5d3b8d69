"""Alertmanager's API v2: silences that amtool, Grafana and others want and end; entries of the log.

Source: Alertmanager 0.25, api/v2/openapi.yaml; api/v2/api.go.
"""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from alerting.silences.recurrence import state_of
from alerting.silences.validity import Complaint, settled
from contract.errors import InfrastructureError
from contract.routing.silence import (
    MOST_IN_FORCE,
    Silence,
    SilenceEnded,
    SilenceKind,
    SilenceMatcher,
    SilenceSet,
    SilenceState,
)
from ops_dashboard.access.own import who_acts
from ops_dashboard.api.alertmanager.reading import log_now_us, world_of
from ops_dashboard.api.answers import NOT_KEPT, AlertmanagerRefusal, Refusal, json_answer
from ops_dashboard.api.silences.actions import SilenceId, Uuid, keep_word, owner_of
from ops_dashboard.services import Services
from ops_dashboard.view.alertmanager import tell_silence

ACTOR: Final = "Alertmanager API"
"""Who ends a silence where nobody says a name: Alertmanager's clients do not."""
FOLDED_S: Final = 5.0
"""Longest wait for the owner of the alerts log to count a word, seconds. Its clients ask about a silence
right after they made it; what is in the log is kept, whether it was counted in that time or not."""
_LOOK_S: Final = 0.05
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class PostedMatcher(BaseModel):
    """A condition on a label. Source: openapi.yaml, `matcher`."""

    name: str
    value: str
    is_regex: bool = Field(alias="isRegex")
    is_equal: bool = Field(default=True, alias="isEqual")


class PostedSilence(BaseModel):
    """A silence that somebody wants. Source: openapi.yaml, `postableSilence`."""

    model_config = ConfigDict(str_strip_whitespace=True)

    id: Uuid | None = None
    """Of the silence that it takes the place of."""
    matchers: list[PostedMatcher]
    starts_at: datetime = Field(alias="startsAt")
    ends_at: datetime = Field(alias="endsAt")
    created_by: str = Field(alias="createdBy")
    comment: str


def add_alertmanager_silences(router: APIRouter, services: Services) -> None:
    @router.post("/api/v2/silences", status_code=200)
    async def add(posted: Annotated[PostedSilence, Body()]) -> Response:
        """Silence something; a changed silence is another one, with an id of its own."""
        at_us = log_now_us(services)
        replaced = None if posted.id is None else await _found(posted.id, services)
        is_over = replaced is None or _is_over(replaced, services, at_us)
        if replaced is not None and replaced.recurrence is not None:
            raise AlertmanagerRefusal(400, "silence_recurs")
        if is_over and len(await services.archive.silences(at_us)) >= MOST_IN_FORCE:
            raise AlertmanagerRefusal(400, "silence_too_many", n=MOST_IN_FORCE)
        silence = await _settled(posted, services, at_us)
        await keep_word(SilenceSet(silence, "" if is_over else posted.id or ""), at_us, services)
        await _until(silence.silence_id, services, lambda known: known is not None)
        return json_answer({"silenceID": silence.silence_id})

    @router.get("/api/v2/silence/{silence_id}")
    async def silence(silence_id: SilenceId) -> Response:
        """Return a silence."""
        known = await _found(silence_id, services)
        return json_answer(tell_silence(known, world_of(services), log_now_us(services)))

    @router.delete("/api/v2/silence/{silence_id}")
    async def end(silence_id: SilenceId) -> Response:
        """End a silence now."""
        at_us = log_now_us(services)
        if _is_over(await _found(silence_id, services), services, at_us):
            raise AlertmanagerRefusal(400, "silence_expired")
        await keep_word(SilenceEnded(silence_id, who_acts(ACTOR), at_us), at_us, services)
        await _until(silence_id, services, lambda known: known is None or known.ended_at_us is not None)
        return Response(headers=NOT_KEPT)


async def _found(silence_id: str, services: Services) -> Silence:
    known = await services.archive.silence(silence_id)
    if known is None:
        raise AlertmanagerRefusal(404, "unknown_silence")
    return known


def _is_over(silence: Silence, services: Services, at_us: int) -> bool:
    return state_of(silence, services.calendar, at_us) is SilenceState.EXPIRED


async def _settled(posted: PostedSilence, services: Services, at_us: int) -> Silence:
    """Return the silence that is wanted, from now on at the earliest.

    Raises:
        AlertmanagerRefusal: it may not be; says why.
    """
    try:
        owner = owner_of(posted.created_by)
    except Refusal as refusal:
        raise AlertmanagerRefusal(400, refusal.code, **refusal.values) from None
    wanted = Silence(
        str(uuid.uuid4()),
        SilenceKind.SILENCE,
        tuple(SilenceMatcher(m.name, m.value, m.is_regex, m.is_equal) for m in posted.matchers),
        max(at_us, _log_us(posted.starts_at, services)),
        _log_us(posted.ends_at, services),
        owner,
        posted.comment,
        at_us,
    )
    found = await asyncio.to_thread(settled, wanted, services.calendar)
    if isinstance(found, Complaint):
        raise AlertmanagerRefusal(400, f"silence_{found.fault.value}", **found.values)
    return found


def _log_us(at: datetime, services: Services) -> int:
    """Return the log time of a real one; without an offset it is UTC."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return services.config.clock.log_us(round((aware - _EPOCH).total_seconds() * 1e6))


async def _until(silence_id: str, services: Services, is_so: Callable[[Silence | None], bool]) -> None:
    """Wait until the tables say that a word was counted, `FOLDED_S` at most, and while they can be read."""
    for _ in range(round(FOLDED_S / _LOOK_S)):
        try:
            if is_so(await services.archive.silence(silence_id)):
                return
        except InfrastructureError:  # the word is in the log: a refusal would make its sender say it twice
            return
        await asyncio.sleep(_LOOK_S)
