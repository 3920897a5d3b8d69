"""The day so far over HTTP, as a calm wall tells it."""

import time

from fastapi import APIRouter, Response

from contract.calendar import MINUTE_US
from ops_dashboard.api.answers import json_answer
from ops_dashboard.services import Services
from ops_dashboard.view.day import Day, curve_stretches, make_day, users_curve

USERS = "active_users"


def add_day(router: APIRouter, services: Services) -> None:
    kept: dict[int, Day] = {}

    async def day_at(now_us: int) -> Day:
        archive, board = services.archive, services.hub.board
        metric = next((m for m in services.catalogue.metrics if m.name == USERS), None)
        stretches = curve_stretches(now_us)
        every = [one for part in stretches for one in part]
        found = {} if metric is None else await archive.stretches(metric.id, every)
        return make_day(
            now_us,
            users_curve(found, stretches, services.config.coverage_min),
            await archive.known_incidents(),
            services.routing.current(),
            board.groups.fleet,
            services.calendar.timezone,
        )

    @router.get("/api/day")
    async def day() -> Response:
        """Return learners today and usually, what was resolved today and who is on duty; once a minute."""
        now_us = services.config.clock.log_us(time.time_ns() // 1000)
        minute = now_us // MINUTE_US
        if minute not in kept:
            made = await day_at(now_us)
            kept.clear()
            kept[minute] = made
        return json_answer(kept[minute])
