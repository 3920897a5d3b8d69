"""Which permission each route asks for: a route without one keeps the server from starting."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from starlette.routing import compile_path

from contract.access.permission import Permission
from contract.errors import ConfigurationError
from ops_dashboard.pages.registry import PAGES

SOCKET: Final = "WEBSOCKET"
"""The method of a websocket in this table."""
_API: Final[Mapping[str, Permission]] = {
    "GET /openapi.json": Permission.LOAD_PAGE,
    "GET /healthz": Permission.ENTER,
    "WEBSOCKET /ws/live": Permission.SEE_WALL,
    "GET /api/fleet": Permission.SEE_WALL,
    "GET /api/wards": Permission.SEE_WALL,
    "GET /api/city/bandwidth": Permission.SEE_CITY,
    "GET /api/alerts": Permission.SEE_ALERTS,
    "GET /api/alerts/{alert_id}": Permission.SEE_ALERTS,
    "POST /api/alerts/{alert_id}/acknowledge": Permission.HANDLE_ALERTS,
    "POST /api/alerts/{alert_id}/dismiss": Permission.HANDLE_ALERTS,
    "POST /api/alerts/{alert_id}/note": Permission.HANDLE_ALERTS,
    "GET /api/incidents": Permission.SEE_INCIDENTS,
    "GET /api/incidents/{incident_id}": Permission.SEE_INCIDENTS,
    "POST /api/incidents/{incident_id}/actions": Permission.HANDLE_INCIDENTS,
    "GET /api/incidents/{incident_id}/notices": Permission.SEE_INCIDENTS,
    "GET /api/series/{school}/{device}/{metric}": Permission.SEE_SCHOOL,
    "GET /api/cap.atom": Permission.SEE_FEEDS,
    "GET /api/cap/{incident_id}": Permission.SEE_FEEDS,
    "GET /api/day": Permission.SEE_WALL,
    "GET /api/wall": Permission.SEE_WALL,
    "GET /api/alerts.csv": Permission.SEE_ALERTS,
    "GET /api/incidents.csv": Permission.SEE_INCIDENTS,
    "GET /api/incidents/{incident_id}/members.csv": Permission.SEE_INCIDENTS,
    "GET /api/quarantine.csv": Permission.SEE_QUARANTINE,
    "GET /api/response.csv": Permission.SEE_RESPONSE,
    "GET /api/find": Permission.SEE_SCHOOL,
    "GET /api/sheets/provider/{name}": Permission.SEE_SCHOOL,
    "GET /api/sheets/provider/{name}/{table}.csv": Permission.SEE_SCHOOL,
    "GET /api/sheets/area/{name}": Permission.SEE_SCHOOL,
    "GET /api/sheets/area/{name}/{table}.csv": Permission.SEE_SCHOOL,
    "GET /api/sheets/system/{name}": Permission.SEE_FIGURES,
    "GET /api/sheets/system/{name}/{table}.csv": Permission.SEE_FIGURES,
    "GET /api/sheets/school/{name}": Permission.SEE_SCHOOL,
    "GET /api/sheets/school/{name}/{table}.csv": Permission.SEE_SCHOOL,
    "GET /api/charts/school/{code}": Permission.SEE_SCHOOL,
    "GET /api/charts/incident/{incident_id}": Permission.SEE_SCHOOL,
    "GET /api/sheets/systems": Permission.SEE_FIGURES,
    "GET /api/sheets/systems/{table}.csv": Permission.SEE_FIGURES,
    "GET /api/sheets/quality": Permission.SEE_QUARANTINE,
    "GET /api/sheets/quality/{table}.csv": Permission.SEE_QUARANTINE,
    "POST /api/provision": Permission.ENTER,
    "GET /api/leadership": Permission.SEE_FIGURES,
    "GET /api/leadership.csv": Permission.SEE_FIGURES,
    "GET /api/leadership.pdf": Permission.SEE_FIGURES,
    "GET /api/inbox": Permission.SEE_INBOX,
    "GET /api/calendar": Permission.SEE_CALENDAR,
    "POST /api/calendar": Permission.DECIDE_DAYS,
    "GET /api/oncall": Permission.SEE_ONCALL,
    "GET /api/oncall.ics": Permission.SEE_ONCALL,
    "POST /api/oncall/swaps": Permission.SWAP_DUTY,
    "POST /api/oncall/swaps/preview": Permission.SWAP_DUTY,
    "DELETE /api/oncall/swaps/{swap_id}": Permission.SWAP_DUTY,
    "GET /api/response": Permission.SEE_RESPONSE,
    "GET /api/silences": Permission.SEE_SILENCES,
    "GET /api/maintenance.ics": Permission.SEE_SILENCES,
    "GET /api/silences.csv": Permission.SEE_SILENCES,
    "POST /api/silences": Permission.SILENCE,
    "POST /api/silences/import": Permission.SILENCE,
    "POST /api/silences/preview": Permission.SILENCE,
    "DELETE /api/silences/{silence_id}": Permission.SILENCE,
    "GET /api/v2/status": Permission.SEE_SILENCES,
    "GET /api/v2/receivers": Permission.SEE_SILENCES,
    "GET /api/v2/alerts": Permission.SEE_ALERTS,
    "POST /api/v2/alerts": Permission.BRING_ALERTS,
    "GET /api/v2/alerts/groups": Permission.SEE_INCIDENTS,
    "GET /api/v2/silences": Permission.SEE_SILENCES,
    "POST /api/v2/silences": Permission.SILENCE,
    "GET /api/v2/silence/{silence_id}": Permission.SEE_SILENCES,
    "DELETE /api/v2/silence/{silence_id}": Permission.SILENCE,
    "GET /api/quarantine": Permission.SEE_QUARANTINE,
    "GET /api/status": Permission.SEE_CENTER,
}
_PEOPLE: Final[Mapping[str, Permission]] = {
    "GET /sign-in": Permission.ENTER,
    "POST /sign-in": Permission.ENTER,
    "GET /sign-in/oidc": Permission.ENTER,
    "GET /sign-in/oidc/back": Permission.ENTER,
    "POST /sign-in/oidc/logout": Permission.ENTER,
    "POST /sign-out": Permission.OWN_SESSIONS,
    "GET /enter/{secret}": Permission.ENTER,
    "POST /enter/{secret}": Permission.ENTER,
    "GET /api/me": Permission.LOAD_PAGE,
    "GET /api/views/{page}": Permission.OWN_SESSIONS,
    "POST /api/views/{page}": Permission.OWN_SESSIONS,
    "DELETE /api/views/{page}": Permission.OWN_SESSIONS,
    "GET /account": Permission.OWN_SESSIONS,
    "POST /account/password": Permission.OWN_SESSIONS,
    "POST /account/end": Permission.OWN_SESSIONS,
    "POST /account/code/begin": Permission.OWN_SESSIONS,
    "POST /account/code": Permission.OWN_SESSIONS,
    "POST /account/code/end": Permission.OWN_SESSIONS,
    "GET /users": Permission.MANAGE_USERS,
    "POST /users": Permission.MANAGE_USERS,
    "POST /users/change": Permission.MANAGE_USERS,
    "POST /users/link": Permission.MANAGE_USERS,
    "POST /users/code": Permission.MANAGE_USERS,
    "POST /users/end": Permission.MANAGE_USERS,
    "GET /pair": Permission.ENTER,
    "GET /screens": Permission.MANAGE_SCREENS,
    "POST /screens": Permission.MANAGE_SCREENS,
    "POST /screens/end": Permission.MANAGE_SCREENS,
    "GET /tokens": Permission.MANAGE_TOKENS,
    "POST /tokens": Permission.MANAGE_TOKENS,
    "POST /tokens/end": Permission.MANAGE_TOKENS,
    "GET /audit": Permission.SEE_AUDIT,
    "GET /audit.csv": Permission.SEE_AUDIT,
}
_PROGRAMS: Final[Mapping[str, Permission]] = {
    "GET /assets": Permission.ENTER,
    "GET /_dash-component-suites/{package_name}/{fingerprinted_path:path}": Permission.LOAD_PAGE,
    "GET /_dash-layout": Permission.LOAD_PAGE,
    "GET /_dash-dependencies": Permission.LOAD_PAGE,
    "POST /_dash-update-component": Permission.LOAD_PAGE,
    "GET /_reload-hash": Permission.LOAD_PAGE,
    "GET /_favicon.ico": Permission.LOAD_PAGE,
}
"""Which page is asked of Dash's callback stands in its body: `ops_dashboard.pages.router` asks again."""
PERMISSIONS: Final[Mapping[str, Permission]] = {
    **_API,
    **_PEOPLE,
    **_PROGRAMS,
    **{f"GET {page.route}": page.permission for page in PAGES},
}
"""By method and path of the route."""


class GuardedRoute(NamedTuple):
    """A method and a route, and what they ask for."""

    method: str
    path: str
    pattern: re.Pattern[str]
    permission: Permission


def guarded_routes(routes: Iterable[Any]) -> list[GuardedRoute]:
    """Return an application's routes with their permissions, in the order in which they are tried.

    Raises:
        ConfigurationError: a route has none, or the table has one for a route that there is not.
    """
    found = list(_walk(routes))
    there = {f"{method} {path}" for method, path, _ in found}
    if there != PERMISSIONS.keys():
        raise ConfigurationError(
            "routes and ops_dashboard/access/permissions.py differ: "
            + ", ".join(sorted(there ^ PERMISSIONS.keys()))
        )
    return [
        GuardedRoute(method, path, pattern, PERMISSIONS[f"{method} {path}"])
        for method, path, pattern in found
    ]


def _walk(routes: Iterable[Any]) -> Iterator[tuple[str, str, re.Pattern[str]]]:
    for route in routes:
        is_folder = not hasattr(route, "methods") and hasattr(route, "app") and not _is_socket(route)
        pattern = compile_path(route.path + "/{path:path}" if is_folder else route.path)[0]
        methods = {SOCKET} if _is_socket(route) else set(getattr(route, "methods", None) or {"GET"})
        for method in sorted(methods - {"HEAD"}):  # the guard makes GET of it
            yield method, route.path, pattern


def _is_socket(route: Any) -> bool:
    return "WebSocket" in type(route).__name__
