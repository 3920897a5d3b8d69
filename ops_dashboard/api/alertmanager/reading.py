"""Alertmanager's API v2, the reading side: for amtool, Grafana and whatever else speaks it.

Source: Alertmanager 0.25, api/v2/openapi.yaml.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from alerting.silences.matcher_text import parse_matcher
from alerting.silences.matching import compiled
from alerting.silences.preview import WEEK_US
from contract.alert import Alert
from contract.routing.silence import MOST_MATCHERS, MOST_VALUE, SilenceMatcher
from contract.texts import Language
from ops_dashboard.access.own import own
from ops_dashboard.api.answers import AlertmanagerRefusal, json_answer
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services
from ops_dashboard.view.alertmanager import (
    AlertChoice,
    WireReceiver,
    WireWorld,
    has_matchers,
    tell_alerts,
    tell_groups,
    tell_silence,
    wire_time,
)
from ops_dashboard.view.alertmanager_config import write_config

VERSION = "0.25.0"
"""Alertmanager's version whose API this is: clients choose by it how they ask."""
Filters = Annotated[list[str], Query(alias="filter", max_length=MOST_MATCHERS)]
Pattern = Annotated[str, Query(max_length=MOST_VALUE)]


def add_alertmanager(router: APIRouter, services: Services) -> None:
    started_us = time.time_ns() // 1000

    @router.get("/api/v2/status")
    async def status() -> Response:
        """Return the version of the API, and the routes in force as an Alertmanager configuration."""
        build = services.config.build_id
        return json_answer(
            {
                # Several dashboards may run; they share the tables and need not know of each other.
                "cluster": {"status": "disabled", "name": "", "peers": []},
                "versionInfo": {
                    "version": VERSION,
                    "revision": build,
                    "branch": "eduops",
                    "buildUser": "",
                    "buildDate": "",
                    "goVersion": "",
                },
                "config": {"original": write_config(services.routing.current())},
                "uptime": wire_time(started_us),
            }
        )

    @router.get("/api/v2/receivers")
    async def receivers() -> Response:
        """Return the contacts of routes.toml."""
        return json_answer([WireReceiver(name) for name in sorted(services.routing.current().contacts)])

    _add_alerts(router, services)

    @router.get("/api/v2/silences")
    async def silences(filter_: Filters = []) -> Response:  # noqa: B006  # FastAPI copies it
        """Return the silences in force, to come, and over since a week."""
        wanted = read_filters(filter_)
        at_us = log_now_us(services)
        known = await services.archive.silences(at_us - WEEK_US)
        world = world_of(services)
        return json_answer([tell_silence(s, world, at_us) for s in known if has_matchers(s, wanted)])


def _add_alerts(router: APIRouter, services: Services) -> None:
    async def answer(tell: Callable[..., Any], request: Request, choice: AlertChoice) -> Response:
        mine = own(services)
        world = world_of(mine, request)
        desk = await mine.archive.desk(log_now_us(mine))
        # Thousands of alerts take a second to put into words: the walls go on meanwhile.
        return json_answer(await asyncio.to_thread(tell, desk, world, choice))

    @router.get("/api/v2/alerts")
    async def alerts(
        request: Request,
        filter_: Filters = [],  # noqa: B006
        receiver: Pattern = "",
        active: bool = True,
        silenced: bool = True,
        inhibited: bool = True,
        unprocessed: bool = True,
    ) -> Response:
        """Return the open alerts; none is ever inhibited."""
        choice = _choice(filter_, receiver)._replace(
            active=active, silenced=silenced, unprocessed=unprocessed
        )
        return await answer(tell_alerts, request, choice)

    @router.get("/api/v2/alerts/groups")
    async def groups(
        request: Request,
        filter_: Filters = [],  # noqa: B006
        receiver: Pattern = "",
        active: bool = True,
        silenced: bool = True,
        inhibited: bool = True,
    ) -> Response:
        """Return the incidents, each for every receiver, with its open alerts; none is ever inhibited."""
        choice = _choice(filter_, receiver)._replace(active=active, silenced=silenced)
        return await answer(tell_groups, request, choice)


def log_now_us(services: Services) -> int:
    """Return the log time now."""
    return services.config.clock.log_us(time.time_ns() // 1000)


def world_of(services: Services, request: Request | None = None) -> WireWorld:
    """Return what alerts and silences are told by; alerts need the request, for its language and host."""
    titles = {rule.name: rule for rule in services.rules}
    language = Language.VI if request is None else choose_language(request.query_params, request.cookies)

    def say(alert: Alert) -> dict[str, str]:
        rule = titles.get(alert.rule)
        if rule is None:
            return {}
        is_vi = language is Language.VI
        school = services.fleet.school_by_id.get(alert.school_id)
        summary = rule.title_vi if is_vi else rule.title_en
        if school is not None:
            summary = f"{summary}: {school.name}"
        return {"summary": summary, "description": rule.advice_vi if is_vi else rule.advice_en}

    base = "" if request is None else str(request.base_url)
    return WireWorld(
        services.fleet,
        services.calendar,
        services.routing.current(),
        services.config.clock.real_us,
        say,
        lambda incident_id: f"{base}incidents/{incident_id}" if incident_id else f"{base}incidents",
    )


def read_filters(texts: list[str]) -> list[SilenceMatcher]:
    """Return matchers as they are asked for, such as `isp="FPT"`.

    Raises:
        AlertmanagerRefusal: one is none, or its pattern cannot be read.
    """
    try:
        found = [parse_matcher(text) for text in texts]
        for matcher in found:
            if matcher.is_regex:
                compiled(matcher.value)
    except ValueError as error:
        raise AlertmanagerRefusal(400, "bad_request", detail=f"filter: {error}") from None
    return found


def _choice(filters: list[str], receiver: str) -> AlertChoice:
    if not receiver:
        return AlertChoice(read_filters(filters))
    try:
        pattern = compiled(receiver)
    except ValueError as error:
        raise AlertmanagerRefusal(400, "bad_request", detail=f"receiver: {error}") from None
    return AlertChoice(read_filters(filters), partial(_fits, pattern))


def _fits(pattern: Any, name: str) -> bool:
    return pattern.fullmatch(name.encode()) is not None
