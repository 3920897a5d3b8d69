"""Users, for administrators: add, change, let in by a link, end."""

from collections import Counter

from fastapi import APIRouter, Request
from fastapi.responses import Response

from contract.access.area import parse_area, write_area
from contract.access.fault import AccessError, AccessFault
from contract.access.permission import Role
from contract.access.user import User
from ops_dashboard.access.record import on_record
from ops_dashboard.people.forms import go_on, read_form
from ops_dashboard.people.office import PeopleOffice, asking_person
from storage.people.credentials import CredentialKind, end_credentials, issue_link
from storage.people.second_factor import drop
from storage.people.users import add_user, change_user, find_user

ROLES = tuple(role.value for role in Role if role is not Role.SCREEN)


def add_users(router: APIRouter, office: PeopleOffice) -> None:
    @router.get("/users", include_in_schema=False)
    async def users(request: Request) -> Response:
        return await _shown(office, request)

    @router.post("/users", include_in_schema=False)
    async def add(request: Request) -> Response:
        fields = _noted(await read_form(request))
        try:
            role, area = _role_of(fields), parse_area(fields.get("area", ""))
            async with office.connection() as conn:
                name = await add_user(conn, fields.get("name", ""), role, area, office.fleet)
        except AccessError as error:
            return await _shown(office, request, 422, office.renderer.fault(request, error))
        return await _with_link(office, request, name)

    @router.post("/users/change", include_in_schema=False)
    async def change(request: Request) -> Response:
        fields = _noted(await read_form(request))
        try:
            user, role, area = (
                await _named(office, fields),
                _role_of(fields),
                parse_area(fields.get("area", "")),
            )
            async with office.connection() as conn:
                await change_user(
                    conn, user, office.fleet, asking_person().name,
                    role=role, area=area, disabled="disabled" in fields,
                )  # fmt: skip
        except AccessError as error:
            return await _shown(office, request, 422, office.renderer.fault(request, error))
        office.register.forget(user.name)
        return go_on("/users")

    _add_ways_in(router, office)


def _add_ways_in(router: APIRouter, office: PeopleOffice) -> None:
    """Add what administrators do about how a user comes in: a link, no code any more, the end of it all."""

    @router.post("/users/link", include_in_schema=False)
    async def link(request: Request) -> Response:
        try:
            user = await _named(office, _noted(await read_form(request)))
            return await _with_link(office, request, user.name)
        except AccessError as error:
            return await _shown(office, request, 422, office.renderer.fault(request, error))

    @router.post("/users/code", include_in_schema=False)
    async def drop_code(request: Request) -> Response:
        try:
            user = await _named(office, _noted(await read_form(request)))
        except AccessError as error:
            return await _shown(office, request, 422, office.renderer.fault(request, error))
        async with office.connection() as conn:
            await drop(conn, user.name)
            await end_credentials(conn, (CredentialKind.SESSION,), asking_person().name, name=user.name)
        office.register.forget(user.name)
        return go_on("/users")

    @router.post("/users/end", include_in_schema=False)
    async def end(request: Request) -> Response:
        fields = _noted(await read_form(request))
        async with office.connection() as conn:
            await end_credentials(
                conn, (CredentialKind.SESSION, CredentialKind.LINK), asking_person().name,
                name=fields.get("name", ""),
            )  # fmt: skip
        office.register.forget(fields.get("name", ""))
        return go_on("/users")


async def _shown(
    office: PeopleOffice,
    request: Request,
    status: int = 200,
    fault: str = "",
    link: str = "",
    link_name: str = "",
) -> Response:
    """Return the page of all users, with a fault in words or with a link that lets one in."""
    users = await office.reader.users()
    sessions = await office.reader.credentials(CredentialKind.SESSION)
    return office.renderer.page(
        request, "users", status, fault=fault, users=users, all_roles=ROLES, link=link,
        link_name=link_name, areas={user.name: write_area(user.area) for user in users},
        sessions=Counter(one.name for one in sessions),
    )  # fmt: skip


async def _with_link(office: PeopleOffice, request: Request, name: str) -> Response:
    """Return the page with a new link for one user."""
    async with office.connection() as conn:
        secret = await issue_link(conn, name, asking_person().name)
    return await _shown(office, request, link=f"{request.base_url}enter/{secret}", link_name=name)


async def _named(office: PeopleOffice, fields: dict[str, str]) -> User:
    async with office.connection() as conn:
        user = await find_user(conn, fields.get("name", ""))
    if user is None:
        raise AccessError(AccessFault.UNKNOWN_USER, "there is no such user")
    return user


def _noted(fields: dict[str, str]) -> dict[str, str]:
    """Put on record what is done to whom."""
    said = [f"{word}={fields[word]}" for word in ("role", "area", "disabled") if word in fields]
    on_record(subject=fields.get("name", ""), detail=" ".join(said))
    return fields


def _role_of(fields: dict[str, str]) -> Role:
    wanted = fields.get("role", "")
    if wanted not in ROLES:
        raise AccessError(AccessFault.NO_ROLE, f"{wanted!r} is no role of a person")
    return Role(wanted)
