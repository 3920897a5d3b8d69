"""What engineers do with an incident, over HTTP: an entry of the log; what comes of it is in the timeline."""

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Response
from pydantic import Field, StringConstraints

from bus.codec import encode_incident_action
from contract.access.user import is_plain
from contract.entry import EntryKind
from contract.incident import IncidentAction, IncidentDeed
from ops_dashboard.access.own import asking_area, own, who_acts
from ops_dashboard.access.record import on_record
from ops_dashboard.api.alerts import Deed, Denial, Remark
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.api.entries import append_entry
from ops_dashboard.api.incidents import IncidentId
from ops_dashboard.services import Services

Identity = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class Plain(Deed):
    """Taking an incident, handing it back, or saying that it is over."""

    kind: Literal[IncidentDeed.ACKNOWLEDGED, IncidentDeed.HANDED_BACK, IncidentDeed.RESOLVED]


class Comment(Remark):
    """Words."""

    kind: Literal[IncidentDeed.COMMENTED]


class Assignment(Deed):
    """Who shall have it."""

    kind: Literal[IncidentDeed.ASSIGNED]
    assignee: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """Name of an engineer, 1 to 80 characters, no control characters."""


class IncidentDenial(Denial):
    """Why it is no problem."""

    kind: Literal[IncidentDeed.DISMISSED]


class Split(Deed):
    """An alert that does not belong to it."""

    kind: Literal[IncidentDeed.SPLIT]
    alert_id: Identity


class Merger(Deed):
    """Another incident that is the same."""

    kind: Literal[IncidentDeed.MERGED]
    with_id: Identity


AnyDeed = Plain | Comment | Assignment | IncidentDenial | Split | Merger


def add_incident_actions(router: APIRouter, services: Services) -> None:
    @router.post("/api/incidents/{incident_id}/actions", status_code=202)
    async def act(
        incident_id: IncidentId, deed: Annotated[AnyDeed, Body(), Field(discriminator="kind")]
    ) -> Response:
        """Do something with an incident and all of its open alerts; an alias leads to the survivor.

        What comes of it is in its timeline: a deed that somebody was faster with is a comment there.
        """
        actor = who_acts(deed.actor)
        on_record(detail=f"{deed.kind.value} as {actor}")
        if isinstance(deed, Assignment) and not is_plain(deed.assignee):
            raise Refusal(422, "bad_request", detail="assignee")
        mine = own(services).archive
        incident = await mine.survivor(incident_id)
        if incident is None or (isinstance(deed, Merger) and await mine.survivor(deed.with_id) is None):
            raise Refusal(404, "unknown_incident")
        at_us = services.now_us()
        action = IncidentAction(
            uuid.uuid4().hex,
            deed.kind,
            incident.incident_id,
            actor,
            deed.note,
            at_us,
            because=deed.because.value if isinstance(deed, IncidentDenial) else "",
            assignee=deed.assignee if isinstance(deed, Assignment) else "",
            other=_other(deed),
            area=asking_area(),
        )
        payload = encode_incident_action(action)
        await append_entry(services, EntryKind.INCIDENT_ACTION, payload, at_us, action.action_id)
        return json_answer({"action_id": action.action_id, "incident_id": action.incident_id}, 202)


def _other(deed: AnyDeed) -> str:
    if isinstance(deed, Split):
        return deed.alert_id
    return deed.with_id if isinstance(deed, Merger) else ""
