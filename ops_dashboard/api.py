"""The HTTP interface: what pages and programs read, and what operators do."""

import hashlib
import time
import uuid
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from bus.codec import encode_action
from contract.alert import Action, ActionKind, Alert, Because
from contract.canary import SYSTEM_SCHOOL_ID
from contract.entry import ALERTS_LOG, EntryKind
from contract.errors import ConfigurationError, InfrastructureError
from contract.rejected import Reason
from contract.series import series_of
from contract.texts import Language
from ops_dashboard.answers import Refusal
from ops_dashboard.archive import of_series
from ops_dashboard.explanations import explained
from ops_dashboard.privacy import cap_alert, cap_event, cap_values, is_published
from ops_dashboard.services import Services
from ops_dashboard.topology import make_topology

HOUR_US: Final = 3_600_000_000
RANGE_MAX_US: Final = 31 * 24 * HOUR_US
"""Longest history that one request may ask for."""
AlertId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,48}$")]


class Deed(BaseModel):
    """What an engineer does with an alert."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    actor: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """Name of the engineer, 1 to 80 characters, no control characters."""
    note: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = ""
    """At most 500 characters."""


class Remark(Deed):
    """A note by itself has something to say."""

    note: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]


class Denial(Deed):
    """Why an alert is no problem."""

    because: Because


def json_answer(value: object, status: int = 200, **headers: str) -> Response:
    """Return any value of the contract as JSON."""
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")


def api_routes(services: Services) -> APIRouter:
    """Return the router of `/api/…` and `/healthz`."""
    router = APIRouter()
    _add_fleet(router, services)
    _add_alerts(router, services)
    _add_deeds(router, services)
    _add_histories(router, services)
    _add_quarantine(router, services)
    _add_status(router, services)
    return router


def _add_fleet(router: APIRouter, services: Services) -> None:
    body = msgspec.json.encode(make_topology(services.fleet))
    tag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    @router.get("/api/fleet")
    async def fleet(request: Request) -> Response:
        """Return the fleet as rows; unchanged since `If-None-Match` answers 304."""
        known = request.headers.get("if-none-match", "")
        if any(word.strip().removeprefix("W/") == tag for word in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")


def _add_alerts(router: APIRouter, services: Services) -> None:
    def shown(alert: Alert) -> Alert:
        return cap_alert(alert, services.catalogue)

    @router.get("/api/alerts")
    async def alerts() -> Response:
        """Return the open alerts and the last resolved ones."""
        return json_answer({"alerts": [shown(a) for a in await services.archive.known_alerts()]})

    @router.get("/api/alerts/{alert_id}")
    async def alert(alert_id: AlertId) -> Response:
        """Return an alert, all that happened to it, and why it is there."""
        found = await services.archive.alert(alert_id)
        if found is None:
            raise Refusal(404, "unknown_alert")
        one, events = found
        return json_answer(
            {
                "alert": shown(one),
                "events": [cap_event(e, one, services.catalogue) for e in events],
                "explanation": await explained(services, one),
            }
        )


def _add_deeds(router: APIRouter, services: Services) -> None:
    async def keep(alert_id: str, kind: ActionKind, deed: Deed, because: str = "") -> Response:
        """Append the action; what comes of it is on the push, on every screen at once."""
        found = await services.archive.alert(alert_id)
        if found is None:
            raise Refusal(404, "unknown_alert")
        concerned = [alert_id]
        if kind is not ActionKind.NOTED:
            concerned += await same_line(found[0])
        at_us = services.config.clock.log_us(time.time_ns() // 1000)
        actions = [
            Action(uuid.uuid4().hex, kind, each, deed.actor, deed.note, at_us, because) for each in concerned
        ]
        for action in actions:
            await append(action)
        return json_answer({"action_id": actions[0].action_id}, 202)

    async def append(action: Action) -> None:
        try:
            await services.log.append(
                ALERTS_LOG,
                EntryKind.ACTION,
                encode_action(action),
                at_us=action.at_us,
                message_id=action.action_id,
            )
        except InfrastructureError:
            raise Refusal(503, "log_unavailable") from None

    async def same_line(alert: Alert) -> list[str]:
        """Return the other alerts that stand on an alert's line: who takes the center takes it whole."""
        if alert.school_id != SYSTEM_SCHOOL_ID:
            return []
        return [
            other.alert_id
            for other in await services.archive.open_alerts()
            if other.school_id == SYSTEM_SCHOOL_ID
            and other.rule == alert.rule
            and other.alert_id != alert.alert_id
            and other.acknowledged_at_us is None
        ]

    @router.post("/api/alerts/{alert_id}/acknowledge", status_code=202)
    async def acknowledge(alert_id: AlertId, deed: Deed) -> Response:
        """Take an alert in hand."""
        return await keep(alert_id, ActionKind.ACKNOWLEDGED, deed)

    @router.post("/api/alerts/{alert_id}/dismiss", status_code=202)
    async def dismiss(alert_id: AlertId, denial: Denial) -> Response:
        """Say that an alert is no problem, and why; the next one of its kind tells it."""
        return await keep(alert_id, ActionKind.DISMISSED, denial, denial.because.value)

    @router.post("/api/alerts/{alert_id}/note", status_code=202)
    async def note(alert_id: AlertId, remark: Remark) -> Response:
        """Add a note to an alert."""
        return await keep(alert_id, ActionKind.NOTED, remark)


def _add_histories(router: APIRouter, services: Services) -> None:
    @router.get("/api/series/{school}/{device}/{metric}")
    async def series(
        school: Token,
        device: Token,
        metric: Token,
        from_us: Annotated[int | None, Query(ge=0)] = None,
        to_us: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        """Return one series: raw up to two hours, quarters of an hour beyond; the last hour by default."""
        found = services.fleet.device_by_path.get((school, device))
        if found is None:
            raise Refusal(404, "unknown_school")
        try:
            measure = services.catalogue.named(metric)
        except ConfigurationError:
            raise Refusal(404, "unknown_metric") from None
        if not is_published(metric):
            raise Refusal(403, "suppressed")
        end_us = to_us or services.config.clock.log_us(time.time_ns() // 1000)
        start_us = end_us - HOUR_US if from_us is None else from_us
        if not 0 < end_us - start_us <= RANGE_MAX_US:
            raise Refusal(422, "bad_request", detail="from_us, to_us: 1 µs to 31 days")
        number = series_of(found.id, measure.id)
        bucket, history = await services.archive.series([number], start_us, end_us)
        own = of_series(history, number)
        columns = {"mean": own.mean, "min": own.min, "max": own.max}
        return json_answer(
            {
                "series": number,
                "unit": measure.unit,
                "bucket": bucket,
                "time_us": own.time_us.tolist(),
                **{name: cap_values(metric, column).tolist() for name, column in columns.items()},
            }
        )

    @router.get("/api/city/bandwidth")
    async def bandwidth() -> Response:
        """Return the city's traffic of the last hour as rows of minute, down and up, bit/s."""
        end_us = services.config.clock.log_us(time.time_ns() // 1000)
        ids = [services.catalogue.named(name).id for name in ("down_bps", "up_bps")]
        down, up = await services.archive.city_minutes(ids, end_us - HOUR_US, end_us)
        least = services.config.coverage_min
        ups = dict(zip(up.minute_us.tolist(), up.total.tolist(), strict=True))
        known = (down.reporting >= least * down.expected) & (down.expected > 0)
        points = [
            (minute, total, ups.get(minute))
            for minute, total, known_then in zip(
                down.minute_us.tolist(), down.total.tolist(), known.tolist(), strict=True
            )
            if known_then
        ]
        return json_answer({"points": points})


def _add_quarantine(router: APIRouter, services: Services) -> None:
    def reason_words(reason: Reason) -> dict[str, str]:
        return {lang.value: services.texts.say(f"reason.{reason.value}", lang) for lang in Language}

    @router.get("/api/quarantine")
    async def quarantine(
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        before_id: Annotated[int | None, Query(ge=1)] = None,
        reason: Reason | None = None,
    ) -> Response:
        """Return refused data, the latest first, and the counts of all by reason."""
        rows, counts = await services.archive.quarantine(limit, before_id, reason)
        return json_answer(
            {
                "rows": [
                    {
                        "id": row.id,
                        **msgspec.structs.asdict(row.rejected),
                        "sentence": reason_words(row.rejected.reason),
                    }
                    for row in rows
                ],
                "counts": [
                    {"reason": why.value, "count": count, "sentence": reason_words(why)}
                    for why, count in sorted(counts.items(), key=lambda item: -item[1])
                ],
            }
        )


def _add_status(router: APIRouter, services: Services) -> None:
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
        snapshot = services.hub.board.snapshot(time.time_ns() // 1000, 0)
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
