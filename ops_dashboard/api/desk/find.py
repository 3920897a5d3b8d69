"""Search over HTTP: within the area of whoever asks, and only what they may open."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from contract.access.decision import Principal, may
from contract.access.permission import Permission
from contract.routing.contact import Person
from contract.texts import Language
from ops_dashboard.access.asking import asking
from ops_dashboard.access.own import own
from ops_dashboard.api.answers import json_answer
from ops_dashboard.language import choose_language
from ops_dashboard.pages.registry import PAGES
from ops_dashboard.services import Services
from ops_dashboard.view.desk.finding import (
    Findable,
    HitKind,
    SearchHit,
    find,
    findable,
    fleet_things,
    incident_thing,
)

MOST_LETTERS: Final = 100


def add_find(router: APIRouter, services: Services) -> None:
    @router.get("/api/find")
    async def search(request: Request, q: Annotated[str, Query(max_length=MOST_LETTERS)] = "") -> Response:
        """Return what a name, a code or an id may mean, the likeliest first, at most twenty."""
        mine, bearer = own(services), asking()
        who = None if bearer is None else bearer.principal
        language = choose_language(request.query_params, request.cookies)
        rules = {rule.name: rule for rule in mine.rules}
        incidents = [
            incident_thing(one, mine.fleet, rules, mine.texts, language)
            for one in mine.board.incidents.values()
        ]
        things = await asyncio.to_thread(fleet_things, mine.fleet)  # made at the first search of an area
        more = (*_pages(services, who, language), *await _people(services, who))
        return json_answer({"found": find(q, (*things, *incidents, *more))})


def _pages(services: Services, who: Principal | None, language: Language) -> Iterator[Findable]:
    """Yield the pages that the reader's header links to, by their names in both languages."""
    for page in PAGES:
        if page.link and may(who, page.permission) is None:
            names = [services.texts.say(page.link, one) for one in Language]
            name = services.texts.say(page.link, language)
            yield findable(SearchHit(HitKind.PAGE, name, "", page.route), names)


async def _people(services: Services, who: Principal | None) -> list[Findable]:
    """Return whom the reader sees elsewhere as well: users for administrators, and who may be on duty."""
    found: list[Findable] = []
    if may(who, Permission.MANAGE_USERS) is None:
        users = await services.archive.users()
        found += [findable(SearchHit(HitKind.PERSON, one.name, one.role.value, "/users")) for one in users]
    if may(who, Permission.SEE_ONCALL) is None:
        contacts = services.routing.current().contacts.values()
        names = (contact.name for contact in contacts if isinstance(contact, Person))
        found += [findable(SearchHit(HitKind.PERSON, name, "", "/oncall")) for name in names]
    return found
