"""How fast incidents are answered and how much each contact gets, over HTTP."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from alerting.incidents.response import GroupBy, response_figures
from alerting.messages.story import Office, Story, StoryWords
from alerting.notify.flood import contact_load
from contract.incident import IncidentTimes
from contract.texts import Language
from ops_dashboard.api.answers import json_answer
from ops_dashboard.api.desk.place_sheets import office_of
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services
from ops_dashboard.view.incidents import incident_words
from storage.times import StandingIncident

DAY_US: Final = 86_400_000_000
MOST_DAYS: Final = 800
"""Two years of incidents are kept."""


def add_response(router: APIRouter, services: Services) -> None:
    @router.get("/api/response")
    async def response(
        request: Request, by: GroupBy = GroupBy.ALL, days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 30
    ) -> Response:
        """Return times to detect, notify, acknowledge and resolve, precision, load of contacts, the shelf."""
        language = choose_language(request.query_params, request.cookies)
        return json_answer(await response_report(services, by, days, language))


async def response_report(services: Services, by: GroupBy, days: int, language: Language) -> dict[str, Any]:
    """Return the figures of the last so many days of log time; exercises are apart.

    The shelf is of now: what has been open for over a day, first what nobody did anything about.
    """
    now_us = services.now_us()
    from_us = now_us - days * DAY_US
    times, moments, standing = await services.archive.response(from_us, now_us, now_us - DAY_US)
    office = office_of(services)
    return {
        "at_us": now_us,
        "days": days,
        "by": by.value,
        "groups": _plain(response_figures(times, by, services.fleet)),
        "exercises": _plain(response_figures(times, by, services.fleet, exercises=True)),
        "load": _plain([contact_load(to, at_us, from_us, now_us) for to, at_us in moments.items()]),
        "standing": len(standing),
        "standing_without_action": sum(not one.had_deed for one in standing),
        "shelf": [
            _on_shelf(one, office, language, now_us) for one in sorted(standing, key=lambda one: one.had_deed)
        ],
        "without_action": sum(_is_untouched(one) for one in times),
    }


def _on_shelf(one: StandingIncident, office: Office, language: Language, now_us: int) -> dict[str, Any]:
    words = incident_words(one.incident, office, language, now_us)
    since = StoryWords(office, language, now_us).span(Story(one.incident, ()))
    told = {"name": words.name, "what": words.what, "since": since, "who": words.who, "todo": words.todo}
    return {"incident_id": one.incident.incident_id, "had_deed": one.had_deed, **told}


def _is_untouched(one: IncidentTimes) -> bool:
    """Return whether an incident went on without anybody."""
    return not one.had_deed and not one.exercise


def _plain(values: object) -> Any:
    return msgspec.to_builtins(values)
