"""Which reports somebody did not get; `eduops doctor` says so."""

import time
from typing import Final

from contract.routing.notice import NoticeFate
from eduops.connections import database_url
from eduops.settings import Settings
from storage.database import connect
from storage.outbox import lost_reports

BACK_US: Final = 7 * 86_400_000_000
"""So far back reports are looked at, µs."""


async def lost_findings(settings: Settings) -> list[tuple[bool, str]]:
    """Return a sentence for each report of a week that does not reach somebody, and whether it still may."""
    after_us = settings.clock.log_us(time.time_ns() // 1000) - BACK_US
    async with await connect(database_url(settings)) as connection:
        lost = await lost_reports(connection, after_us)
    found = []
    for report, to, fate, channel, answer in lost:
        still = fate is NoticeFate.WAITING
        what = f"the report {report.name} up to {report.last} {'does' if still else 'did'} not reach {to}"
        found.append((still, f"{what} ({channel or 'no channel'}: {answer or 'no answer'})"))
    return found
