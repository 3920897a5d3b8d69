"""The owner of the alerts log, with the packaged routes and calendar."""

from collections.abc import Callable
from typing import Any

from psycopg import AsyncConnection

from alerting.incidents.groups import Groups
from bus.log import Log
from config.files import load_configuration
from contract.entry import ALERTS_LOG
from stream_processor.owners.alerts import AlertsOwner
from stream_processor.owners.owner import Publish, Tally

_OWN = load_configuration(None)


async def no_listener(_subject: str, _payload: bytes) -> None:
    """Nobody watches the wall."""


def alerts_owner(
    conn: AsyncConnection[Any],
    log: Log,
    groups: Groups,
    now_us: Callable[[], int],
    publish: Publish = no_listener,
) -> AlertsOwner:
    """Return an owner that has read nothing yet."""
    tally = Tally(ALERTS_LOG)
    return AlertsOwner(conn, log, publish, groups, _OWN.calendar, lambda: _OWN.routing, now_us, tally)
