"""One's own account: sessions and password; and who one is, for the pages' scripts."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from contract.access.area import CITY, Area
from contract.access.decision import may
from contract.access.fault import AccessError, AccessFault
from contract.access.permission import Permission
from contract.access.user import LEAST_PASSWORD, check_password
from contract.access.waiting import try_keys, wait_s
from contract.fleet import Fleet
from ops_dashboard.access.asking import asking
from ops_dashboard.access.record import on_record
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.people.forms import browser_of, go_on, read_form
from ops_dashboard.people.office import PeopleOffice, asking_person
from storage.people.credentials import CredentialKind, end_credentials
from storage.people.failures import claim_try, forget_failures, know_browser
from storage.people.users import find_user, password_of, save_password


def add_account(router: APIRouter, office: PeopleOffice) -> None:
    @router.get("/api/me")
    async def me() -> Response:
        """Return who asks, and what they may."""
        bearer = asking()
        if bearer is None:
            raise Refusal(401, "sign_in_first")
        who = bearer.principal
        allowed = [what.value for what in Permission if may(who, what) is None]
        return json_answer({"name": who.name, "grade": who.grade, "area": who.area, "permissions": allowed})

    @router.get("/account", include_in_schema=False)
    async def account(request: Request) -> Response:
        return await show_account(office, request)

    @router.post("/account/end", include_in_schema=False)
    async def end(request: Request) -> Response:
        who, fields = asking_person(), await read_form(request)
        async with office.connection() as conn:
            kinds, which = (CredentialKind.SESSION,), fields.get("id", "")
            await end_credentials(conn, kinds, who.name, name=who.name, credential_id=which)
        on_record(subject=which)
        office.register.forget(who.name)
        return go_on("/account")

    @router.post("/account/password", include_in_schema=False)
    async def change_password(request: Request) -> Response:
        fields = await read_form(request)
        await refuse_city_account(office)
        try:
            await prove_password(office, fields.get("old", ""))
            new = check_password(fields.get("new", ""), asking_person().name)
        except AccessError as error:
            return await show_account(office, request, 422, office.renderer.fault(request, error))
        await _change_password(office, new, browser_of(request, secure=office.secure))
        return go_on("/account")


async def _change_password(office: PeopleOffice, new: str, browser: str) -> None:
    """Give whoever asks another password; all their other sessions and links end."""
    who = asking_person()
    hashed = await office.passwords.hash(new)
    async with office.connection() as conn:
        await save_password(conn, who.name, hashed)
        if browser:
            await know_browser(conn, browser, who.name)
        kinds = (CredentialKind.SESSION, CredentialKind.LINK)
        await end_credentials(conn, kinds, who.name, name=who.name, but=who.session)
    office.register.forget(who.name)


async def prove_password(office: PeopleOffice, typed: str) -> None:
    """Let whoever finds a page open change nothing by which its owner signs in.

    Raises:
        AccessError: it is not the password of whoever asks; who has none yet need not prove anything.
    """
    who = asking_person()
    keys = try_keys(who.name, "", who.session)
    async with office.connection() as conn:
        kept = await password_of(conn, who.name)
        left_s = 0.0 if kept is None else await claim_try(conn, keys, wait_s)
    if kept is None:
        return
    if left_s > 0 or not await office.passwords.verify(kept, typed):
        raise AccessError(AccessFault.PASSWORD_WRONG, "this is not the password")
    async with office.connection() as conn:
        await forget_failures(conn, keys)


async def refuse_city_account(office: PeopleOffice) -> None:
    """Let nobody whose sign-in is the city's have another one here, which would outlast it.

    Raises:
        Refusal: whoever asks is such a person.
    """
    async with office.connection() as conn:
        user = await find_user(conn, asking_person().name)
    if user is None or user.subject:
        raise Refusal(403, AccessFault.CITY_ACCOUNT.value)


async def show_account(
    office: PeopleOffice, request: Request, status: int = 200, fault: str = "", **more: Any
) -> Response:
    """Return the page of whoever asks; `more` is what setting a second factor up shows."""
    who = asking_person()
    user = await office.reader.user(who.name)
    sessions = await office.reader.credentials(CredentialKind.SESSION, who.name)
    city = office.renderer.texts.say("people.area_city", office.renderer.language(request))
    return office.renderer.page(
        request, "account", status, fault=fault, user=user, sessions=sessions,
        least=LEAST_PASSWORD, area=area_name(who.area, office.fleet, city),
        code_needed=office.secure and who.lacks_code, **{"begun": "", "square": "", "recovery": (), **more},
    )  # fmt: skip


def area_name(area: Area, fleet: Fleet, city: str) -> str:
    """Return an area in the words of people; `city` is theirs for the whole of it."""
    if area == CITY:
        return city
    clusters = {c.code: c.name for c in fleet.clusters}
    wards = {w.code: w.name for w in fleet.wards}
    schools = {s.code: s.name for s in fleet.schools}
    named = [clusters.get(code, code) for code in area.clusters]
    named += [wards.get(code, code) for code in area.wards]
    named += [schools.get(code, code) for code in area.schools]
    return area.isp or ", ".join(named)
