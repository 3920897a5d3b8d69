"""Signing in by name and password or by a link, and signing out."""

import logging
import math
import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from contract.access.user import MOST_NAME, MOST_PASSWORD, User
from contract.access.waiting import try_keys, wait_s
from ops_dashboard.access.door import SESSION_COOKIE, cookie_name
from ops_dashboard.access.record import on_record
from ops_dashboard.api.answers import Refusal
from ops_dashboard.people.city.leaving import leave
from ops_dashboard.people.codes import is_right_code
from ops_dashboard.people.forms import (
    browser_of,
    end_session,
    go_on,
    own_path,
    read_form,
    set_browser,
    set_session,
)
from ops_dashboard.people.office import PeopleOffice, asking_person
from storage.people.city_accounts import id_token_of
from storage.people.credentials import (
    CredentialKind,
    end_credentials,
    end_secret,
    find_link,
    start_session,
    take_link,
)
from storage.people.failures import claim_try, forget_failures, is_known_browser, know_browser
from storage.people.pairing import was_screen
from storage.people.second_factor import code_secret
from storage.people.users import find_user, password_of

NextPath = Annotated[str, Query(alias="next", max_length=2000)]
_logger: Final = logging.getLogger(__name__)


def add_sign_in(router: APIRouter, office: PeopleOffice) -> None:
    @router.get("/sign-in", include_in_schema=False)
    async def form(request: Request, to: NextPath = "/") -> Response:
        former = request.cookies.get(cookie_name(SESSION_COOKIE, secure=office.secure), "")
        if former:
            async with office.connection() as conn:
                if await was_screen(conn, former):  # a wall has no keyboard
                    return go_on("/pair")
        return sign_in_page(office, request, to=own_path(to))

    @router.post("/sign-in", include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        fields = await read_form(request)
        name, to = fields.get("name", "").strip()[: 4 * MOST_NAME], own_path(fields.get("next", "/"))
        on_record(actor=name)
        left_s, user = await _who(office, request, name, fields)
        if user is None:
            on_record(result="slowed" if left_s else "wrong")
            refusal = Refusal(429 if left_s else 401, "sign_in_wait" if left_s else "sign_in_wrong", n=left_s)
            return sign_in_page(office, request, refusal, wait_s=left_s, name=name, to=to)
        return await let_in(office, request, user, to)

    @router.post("/sign-out", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        who = asking_person()
        async with office.connection() as conn:
            id_token = await id_token_of(conn, who.session)
            await end_credentials(conn, (CredentialKind.SESSION,), who.name, credential_id=who.session)
        office.register.forget(who.name)
        answer = go_on("/sign-in") if id_token is None else await leave(office, request, id_token)
        end_session(answer, secure=office.secure)
        return answer


def add_links(router: APIRouter, office: PeopleOffice) -> None:
    @router.get("/enter/{secret}", include_in_schema=False)
    async def offer(request: Request, secret: str, to: NextPath = "/account") -> Response:
        async with office.connection() as conn:
            name = await find_link(conn, secret)
            needs_code = name is not None and await code_secret(conn, name) is not None
        return office.renderer.page(request, "enter", next=own_path(to), needs_code=needs_code)

    @router.post("/enter/{secret}", include_in_schema=False)
    async def enter(request: Request, secret: str) -> Response:
        fields = await read_form(request)
        async with office.connection() as conn:
            name = await find_link(conn, secret)
            if name is not None and await code_secret(conn, name) is not None:
                keys = try_keys(name, "", "link")
                left_s = await claim_try(conn, keys, wait_s)
                if left_s > 0 or not await is_right_code(conn, name, fields.get("code", "")):
                    on_record(actor=name, result="wrong")
                    raise Refusal(401, "code_wrong")
                await forget_failures(conn, keys)
            name = await take_link(conn, secret)
            user = None if name is None else await find_user(conn, name)
        on_record(actor=name or "", result="" if name else "link_used")
        if user is None or user.disabled:
            raise Refusal(410, "link_used")
        return await let_in(office, request, user, own_path(fields.get("next", "/account")))


async def _who(
    office: PeopleOffice, request: Request, name: str, fields: dict[str, str]
) -> tuple[int, User | None]:
    """Return the user whose password it is; else None, and how many seconds a try has to wait."""
    browser = browser_of(request, secure=office.secure)
    address = "" if request.client is None else request.client.host
    async with office.connection() as conn:
        user = await find_user(conn, name)
        is_known = user is not None and browser and await is_known_browser(conn, browser, user.name)
        keys = try_keys(name, address, browser if is_known else "")
        left_s = await claim_try(conn, keys, wait_s)
        kept = None if user is None else await password_of(conn, user.name)
    if left_s > 0:
        _logger.warning("event=sign_in_slowed address=%s: too many failures in a row", address)
        return math.ceil(left_s), None
    is_right = await office.passwords.verify(kept, fields.get("password", "")[: 4 * MOST_PASSWORD])
    if not is_right or user is None or user.disabled:
        _logger.warning("event=sign_in_failed address=%s: a wrong name or password", address)
        return 0, None
    async with office.connection() as conn:
        if not await is_right_code(conn, user.name, fields.get("code", "")):
            _logger.warning("event=sign_in_failed address=%s: a wrong code", address)
            return 0, None
        await forget_failures(conn, keys)
    return 0, user


def sign_in_page(
    office: PeopleOffice,
    request: Request,
    refusal: Refusal | None = None,
    *,
    wait_s: int = 0,
    name: str = "",
    to: str = "/",
) -> Response:
    """Return the page where people sign in; `wait_s` is how many seconds a try has to wait."""
    return office.renderer.page(
        request, "sign_in", 200 if refusal is None else refusal.status,
        fault="" if refusal is None else office.renderer.sentence(request, refusal),
        headers={"Retry-After": str(wait_s)} if wait_s else {}, name=name, next=to,
        anew="/sign-in", with_city=office.provider is not None,
    )  # fmt: skip


async def let_in(
    office: PeopleOffice, request: Request, user: User, to: str, id_token: str | None = None
) -> Response:
    """Begin a session, and end the one that the browser had; `id_token` is the provider's, of the city's."""
    address = "" if request.client is None else request.client.host
    browser = browser_of(request, secure=office.secure) or secrets.token_urlsafe(32)
    former = request.cookies.get(cookie_name(SESSION_COOKIE, secure=office.secure), "")
    async with office.connection() as conn:
        agent = request.headers.get("user-agent", "")
        secret = await start_session(conn, user.name, user.role, address, agent, id_token)
        await know_browser(conn, browser, user.name)
        await end_secret(conn, former, user.name)
    answer = go_on(to)
    set_session(answer, secret, secure=office.secure)
    set_browser(answer, browser, secure=office.secure)
    return answer
