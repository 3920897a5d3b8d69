"""The day so far over HTTP, as a calm wall tells it."""

from fastapi import APIRouter, Response
from msgspec.structs import replace

from contract.access.decision import may
from contract.access.permission import Permission
from contract.calendar import MINUTE_US
from contract.fleet import DeviceKind
from ops_dashboard.access.asking import asking
from ops_dashboard.access.own import asking_area
from ops_dashboard.access.register import Bearer
from ops_dashboard.api.answers import json_answer
from ops_dashboard.api.oncall import swapped_routing
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import seen
from ops_dashboard.services import Services
from ops_dashboard.view.day import MOST_LANES, Day, curve_stretches, make_day, users_curve
from ops_dashboard.view.desk.systems import system_rules

USERS = "active_users"


def told_to(day: Day, bearer: Bearer | None) -> Day:
    """Return a day as somebody who sees an area may have it."""
    who = None if bearer is None else bearer.principal
    is_wall = who is not None and not who.is_person
    return day if is_wall or may(who, Permission.SEE_ONCALL) is None else replace(day, duty=[])


def add_day(router: APIRouter, services: Services) -> None:
    kept: dict[int, Day] = {}

    async def day_at(asked: Services) -> Day:
        archive, now_us = asked.archive, asked.now_us()
        metric = next((m for m in services.catalogue.metrics if m.name == USERS), None)
        stretches = curve_stretches(now_us)
        every = [one for part in stretches for one in part]
        is_told = metric is not None and asking_area().is_city
        found = await archive.stretches(metric.id, every) if metric is not None and is_told else {}
        return make_day(
            now_us,
            users_curve(found, stretches, services.config.coverage_min),
            await archive.known_incidents(),
            await swapped_routing(asked, now_us),
            asked.fleet,
            services.calendar,
            {kind: system_rules(kind, services.catalogue, services.rules) for kind in DeviceKind},
            await archive.known_alerts() if len(asked.fleet.schools) <= MOST_LANES else (),
            await services.archive.first_known_us(),
        )

    @router.get("/api/day")
    async def day(at: At = "") -> Response:
        """Return learners today and usually, what was wrong and is over, and who is on duty; once a minute.

        Whoever sees an area is told of what was wrong there, and of no learners; who is on duty is told to
        walls, and to people who may see the rotas.
        """
        if at or not asking_area().is_city:
            return json_answer(told_to(await day_at(await seen(services, at)), asking()))
        minute = services.now_us() // MINUTE_US
        if minute not in kept:
            made = await day_at(services)
            kept.clear()
            kept[minute] = made
        return json_answer(kept[minute])
