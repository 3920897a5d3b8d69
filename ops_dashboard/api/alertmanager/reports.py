"""Alertmanager's API v2: alerts that Prometheus, amtool and others report; entries of the log.

Source: Alertmanager 0.25, api/v2/openapi.yaml; api/v2/api.go, `postAlertsHandler`.
"""

import uuid
from collections.abc import Sequence
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from alerting.outside.validity import (
    MOST_OPEN,
    OutsideComplaint,
    OutsideFault,
    beyond_room,
    read_report,
)
from bus.codec import encode_outside
from contract.alert import OutsideReport
from contract.entry import EntryKind
from ops_dashboard.api.alertmanager.reading import log_now_us
from ops_dashboard.api.answers import NOT_KEPT, AlertmanagerRefusal
from ops_dashboard.api.entries import append_entry
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services

ALERTS_PATH: Final = "/api/v2/alerts"
ENTRY_REPORTS: Final = 16
"""Reports in one entry of the log: chosen, some 0.5 MB at the worst, half of what an entry may have."""
TOLD_COMPLAINTS: Final = 3
"""Refused alerts of which it is said why: chosen, who sent them has one mistake in all of them, mostly."""
_list: Final = msgspec.json.Decoder(list[msgspec.Raw])


def add_alertmanager_reports(router: APIRouter, services: Services) -> None:
    @router.post(ALERTS_PATH)
    async def report(request: Request) -> Response:
        """Take alerts from outside; those that may not be are refused, and the others kept."""
        at_us = log_now_us(services)
        try:
            bodies = _list.decode(await request.body())
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise AlertmanagerRefusal(400, "outside_no_list", why=error) from None
        read = [read_report(body, at_us, services.config.clock.log_us) for body in bodies]
        # Of several with the same labels the last one is the newest word.
        reports = {one.outside.labels: one for one in read if isinstance(one, OutsideReport)}
        others = [one.outside for one in services.board.open_alerts.values()]
        known = {outside.labels for outside in others if outside is not None}
        beyond = beyond_room(list(reports.values()), known, MOST_OPEN - len(known))
        for one in beyond:
            del reports[one.outside.labels]
        await _keep(list(reports.values()), at_us, services)
        complaints = [one for one in read if isinstance(one, OutsideComplaint)]
        complaints += [OutsideComplaint(OutsideFault.TOO_MANY_OPEN, {"most": MOST_OPEN}) for _ in beyond]
        if complaints:
            why = _why(complaints, request, services)
            raise AlertmanagerRefusal(400, "outside_refused", n=len(complaints), of=len(read), why=why)
        return Response(headers=NOT_KEPT)


async def _keep(reports: Sequence[OutsideReport], at_us: int, services: Services) -> None:
    for first in range(0, len(reports), ENTRY_REPORTS):
        payload, each = encode_outside(reports[first : first + ENTRY_REPORTS]), str(uuid.uuid4())
        await append_entry(services, EntryKind.OUTSIDE, payload, at_us, each, AlertmanagerRefusal)


def _why(complaints: Sequence[OutsideComplaint], request: Request, services: Services) -> str:
    language = choose_language(request.query_params, request.cookies)
    said = [services.texts.say(f"error.outside_{c.fault.value}", language, **c.values) for c in complaints]
    more = "…" if len(said) > TOLD_COMPLAINTS else ""
    return "; ".join(said[:TOLD_COMPLAINTS]) + more
