"""Walls: a code on the wall, a name and an area by an administrator; and the end of a wall."""

import segno
from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from contract.access.area import check_area, parse_area
from contract.access.fault import AccessError
from ops_dashboard.access.door import SESSION_COOKIE, cookie_name
from ops_dashboard.access.record import on_record
from ops_dashboard.api.answers import Refusal
from ops_dashboard.people.ending import end_chosen
from ops_dashboard.people.forms import PAIRING_COOKIE, go_on, read_form, set_pairing, set_session
from ops_dashboard.people.office import PeopleOffice, asking_person
from storage.people.credentials import CredentialKind
from storage.people.pairing import Pairing, approve_pairing


def add_screens(router: APIRouter, office: PeopleOffice) -> None:
    @router.get("/pair", include_in_schema=False)
    async def pair(request: Request) -> Response:
        """Show a wall's code until somebody lets it in; the page asks again by itself."""
        address = "" if request.client is None else request.client.host
        secret = request.cookies.get(cookie_name(PAIRING_COOKIE, secure=office.secure), "")
        session = request.cookies.get(cookie_name(SESSION_COOKIE, secure=office.secure), "")
        found = await office.screens.look(secret, session, address)
        if found is None:
            raise Refusal(503, "too_many_screens")
        if found.pairing is None:
            answer: Response = go_on("/")
            set_session(answer, found.secret, secure=office.secure)
            return answer
        answer = _code_page(office, request, found.pairing, is_ended=found.was_ended)
        set_pairing(answer, found.secret, secure=office.secure)
        return answer

    @router.get("/screens", include_in_schema=False)
    async def screens(request: Request, code: str = "") -> Response:
        return await _screens_page(office, request, code=code[:20])

    @router.post("/screens", include_in_schema=False)
    async def admit(request: Request) -> Response:
        fields = await read_form(request)
        on_record(subject=fields.get("name", ""), detail=f"area={fields.get('area', '')}")
        try:
            area = parse_area(fields.get("area", ""))
            check_area(area, office.fleet)
            async with office.connection() as conn:
                named, by = fields.get("name", ""), asking_person().name
                coming = await approve_pairing(conn, fields.get("code", ""), named, area, by)
        except AccessError as error:
            fault = office.renderer.fault(request, error)
            return await _screens_page(office, request, 422, fault, fields.get("code", "")[:20])
        return await _screens_page(office, request, coming=coming)

    @router.post("/screens/end", include_in_schema=False)
    async def end(request: Request) -> Response:
        await end_chosen(office, request, CredentialKind.SCREEN)
        return go_on("/screens")


def _code_page(office: PeopleOffice, request: Request, pairing: Pairing, *, is_ended: bool) -> Response:
    where = f"{request.base_url}screens?code={pairing.code}"
    square = segno.make(where, error="m").svg_inline(scale=8, dark="#14171B", light="#E8EDF2", border=3)
    return office.renderer.page(
        request, "pair", code=pairing.shown, square=Markup(square), is_ended=is_ended,
        where=f"{request.base_url}screens",
    )  # fmt: skip


async def _screens_page(
    office: PeopleOffice,
    request: Request,
    status: int = 200,
    fault: str = "",
    code: str = "",
    coming: str = "",
) -> Response:
    screens = await office.reader.credentials(CredentialKind.SCREEN)
    return office.renderer.page(
        request, "screens", status, fault=fault, screens=screens, code=code, coming=coming
    )
