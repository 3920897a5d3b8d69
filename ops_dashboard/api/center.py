"""The center itself over HTTP: its fleet, what it refused, how it is."""

import hashlib
from functools import lru_cache
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Request, Response

from contract.fleet import Fleet
from contract.privacy import shown_refusal
from contract.rejected import Reason, detail_words
from contract.texts import Language
from ops_dashboard.access.own import own
from ops_dashboard.api.answers import json_answer
from ops_dashboard.services import Services
from ops_dashboard.view.topology import make_topology
from storage.wall import QuarantineRow

MOST_TOPOLOGIES: Final = 50
"""Fleets that are kept as they are sent, of the city and of areas."""
INT64_MAX: Final = 2**63 - 1
"""Largest number of a row."""


def add_fleet(router: APIRouter, services: Services) -> None:
    @lru_cache(maxsize=MOST_TOPOLOGIES)
    def topology(fleet: Fleet) -> LastingAnswer:
        return LastingAnswer.of(make_topology(fleet))

    @lru_cache(maxsize=MOST_TOPOLOGIES)
    def ward_map(fleet: Fleet) -> LastingAnswer:
        return LastingAnswer.of(services.draw_wards(fleet))

    @router.get("/api/fleet")
    async def fleet(request: Request) -> Response:
        """Return the fleet as rows; unchanged since `If-None-Match` answers 304."""
        return topology(own(services).fleet).answer(request)

    @router.get("/api/wards")
    async def wards(request: Request) -> Response:
        """Return where wards and schools stand on a map; unchanged since `If-None-Match` answers 304."""
        return ward_map(own(services).fleet).answer(request)


class LastingAnswer(NamedTuple):
    """An answer that stays as it is for as long as the fleet does."""

    body: bytes
    tag: str

    @classmethod
    def of(cls, answer: object) -> "LastingAnswer":
        """Return an answer as it is sent."""
        body = msgspec.json.encode(answer)
        return cls(body, f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"')

    def answer(self, request: Request) -> Response:
        """Return it, or that whoever asks has it already."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache"}
        known = request.headers.get("if-none-match", "")
        if any(word.strip().removeprefix("W/") == self.tag for word in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(self.body, headers=headers, media_type="application/json")


def add_quarantine(router: APIRouter, services: Services) -> None:
    def told_row(row: QuarantineRow) -> dict[str, Any]:
        refused = shown_refusal(row.rejected, services.catalogue)
        words = {lang.value: detail_words(refused.detail, services.texts, lang) for lang in Language}
        told = msgspec.structs.asdict(refused) | {"detail": words[Language.EN], "detail_words": words}
        return {"id": row.id, **told, "sentence": reason_words(refused.reason)}

    def reason_words(reason: Reason) -> dict[str, str]:
        return {lang.value: services.texts.say(f"reason.{reason.value}", lang) for lang in Language}

    @router.get("/api/quarantine")
    async def quarantine(
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        before_id: Annotated[int | None, Query(ge=1, le=INT64_MAX)] = None,
        reason: Reason | None = None,
    ) -> Response:
        """Return refused data, the latest first, and the counts of all by reason."""
        rows, counts = await services.archive.quarantine(limit, before_id, reason)
        return json_answer(
            {
                "rows": [told_row(row) for row in rows],
                "counts": [
                    {"reason": why.value, "count": count, "sentence": reason_words(why)}
                    for why, count in sorted(counts.items(), key=lambda item: -item[1])
                ],
            }
        )


def add_status(router: APIRouter, services: Services) -> None:
    @router.get("/healthz")
    async def healthz() -> Response:
        """Say that the process lives; it does not speak for the database or the bus."""
        return json_answer({"build": services.config.build_id, "clients": services.hub.client_count})

    @router.get("/api/status")
    async def status() -> Response:
        """Return the ledger of every log, how far its owner lags, and the open alerts."""
        logs: dict[str, Any] = {}
        for name, position in (await services.archive.ledger()).items():
            last = await services.log.last_seq(name)
            logs[name] = {
                "seq": position.seq,
                "entries_behind": max(0, last - position.seq),
                "log_time_us": position.log_time_us,
                **position.counts._asdict(),
            }
        snapshot = services.hub.board.snapshot(services.real_us(), 0)
        return json_answer(
            {
                "build": services.config.build_id,
                "topology": services.fleet.version,
                "clients": services.hub.client_count,
                "partition_age_s": snapshot.partition_age_s,
                "alerts_open": snapshot.open.by_priority,
                "logs": logs,
            }
        )
