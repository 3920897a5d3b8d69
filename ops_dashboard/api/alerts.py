"""Alerts over HTTP: what is open, why, and what engineers do with it."""

import uuid
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from alerting.silences.matching import Silenced, muting
from bus.codec import encode_action
from contract.access.permission import Permission
from contract.alert import Action, ActionKind, Alert, Because
from contract.canary import SYSTEM_SCHOOL_ID
from contract.entry import EntryKind
from contract.privacy import shown_alert, shown_event
from ops_dashboard.access.own import denials, own, who_acts
from ops_dashboard.access.record import on_record
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.api.entries import append_entry
from ops_dashboard.api.explanations import explained
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import seen
from ops_dashboard.services import Services

AlertId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


class Deed(BaseModel):
    """What an engineer does with an alert or an incident."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    actor: (
        Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")] | None
    ) = None
    """For whom a program acts, 1 to 80 characters, no control characters; of people the sign-in counts."""
    note: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = ""
    """At most 500 characters."""


class Remark(Deed):
    """A note by itself has something to say."""

    note: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]


class Denial(Deed):
    """Why an alert is no problem."""

    because: Because


def silenced_alerts(mine: Services, alerts: Iterable[Alert]) -> dict[str, dict[str, Any]]:
    """Return of open alerts that nobody is told of until when, and, to who may see silences, by which one."""
    may_see = not denials(Permission.SEE_SILENCES)
    silences, still_open = mine.board.silences, [one for one in alerts if one.resolved_at_us is None]
    found = muting(silences.values(), still_open, mine.fleet, mine.calendar, mine.now_us())

    def told(one: Silenced) -> dict[str, Any]:
        known = silences[one.silence_id]
        whose = {"silence_id": one.silence_id, "owner": known.owner, "reason": known.reason}
        return {"until_us": one.until_us, **(whose if may_see else {})}

    return {name: told(one) for name, one in found.items()}


def add_alerts(router: APIRouter, services: Services) -> None:
    def shown(alert: Alert) -> Alert:
        return shown_alert(alert, services.catalogue)

    @router.get("/api/alerts")
    async def alerts(at: At = "") -> Response:
        """Return the open alerts and the last resolved ones, and until when which of them are silenced."""
        mine = await seen(services, at)
        known = await mine.archive.known_alerts()
        return json_answer({"alerts": [shown(a) for a in known], "silenced": silenced_alerts(mine, known)})

    @router.get("/api/alerts/{alert_id}")
    async def alert(alert_id: AlertId, at: At = "") -> Response:
        """Return an alert, all that happened to it, and why it is there."""
        mine = await seen(services, at)
        found = await mine.archive.alert(alert_id)
        if found is None:
            raise Refusal(404, "unknown_alert")
        one, events = found
        return json_answer(
            {
                "alert": shown(one),
                "events": [shown_event(e, one, services.catalogue) for e in events],
                "explanation": await explained(mine, one),
            }
        )


def add_deeds(router: APIRouter, services: Services) -> None:
    @router.post("/api/alerts/{alert_id}/acknowledge", status_code=202)
    async def acknowledge(alert_id: AlertId, deed: Deed) -> Response:
        """Take an alert in hand."""
        return await _keep(services, alert_id, ActionKind.ACKNOWLEDGED, deed)

    @router.post("/api/alerts/{alert_id}/dismiss", status_code=202)
    async def dismiss(alert_id: AlertId, denial: Denial) -> Response:
        """Say that an alert is no problem, and why; the next one of its kind tells it."""
        return await _keep(services, alert_id, ActionKind.DISMISSED, denial, denial.because.value)

    @router.post("/api/alerts/{alert_id}/note", status_code=202)
    async def note(alert_id: AlertId, remark: Remark) -> Response:
        """Add a note to an alert."""
        return await _keep(services, alert_id, ActionKind.NOTED, remark)


async def _keep(
    services: Services, alert_id: str, kind: ActionKind, deed: Deed, because: str = ""
) -> Response:
    """Append the action; what comes of it is on the push, on every screen at once."""
    found = await own(services).archive.alert(alert_id)
    if found is None:
        raise Refusal(404, "unknown_alert")
    actor, concerned = who_acts(deed.actor), [alert_id]
    on_record(detail=f"as {actor}" + (f", because {because}" if because else ""))
    if kind is not ActionKind.NOTED:
        concerned += await _same_line(services, found[0])
    at_us = services.now_us()
    actions = [Action(uuid.uuid4().hex, kind, each, actor, deed.note, at_us, because) for each in concerned]
    for action in actions:
        await append_entry(services, EntryKind.ACTION, encode_action(action), at_us, action.action_id)
    return json_answer({"action_id": actions[0].action_id}, 202)


async def _same_line(services: Services, alert: Alert) -> list[str]:
    """Return the other alerts that stand on an alert's line: who takes the center takes it whole."""
    if alert.school_id != SYSTEM_SCHOOL_ID:
        return []
    return [
        other.alert_id
        for other in await own(services).archive.open_alerts()
        if other.school_id == SYSTEM_SCHOOL_ID
        and other.rule == alert.rule
        and other.alert_id != alert.alert_id
        and other.acknowledged_at_us is None
    ]
