"""How fast incidents are answered and how much each contact gets, over HTTP."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Response

from alerting.incidents.response import GroupBy, response_figures
from alerting.notify.flood import contact_load
from contract.incident import IncidentTimes
from ops_dashboard.api.answers import json_answer
from ops_dashboard.services import Services

DAY_US: Final = 86_400_000_000
MOST_DAYS: Final = 800
"""Two years of incidents are kept."""


def add_response(router: APIRouter, services: Services) -> None:
    @router.get("/api/response")
    async def response(
        by: GroupBy = GroupBy.ALL, days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 30
    ) -> Response:
        """Return times to detect, notify, acknowledge and resolve, precision, and the load of contacts."""
        return json_answer(await response_report(services, by, days))


async def response_report(services: Services, by: GroupBy, days: int) -> dict[str, Any]:
    """Return the figures of the last so many days of log time; exercises are apart."""
    now_us = services.now_us()
    from_us = now_us - days * DAY_US
    times, moments = await services.archive.response(from_us, now_us)
    standing = [one for one in times if one.quiet_us is None and one.began_us < now_us - DAY_US]
    return {
        "at_us": now_us,
        "days": days,
        "by": by.value,
        "groups": _plain(response_figures(times, by, services.fleet)),
        "exercises": _plain(response_figures(times, by, services.fleet, exercises=True)),
        "load": _plain([contact_load(to, at_us, from_us, now_us) for to, at_us in moments.items()]),
        "standing": len(standing),
        "standing_without_action": sum(not one.had_deed for one in standing),
        "without_action": sum(_is_untouched(one) for one in times),
    }


def _is_untouched(one: IncidentTimes) -> bool:
    """Return whether an incident went on without anybody."""
    return not one.had_deed and not one.exercise


def _plain(values: object) -> Any:
    return msgspec.to_builtins(values)
