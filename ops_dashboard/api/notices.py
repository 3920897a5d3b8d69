"""Who was told of an incident, over HTTP, and what the center's own inbox holds."""

import asyncio
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from config.inbox import kept_messages
from contract.routing.delivery import NoticeAttempt, NoticeRecord
from contract.routing.notice import NoticeFate
from contract.texts import Language
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.api.incidents import IncidentId
from ops_dashboard.language import choose_language
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import seen
from ops_dashboard.services import Services

MOST_SHOWN: Final = 200
"""Messages of the inbox that are told: a page of them."""


def add_notices(router: APIRouter, services: Services) -> None:
    def log_us(real_us: int | None) -> int | None:
        return None if real_us is None else services.config.clock.log_us(real_us)

    def attempted(attempt: NoticeAttempt) -> dict[str, Any]:
        told: dict[str, Any] = msgspec.to_builtins(attempt)
        return told | {"at_us": log_us(attempt.at_us)}

    def shown(record: NoticeRecord, language: Language) -> dict[str, Any]:
        """Return a notice with all times as log time, and what its codes mean."""
        told: dict[str, Any] = msgspec.to_builtins(record.notice)
        waits = record.fate is NoticeFate.WAITING
        return told | {
            "why": services.texts.say(f"told.{record.notice.reason.value}", language),
            "fate": record.fate.value,
            "fate_words": services.texts.say(f"notice_fate.{record.fate.value}", language),
            "made_at_us": log_us(record.made_at_us),
            "next_try_at_us": log_us(record.next_try_at_us) if waits else None,
            "unreachable_at_us": log_us(record.unreachable_at_us),
            "over_at_us": log_us(record.over_at_us),
            "said_with": record.said_with,
            "attempts": [attempted(attempt) for attempt in record.attempts],
        }

    @router.get("/api/incidents/{incident_id}/notices")
    async def notices(incident_id: IncidentId, request: Request, at: At = "") -> Response:
        """Return who was told of an incident, in order, with each attempt; of addresses the scheme alone."""
        found = await (await seen(services, at)).archive.notices(incident_id)
        if found is None:
            raise Refusal(404, "unknown_incident")
        language = choose_language(request.query_params, request.cookies)
        return json_answer({"notices": [shown(record, language) for record in found]})

    @router.get("/api/inbox")
    async def inbox() -> Response:
        """Return the messages of the center's own inbox, the latest first."""
        messages = await asyncio.to_thread(kept_messages, services.config.inbox, MOST_SHOWN)
        return json_answer({"messages": messages})
