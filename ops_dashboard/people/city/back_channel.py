"""The city's provider says that somebody signed out there: their sessions end here at once.

Source: OpenID Connect Back-Channel Logout 1.0.
"""

import logging
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ops_dashboard.access.record import on_record
from ops_dashboard.api.answers import NOT_KEPT, Refusal
from ops_dashboard.people.city.identity import IdentityRefusedError, ProviderSilentError
from ops_dashboard.people.forms import read_form
from ops_dashboard.people.office import PeopleOffice
from storage.people.city_accounts import end_city_sessions

LOGOUT: Final = "/sign-in/oidc/logout"
_logger: Final = logging.getLogger(__name__)


def add_back_channel(router: APIRouter, office: PeopleOffice) -> None:
    @router.post(LOGOUT, include_in_schema=False)
    async def logout(request: Request) -> Response:
        if office.provider is None:
            raise Refusal(404, "not_found")
        address = "" if request.client is None else request.client.host
        try:
            ended = await office.provider.ended((await read_form(request)).get("logout_token", ""))
        except IdentityRefusedError as error:
            _logger.warning("event=logout_refused address=%s: %s", address, error)
            raise Refusal(400, "oidc_refused") from error
        except ProviderSilentError as error:
            _logger.warning("event=provider_silent: %s", error)
            raise Refusal(503, "oidc_silent") from error
        async with office.connection() as conn:
            names = await end_city_sessions(conn, ended)
        for name in names:
            office.register.forget(name)
        on_record(actor=", ".join(sorted(set(names))), detail=f"sessions={len(names)}")
        return Response(status_code=200, headers=NOT_KEPT)
