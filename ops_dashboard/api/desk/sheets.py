"""Sheets over HTTP: the page's JSON, and each of its tables as a CSV file of the same rows."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from contract.fleet import DeviceKind
from contract.naming.plain import plain_name
from contract.routing.provider_card import ProviderCard
from contract.texts import Language
from ops_dashboard.api.answers import Refusal, as_file, json_answer
from ops_dashboard.api.desk.city_sheets import make_quality_sheet, make_system_sheet, make_systems_sheet
from ops_dashboard.api.desk.place_sheets import make_place_sheet
from ops_dashboard.api.desk.school_sheets import make_school_sheet
from ops_dashboard.language import choose_language
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import seen
from ops_dashboard.services import Services
from ops_dashboard.view.desk.places import area_place, provider_place
from ops_dashboard.view.desk.sheet import Scribe, Sheet, SheetChoice, chosen, sheet_csv
from ops_dashboard.view.leadership.tables import TableForm

CSV_TYPE: Final = "text/csv; charset=utf-8"
Words = Annotated[str, Query(max_length=100)]
SheetMaker = Callable[[Services, str, Scribe], Awaitable[Sheet | None]]
"""Makes a sheet for whoever asks, of what stands in its address; None where there is no such thing."""


async def _provider(services: Services, name: str, scribe: Scribe) -> Sheet | None:
    place = provider_place(name, services.fleet)
    if place is None:
        return None
    sheet = await make_place_sheet(services, place, services.now_us(), scribe)
    card = services.providers.get(plain_name(name), ProviderCard(name))
    told = [text for text in (sheet.about, card.contact, card.phone, card.contract) if text]
    return msgspec.structs.replace(sheet, about=" · ".join(told))


async def _area(services: Services, code: str, scribe: Scribe) -> Sheet | None:
    place = area_place(code, services.fleet)
    return None if place is None else await make_place_sheet(services, place, services.now_us(), scribe)


async def _system(services: Services, name: str, scribe: Scribe) -> Sheet | None:
    if name not in set(DeviceKind):
        return None
    return await make_system_sheet(services, DeviceKind(name), services.now_us(), scribe)


async def _systems(services: Services, _: str, scribe: Scribe) -> Sheet | None:
    return await make_systems_sheet(services, services.now_us(), scribe)


async def _school(services: Services, code: str, scribe: Scribe) -> Sheet | None:
    school = services.fleet.school_ever(code)
    return None if school is None else await make_school_sheet(services, school, scribe)


async def _quality(services: Services, _: str, scribe: Scribe) -> Sheet | None:
    if services.at_us is not None:
        raise Refusal(422, "no_past")
    return await make_quality_sheet(services, services.now_us(), scribe)


SHEETS: Final[dict[str, SheetMaker]] = {
    "provider/{name}": _provider,
    "area/{name}": _area,
    "system/{name}": _system,
    "school/{name}": _school,
    "systems": _systems,
    "quality": _quality,
}
"""By the address below `/api/sheets/`."""


def add_sheets(router: APIRouter, services: Services) -> None:
    for path, make in SHEETS.items():
        _add_sheet(router, services, path, make)


def _add_sheet(router: APIRouter, services: Services, path: str, make: SheetMaker) -> None:
    async def made(language: Language, name: str, choice: SheetChoice, at: str) -> Sheet:
        sheet = await make(await seen(services, at), name, Scribe(services.texts, language))
        if sheet is None:
            raise Refusal(404, "not_found")
        return chosen(sheet, choice)

    async def page(
        request: Request,
        name: str = "",
        q: Words = "",
        state: Words = "",
        sort: Words = "",
        rows: Words = "",
        at: At = "",
    ) -> Response:
        """Return all tables; of the main one the rows asked for, at most fifty without `rows=all`."""
        language = choose_language(request.query_params, request.cookies)
        return json_answer(await made(language, name, SheetChoice(q, state, sort, rows == "all"), at))

    async def table(
        request: Request,
        table: str,
        name: str = "",
        q: Words = "",
        state: Words = "",
        sort: Words = "",
        form: TableForm = TableForm.PLAIN,
        at: At = "",
    ) -> Response:
        """Return one of the tables with all rows that are asked for."""
        language = choose_language(request.query_params, request.cookies)
        sheet = await made(language, name, SheetChoice(q, state, sort, everything=True), at)
        found = next((one for one in sheet.tables if one.name == table), None)
        if found is None:
            raise Refusal(404, "not_found")
        headers = as_file(f"eduops-{path.partition('/')[0]}-{found.name}.csv")
        return Response(sheet_csv(found, form).encode(), headers=headers, media_type=CSV_TYPE)

    router.add_api_route(f"/api/sheets/{path}", page, methods=["GET"], name=f"sheet {path}")
    router.add_api_route(f"/api/sheets/{path}/{{table}}.csv", table, methods=["GET"], name=f"table {path}")
