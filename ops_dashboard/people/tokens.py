"""Tokens of programs, for administrators: issue one, shown once; end one."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from contract.access.area import parse_area
from contract.access.fault import AccessError, AccessFault
from contract.access.permission import TokenScope
from contract.access.user import MOST_TOKEN_DAYS
from ops_dashboard.access.record import on_record
from ops_dashboard.people.ending import end_chosen
from ops_dashboard.people.forms import go_on, read_form
from ops_dashboard.people.office import PeopleOffice, asking_person
from storage.people.credentials import CredentialKind, add_token

SCOPES = tuple(scope.value for scope in TokenScope)


def add_tokens(router: APIRouter, office: PeopleOffice) -> None:
    async def shown(
        request: Request, status: int = 200, fault: str = "", token: str = "", token_name: str = ""
    ) -> Response:
        tokens = await office.reader.credentials(CredentialKind.TOKEN)
        return office.renderer.page(
            request, "tokens", status, fault=fault, tokens=tokens, token=token, token_name=token_name,
            scopes=SCOPES, most_days=MOST_TOKEN_DAYS,
        )  # fmt: skip

    @router.get("/tokens", include_in_schema=False)
    async def tokens(request: Request) -> Response:
        return await shown(request)

    @router.post("/tokens", include_in_schema=False)
    async def issue(request: Request) -> Response:
        fields = await read_form(request)
        said = " ".join(f"{word}={fields.get(word, '')}" for word in ("scope", "area", "days"))
        on_record(subject=fields.get("name", ""), detail=said)
        try:
            scope, days, area = _scope_of(fields), _days_of(fields), parse_area(fields.get("area", ""))
            named, by = fields.get("name", ""), asking_person().name
            async with office.connection() as conn:
                known, token = await add_token(conn, named, scope, area, days, by, office.fleet)
        except AccessError as error:
            return await shown(request, 422, office.renderer.fault(request, error))
        return await shown(request, token=token, token_name=known)

    @router.post("/tokens/end", include_in_schema=False)
    async def end(request: Request) -> Response:
        await end_chosen(office, request, CredentialKind.TOKEN)
        return go_on("/tokens")


def _scope_of(fields: dict[str, str]) -> TokenScope:
    wanted = fields.get("scope", "")
    if wanted not in SCOPES:
        raise AccessError(AccessFault.NO_SCOPE, f"{wanted!r} is no scope of a token")
    return TokenScope(wanted)


def _days_of(fields: dict[str, str]) -> int:
    wanted = fields.get("days", "")
    days = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 4 else 0
    if not 1 <= days <= MOST_TOKEN_DAYS:
        raise AccessError(AccessFault.NO_DAYS, f"{wanted!r} is no number of days", most=MOST_TOKEN_DAYS)
    return days
