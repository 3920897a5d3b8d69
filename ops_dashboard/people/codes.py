"""Codes of the second factor: whether one is right, and the pages that set it up and turn it off."""

import time
from typing import Any, Final

import pyotp
import segno
from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from psycopg import AsyncConnection

from contract.access.fault import AccessError, AccessFault
from contract.access.waiting import try_keys, wait_s
from ops_dashboard.access.record import on_record
from ops_dashboard.people.account import prove_password, refuse_city_account, show_account
from ops_dashboard.people.forms import go_on, read_form
from ops_dashboard.people.office import PeopleOffice, asking_person
from storage.people.failures import claim_try, forget_failures
from storage.people.second_factor import code_secret, drop, set_up, take_recovery_code, take_step

STEP_S: Final = 30
"""Seconds that a code lasts. Source: RFC 6238, section 5.2."""
SKEW: Final = (-1, 0, 1)
"""Steps by which a phone's clock may be off. Source: RFC 6238, section 5.2."""


async def is_right_code(conn: AsyncConnection[Any], name: str, typed: str) -> bool:
    """Return whether a user's second factor is given; where they have none, whether nothing has to be."""
    secret = await code_secret(conn, name)
    if secret is None:
        return True
    code = "".join(typed.split()).lower()
    step = matching_step(secret, code, time.time())
    if step is not None:
        return await take_step(conn, name, step)
    return bool(code) and await take_recovery_code(conn, name, code)


def matching_step(secret: str, code: str, now_s: float) -> int | None:
    """Return the time step whose code it is; None if it is of none near `now_s`, seconds since 1970."""
    totp = pyotp.TOTP(secret)
    now = int(now_s) // STEP_S
    return next((now + k for k in SKEW if pyotp.utils.strings_equal(totp.generate_otp(now + k), code)), None)


def add_codes(router: APIRouter, office: PeopleOffice) -> None:
    async def begun(request: Request, secret: str, status: int = 200, fault: str = "") -> Response:
        address = pyotp.TOTP(secret).provisioning_uri(name=asking_person().name, issuer_name="eduops")
        square = segno.make(address, error="m").svg_inline(scale=6, dark="#14171B", light="#E8EDF2", border=3)
        return await show_account(office, request, status, fault, begun=secret, square=Markup(square))

    @router.post("/account/code/begin", include_in_schema=False)
    async def begin(request: Request) -> Response:
        await refuse_city_account(office)
        return await begun(request, pyotp.random_base32())

    @router.post("/account/code", include_in_schema=False)
    async def confirm(request: Request) -> Response:
        who, fields = asking_person(), await read_form(request)
        await refuse_city_account(office)
        secret, code = fields.get("secret", ""), "".join(fields.get("code", "").split())
        try:
            step = matching_step(secret, code, time.time())
        except ValueError:  # no base32
            return go_on("/account")
        try:
            await prove_password(office, fields.get("old", ""))
            if step is None:
                raise AccessError(AccessFault.CODE_WRONG, "this is not the code")
        except AccessError as error:
            on_record(result="wrong")
            return await begun(request, secret, 422, office.renderer.fault(request, error))
        async with office.connection() as conn:
            if await code_secret(conn, who.name) is not None:  # whoever finds a page open gets no other one
                return go_on("/account")
            recovery = await set_up(conn, who.name, secret)
            await take_step(conn, who.name, step)
        office.register.forget(who.name)
        return await show_account(office, request, recovery=recovery)

    @router.post("/account/code/end", include_in_schema=False)
    async def end(request: Request) -> Response:
        who, fields = asking_person(), await read_form(request)
        keys = try_keys(who.name, "", who.session)
        async with office.connection() as conn:
            left_s = await claim_try(conn, keys, wait_s)
            is_right = left_s <= 0 and await is_right_code(conn, who.name, fields.get("code", ""))
            if is_right:
                await forget_failures(conn, keys)
                await drop(conn, who.name)
                office.register.forget(who.name)
                return go_on("/account")
        on_record(result="wrong")
        error = AccessError(AccessFault.CODE_WRONG, "this is not the code")
        return await show_account(office, request, 422, office.renderer.fault(request, error))
