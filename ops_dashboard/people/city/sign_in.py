"""Signing in with the city's account: away to its provider, and back as somebody (OpenID Connect)."""

import logging
import math
import secrets
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from contract.access.fault import AccessError
from contract.access.mapping import Claims, held_values
from contract.access.waiting import address_key, wait_s
from ops_dashboard.access.door import cookie_name
from ops_dashboard.access.record import on_record
from ops_dashboard.access.recorder import UNMAPPED, WRONG
from ops_dashboard.api.answers import NOT_KEPT, Refusal
from ops_dashboard.language import remember_language
from ops_dashboard.people.city.identity import Identity, IdentityRefusedError, ProviderSilentError
from ops_dashboard.people.forms import AWAY_COOKIE, own_path, set_away
from ops_dashboard.people.office import PeopleOffice
from ops_dashboard.people.sign_in import NextPath, let_in, sign_in_page
from storage.people.city_accounts import AWAY_S, admit, send_away, take_back
from storage.people.credentials import CredentialKind, end_credentials
from storage.people.failures import claim_try, forget_failures
from storage.people.users import find_subject

if TYPE_CHECKING:
    from ops_dashboard.people.city.provider import IdentityProvider

AWAY: Final = "/sign-in/oidc"
BACK: Final = "/sign-in/oidc/back"
Said = Annotated[str, Query(max_length=4000, pattern=r"^[^\x00]*$")]
Named = Annotated[str | None, Query(max_length=500)]
_logger: Final = logging.getLogger(__name__)


def add_city_sign_in(router: APIRouter, office: PeopleOffice) -> None:
    @router.get(AWAY, include_in_schema=False)
    async def away(request: Request, to: NextPath = "/") -> Response:
        provider, file = _provider(office), office.sign_in.current()
        secret = secrets.token_urlsafe(32)
        back = f"{office.own_address(request)}{BACK}"
        try:
            address = await provider.address(secret, back, file.scopes, file.acr)
        except ProviderSilentError as error:
            return _silent(office, request, error, own_path(to))
        async with office.connection() as conn:
            if not await send_away(conn, secret, own_path(to), _client(request)):
                raise Refusal(503, "too_busy")
        answer = RedirectResponse(address, 303, NOT_KEPT)
        set_away(answer, secret, AWAY_S, secure=office.secure)
        remember_language(request, answer)
        return answer

    @router.get(BACK, include_in_schema=False)
    async def back(
        request: Request, state: Said = "", code: Said = "", error: Said = "", iss: Named = None
    ) -> Response:
        provider = _provider(office)
        secret = request.cookies.get(cookie_name(AWAY_COOKIE, secure=office.secure), "")
        if not (secret and provider.is_expected(secret, state, iss)):
            return sign_in_page(office, request, Refusal(400, "oidc_not_expected"))
        key = [address_key(_client(request))]
        async with office.connection() as conn:
            left_s = math.ceil(await claim_try(conn, key, wait_s))
            to = None if left_s else await take_back(conn, secret)
        if left_s:
            _logger.warning("event=sign_in_slowed address=%s: too many failures in a row", _client(request))
            return sign_in_page(office, request, Refusal(429, "sign_in_wait", n=left_s), wait_s=left_s)
        if to is None:
            return sign_in_page(office, request, Refusal(400, "oidc_not_expected"))
        try:
            if error or not code:
                raise IdentityRefusedError(f"the provider says {error[:80]!a}")
            acr, where = office.sign_in.current().acr, f"{office.own_address(request)}{BACK}"
            found = await provider.identify(secret, code, where, acr)
        except ProviderSilentError as silent:
            return _silent(office, request, silent, to)
        except IdentityRefusedError as refused:
            return _refused(office, request, refused, to)
        async with office.connection() as conn:
            await forget_failures(conn, key)
        answer = await _as_user(office, request, found, to)
        set_away(answer, "", 0, secure=office.secure)
        return answer


async def _as_user(office: PeopleOffice, request: Request, found: Identity, to: str) -> Response:
    """Let somebody in as the user that the mapping makes of them; or say whom to ask."""
    file, fault = office.sign_in.current(), ""
    name = file.name(found.claims)
    on_record(actor=name)
    try:
        entitled = file.entitlement(found.claims)
        if entitled is not None:
            async with office.connection() as conn:
                user = await admit(conn, found.subject, name, entitled, office.fleet)
            on_record(actor=user.name, detail=f"role={user.role.value}")
            office.register.forget(user.name)
            return await let_in(office, request, user, to, found.id_token)
    except AccessError as error:
        fault = office.renderer.fault(request, error)
    async with office.connection() as conn:
        former = await find_subject(conn, found.subject)
        if former is not None:  # who was something here is it no more
            await end_credentials(conn, (CredentialKind.SESSION,), former.name, name=former.name)
            office.register.forget(former.name)
    on_record(result=UNMAPPED)
    _logger.warning("event=sign_in_unmapped address=%s: %s", _client(request), found.subject)
    return office.renderer.page(
        request,
        "unmapped",
        403,
        fault=fault,
        anew=AWAY,
        facts=_facts(name, found.claims),
        contact=file.contact,
    )


def _facts(name: str, claims: Claims) -> list[tuple[str, str]]:
    """Return who somebody is at the provider: what whoever is asked has to know."""
    mail = [("people.mail", one) for one in held_values(claims, "email")]
    return [("people.name", name), *mail, ("people.sub", str(claims["sub"]))]


def _provider(office: PeopleOffice) -> "IdentityProvider":
    if office.provider is None:
        raise Refusal(404, "not_found")
    return office.provider


def _silent(office: PeopleOffice, request: Request, error: ProviderSilentError, to: str) -> Response:
    _logger.warning("event=provider_silent: %s", error)
    return sign_in_page(office, request, Refusal(503, "oidc_silent"), to=to)


def _refused(office: PeopleOffice, request: Request, error: IdentityRefusedError, to: str) -> Response:
    on_record(result=WRONG)
    _logger.warning("event=sign_in_failed address=%s: %s", _client(request), error)
    return sign_in_page(office, request, Refusal(401, "oidc_refused"), to=to)


def _client(request: Request) -> str:
    return "" if request.client is None else request.client.host
