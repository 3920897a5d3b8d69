"""Signing out at the city's provider as well, after signing out here."""

import logging
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from ops_dashboard.people.city.identity import ProviderSilentError
from ops_dashboard.people.office import PeopleOffice

_logger: Final = logging.getLogger(__name__)


async def leave(office: PeopleOffice, request: Request, id_token: str) -> Response:
    """Return the page from which a browser goes on to sign out at the provider.

    A page of its own: our policy (`form-action`) lets no form lead to another host, not by a redirect either.
    """
    to: str | None = None
    try:
        if office.provider is not None:
            to = await office.provider.leaving_address(id_token, f"{office.own_address(request)}/sign-in")
    except ProviderSilentError as error:
        _logger.warning("event=provider_silent: %s", error)
    return office.renderer.page(request, "leave", anew="/sign-in", to=to)
