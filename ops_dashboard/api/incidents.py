"""Incidents over HTTP: what people work on, with its timeline and its alerts."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response

from alerting.incidents.reach import reach_over_time
from alerting.messages.story import Office, Story, provider_card
from alerting.silences.cause_matchers import cause_matchers
from alerting.silences.matching import silenced
from contract.alert import Alert
from contract.incident import Incident, Membership, SchoolSpan, lost_pupil_minutes
from contract.privacy import shown_alert
from contract.texts import Language
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.incident_reads import KnownIncident
from ops_dashboard.language import choose_language
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import seen
from ops_dashboard.services import Services
from ops_dashboard.view.incidents import (
    cause_places,
    incident_story,
    incident_words,
    member_groups,
    member_place,
    similar_incident,
)
from ops_dashboard.view.lines import trend_of
from ops_dashboard.view.timeline import sentence

IncidentId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def add_incidents(router: APIRouter, services: Services) -> None:
    @router.get("/api/incidents")
    async def incidents(request: Request, at: At = "") -> Response:
        """Return the open incidents and the last resolved ones, each with its words."""
        mine = await seen(services, at)
        teller = _Teller(mine, choose_language(request.query_params, request.cookies))
        known = await mine.archive.known_incidents()
        return json_answer({"incidents": [teller.line(i) for i in known]})

    @router.get("/api/incidents/{incident_id}")
    async def incident(incident_id: IncidentId, request: Request, at: At = "") -> Response:
        """Return an incident with words, timeline and alerts; for one that was merged, the survivor."""
        mine = await seen(services, at)
        found = await mine.archive.incident(incident_id)
        if found is None:
            raise Refusal(404, "unknown_incident")
        return json_answer(_Teller(mine, choose_language(request.query_params, request.cookies)).page(found))


class _Teller:
    """Says incidents as they are at one moment, in one language."""

    def __init__(self, services: Services, language: Language) -> None:
        board = services.board
        self._services = services
        self._language = language
        self._now_us = services.now_us()
        rules = {rule.name: rule for rule in services.rules}
        zone = services.calendar.timezone
        self._office = Office(
            board.groups, services.catalogue, rules, services.texts, zone, "", services.providers
        )
        self._silenced = board.silenced_incidents(board.muted(self._now_us))

    def line(self, incident: Incident) -> dict[str, Any]:
        """Return an incident with the time lost up to now, and the words of its line."""
        told: dict[str, Any] = msgspec.to_builtins(incident)
        return told | {
            "lost_pupil_minutes": lost_pupil_minutes(incident, self._now_us),
            "silenced": incident.incident_id in self._silenced,
            "trend": trend_of(incident, self._now_us).value,
            "words": incident_words(incident, self._office, self._language, self._now_us),
        }

    def _silenced_us(self, incident: Incident, alerts: list[Alert]) -> int | None:
        """Return until when nobody is told of an incident with some open alerts; None if somebody is."""
        if incident.incident_id not in self._silenced:
            return None
        mine = self._services
        silences = mine.board.silences.values()
        found = silenced(silences, alerts, mine.fleet, mine.calendar, self._now_us)
        return None if found is None else found.until_us

    def page(self, found: KnownIncident) -> dict[str, Any]:
        """Return all that the page of an incident shows."""
        incident = found.incident
        alerts = [m.alert for m in found.members if m.left_at_us is None] or [m.alert for m in found.members]
        until_us = self._silenced_us(incident, alerts)
        story = incident_story(
            incident, alerts, self._office, self._language, self._now_us, silenced_us=until_us
        )
        texts = self._services.texts
        return {
            "incident": self.line(incident),
            "story": story,
            "events": [
                msgspec.to_builtins(e) | {"sentence": sentence(e, texts, self._language)}
                for e in found.events
            ],
            "members": [self._member(m) for m in found.members],
            "groups": msgspec.to_builtins(member_groups(_spans(found), self._services.fleet)),
            "provider": msgspec.to_builtins(provider_card(Story(incident, alerts), self._office)),
            "places": cause_places(incident, self._services.fleet, texts, self._language),
            "aliases": found.aliases,
            "reach": [list(step) for step in reach_over_time(found.spans, self._now_us)],
            "similar": [
                similar_incident(
                    one,
                    found.last_words.get(one.incident_id, ""),
                    self._office,
                    self._language,
                    self._now_us,
                )
                for one in found.similar
            ],
            "matchers": [
                msgspec.to_builtins(m) | {"text": str(m)}
                for m in cause_matchers(incident, self._services.fleet)
            ],
        }

    def _member(self, member: Membership) -> dict[str, Any]:
        shown = shown_alert(member.alert, self._services.catalogue)
        told: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(member, alert=shown))
        return told | {"place": member_place(member, self._services.fleet)}


def _spans(found: KnownIncident) -> list[SchoolSpan]:
    """Return when each alert was open; of an incident that reaches beyond an area, of what is seen there."""
    if found.spans:
        return found.spans
    return [SchoolSpan(m.alert.school_id, m.alert.opened_at_us, m.left_at_us) for m in found.members]
