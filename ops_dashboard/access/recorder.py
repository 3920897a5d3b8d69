"""Writes the record of requests: every deed, and every refusal to somebody who is known."""

import logging
from typing import Final

from contract.access.permission import Permission
from contract.errors import InfrastructureError
from ops_dashboard.access.permissions import GuardedRoute
from ops_dashboard.access.record import OpenEntry
from ops_dashboard.access.register import Bearer
from ops_dashboard.borrowing import ReaderPool, borrowed
from storage.people.audit import add_audit

ANSWER_S: Final = 5.0
STRANGER: Final = "stranger"
WRONG: Final = "wrong"
"""Result of a try to sign in."""
UNMAPPED: Final = "unmapped"
"""Result of a sign-in by the city's account of somebody who is nobody here."""
_READING: Final = frozenset({Permission.LOAD_PAGE, Permission.BRING_ALERTS, Permission.BRING_READINGS})
"""POST is how pages load, and what comes in by thousands is kept with what it brought."""
_TRIED: Final = frozenset(
    {
        *("POST /api/silences/preview", "POST /api/oncall/swaps/preview"),
        *("GET /sign-in", "GET /enter/{secret}"),
    }
)
_FILES: Final = (".csv", ".pdf", ".ics")
"""Ends of the addresses of what is read to be kept elsewhere."""
_SIGN_IN: Final = "GET /sign-in/oidc/back"
"""The one deed that another site's redirect brings, and so no form."""
_logger: Final = logging.getLogger(__name__)


def is_deed(route: GuardedRoute) -> bool:
    """Return whether a request for a route is on record even if nothing is refused."""
    name = f"{route.method} {route.path}"
    return (
        route.path.endswith(_FILES)
        or name == _SIGN_IN
        or (
            route.method not in ("GET", "WEBSOCKET")
            and route.permission not in _READING
            and name not in _TRIED
        )
    )


class Recorder:
    """Appends to the record; a database that is away is told in the log, and keeps nobody waiting long."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool

    async def add(
        self,
        route: GuardedRoute,
        path: str,
        bearer: Bearer | None,
        address: str,
        status: int,
        entry: OpenEntry,
    ) -> None:
        """Put a request on record that was answered with `status`."""
        if bearer is None and status >= 400 and entry.result not in (WRONG, UNMAPPED):
            return  # whoever knocks at a door would fill the record; tries to sign in are slowed
        who = None if bearer is None else bearer.principal
        named = route.pattern.match(path)
        # A link's secret is used up, and still nobody's business.
        places = {} if named is None or "secret" in named.groupdict() else named.groupdict()
        action = f"{route.method} {route.path}"
        try:
            async with borrowed(self._pool, ANSWER_S) as conn:
                await add_audit(
                    conn,
                    actor=entry.actor or (STRANGER if who is None else who.name),
                    grade=STRANGER if who is None else who.grade.value,
                    session="" if who is None else who.session,
                    address=address,
                    action=action,
                    subject=entry.subject or " ".join(places.values()),
                    result=entry.result or ("done" if status < 400 else str(status)),
                    detail=entry.detail,
                )
        except InfrastructureError as error:
            _logger.error("event=audit_not_written method=%s path=%s: %s", route.method, route.path, error)
