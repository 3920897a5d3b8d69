"""From an address to a page: reads what the page needs, then calls its pure function."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, quote

from dash import html

from alerting.incidents.response import GroupBy
from alerting.routing.swaps import with_swaps
from contract.access.decision import may
from contract.access.permission import Permission
from contract.errors import InfrastructureError
from contract.figures.definitions import FigureName
from contract.figures.plan import PLAN
from contract.figures.spans import SpanKind
from contract.figures.sums import GroupKind
from contract.privacy import shown_refusal
from contract.rejected import Reason
from contract.routing.contact import WEEK_US
from contract.texts import Language
from ops_dashboard.access.asking import asking
from ops_dashboard.access.own import denials, own
from ops_dashboard.api.answers import Refusal
from ops_dashboard.api.desk.school_charts import read_school_charts
from ops_dashboard.api.leadership import BriefWanted, leadership_brief, parse_day, wording_of
from ops_dashboard.api.response import response_report
from ops_dashboard.charts.marks import PAGE
from ops_dashboard.charts.school_charts import chosen_range
from ops_dashboard.pages.alerts import alerts_page
from ops_dashboard.pages.inbox import inbox_page
from ops_dashboard.pages.incident import incident_page
from ops_dashboard.pages.incidents import incidents_page
from ops_dashboard.pages.leadership import leadership_page
from ops_dashboard.pages.oncall import oncall_page
from ops_dashboard.pages.parts.desk import desk_page
from ops_dashboard.pages.past_bar import now_bar, past_bar
from ops_dashboard.pages.quarantine import PAGE_ROWS, quarantine_page
from ops_dashboard.pages.registry import NOWHERE, Page, Rewind, page_at
from ops_dashboard.pages.response import DAYS, response_page
from ops_dashboard.pages.school import school_page
from ops_dashboard.pages.sheet import sheet_page
from ops_dashboard.pages.silences import silences_page
from ops_dashboard.pages.wall import wall_page
from ops_dashboard.pages.wall_address import read_address
from ops_dashboard.past.seen import seen
from ops_dashboard.services import Services
from ops_dashboard.special_days.page import calendar_page
from ops_dashboard.view.leadership.maker import COMPARED
from ops_dashboard.view.leadership.wording import worded
from ops_dashboard.view.oncall import people_of, rota_weeks, rotas_of, told_swaps

Maker = Callable[[Services, str, dict[str, str], Language], Awaitable[Any]]
"""Returns a page's components from what stands in its address' place and its query."""
INCIDENT_DEEDS: Final = (Permission.HANDLE_INCIDENTS, Permission.SILENCE)
"""What can be done on the pages of incidents."""


async def make_page(services: Services, path: str, search: str, language: Language) -> Any:
    """Return the components of the page at `path`; `search` is its query string."""
    query = {name: values[0] for name, values in parse_qs(search.lstrip("?")).items()}
    try:
        page, place = page_at(path)
        bearer = asking()
        denied = may(None if bearer is None else bearer.principal, page.permission)
        if denied is not None:
            return _notice(services, language, f"error.{denied.value}")
        if page.rewind is Rewind.NONE:
            made = await MAKERS[page.name](own(services), place, query, language)
            is_of_now = "at" not in query or page is NOWHERE
            return made if is_of_now else _below(made, now_bar(services.texts, language, query))
        mine = await seen(services, query.get("at", ""))
        made = await MAKERS[page.name](mine, place, query, language)
        return made if mine.at_us is None else _framed(made, mine, mine.at_us, page, query, language)
    except Refusal as refusal:
        return _notice(services, language, f"error.{refusal.code}", **refusal.values)
    except InfrastructureError:
        return _notice(services, language, "error.database_unavailable")


def _framed(
    made: Any, services: Services, at_us: int, page: Page, query: dict[str, str], language: Language
) -> Any:
    """Return a page that says above all else that it shows an earlier minute."""
    zone = services.calendar.timezone
    return _below(made, past_bar(services.texts, language, page, at_us, query, zone))


def _below(made: Any, bar: Any) -> Any:
    """Return a page with a bar below its header."""
    header, *rest = made.children
    made.children = [header, bar, *rest]
    return made


async def _nowhere(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    return _notice(services, language, "error.not_found")


async def _wall(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    address = read_address(query, services.fleet, services.texts, language)
    return wall_page(services.texts, language, address)


async def _alerts(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    return alerts_page(services.texts, language, services.fleet, services.rules)


async def _incidents(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    return incidents_page(services.texts, language, services.fleet, denials(*INCIDENT_DEEDS))


async def _incident(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    people = people_of(services.routing.current())
    return incident_page(services.texts, language, people, denials(*INCIDENT_DEEDS))


async def _response(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    by, days = query.get("by", ""), query.get("days", "")
    chosen = GroupBy(by) if by in set(GroupBy) else GroupBy.ALL
    report = await response_report(
        services, chosen, int(days) if days in map(str, DAYS) else DAYS[1], language
    )
    return response_page(services.texts, language, report)


async def _leadership(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    span = SpanKind(query["span"]) if query.get("span") in set(SpanKind) else SpanKind.DAY
    by = GroupKind(query["by"]) if query.get("by") in set(GroupKind) else GroupKind.CLUSTER
    within = query.get("in", "")
    within = within if within in services.fleet.cluster_by_code else ""
    day = parse_day(query.get("day", ""))
    figure = FigureName(query["figure"]) if query.get("figure") in set(COMPARED) else FigureName.LOST_EACH
    benchmark = query.get("benchmark", PLAN)
    benchmark = benchmark if services.plan.knows(benchmark) else PLAN
    wanted = BriefWanted(span, by, within, day, figure, benchmark)
    brief = await leadership_brief(services, wanted)
    words = worded(brief, wording_of(services, language), PAGE)
    asked = {
        "span": span.value,
        "by": brief.comparison.kind,
        "in": within,
        "day": day.isoformat() if day else "",
        "figure": "" if figure is FigureName.LOST_EACH else figure.value,
        "benchmark": "" if benchmark == PLAN else benchmark,
    }
    kept = {name: value for name, value in asked.items() if value}
    return leadership_page(services.texts, language, brief, words, kept)


async def _silences(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    return silences_page(services.texts, language, services.fleet, services.rules)


async def _calendar(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    return calendar_page(services.texts, language, may_decide=not denials(Permission.DECIDE_DAYS))


async def _oncall(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    now_us, zone = services.now_us(), services.calendar.timezone
    file, swaps = services.routing.current(), await services.archive.swaps(now_us - WEEK_US)
    return oncall_page(
        services.texts,
        language,
        [rota_weeks(rota, now_us, zone) for rota in rotas_of(with_swaps(file, swaps))],
        zone,
        told_swaps(swaps, file, now_us),
        [] if denials(Permission.SWAP_DUTY) else people_of(file),
    )


async def _inbox(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    return inbox_page(services.texts, language)


async def _quarantine(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    before = query.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    reason = Reason(query["reason"]) if query.get("reason") in set(Reason) else None
    rows, counts = await services.archive.quarantine(PAGE_ROWS, before_id, reason)
    told = [row._replace(rejected=shown_refusal(row.rejected, services.catalogue)) for row in rows]
    by_broker = await asyncio.to_thread(services.config.broker_refused)
    zone = services.calendar.timezone
    return quarantine_page(services.texts, language, told, counts, reason, services.fleet, zone, by_broker)


async def _school(services: Services, code: str, query: dict[str, str], language: Language) -> Any:
    school = services.fleet.school_ever(code)
    if school is None:
        return _notice(services, language, "school.unknown", code=code)
    charts = await read_school_charts(services, school, chosen_range(query.get("range", "")), language)
    zone = services.calendar.timezone
    return school_page(services.texts, language, school, charts, services.rules, zone)


def _sheet_maker(name: str, *, has_place: bool) -> Maker:
    """Return the maker of a page whose script asks for a sheet."""

    async def make(services: Services, place: str, query: dict[str, str], language: Language) -> Any:
        address = f"{name}/{quote(place, safe='')}" if has_place else name
        return sheet_page(services.texts, language, name, f"/api/sheets/{address}")

    return make


MAKERS: Final[Mapping[str, Maker]] = {
    "wall": _wall,
    "alerts": _alerts,
    "incidents": _incidents,
    "incident": _incident,
    "school": _school,
    "response": _response,
    "leadership": _leadership,
    "silences": _silences,
    "oncall": _oncall,
    "calendar": _calendar,
    "inbox": _inbox,
    "quarantine": _quarantine,
    **{name: _sheet_maker(name, has_place=True) for name in ("provider", "area", "system")},
    **{name: _sheet_maker(name, has_place=False) for name in ("systems", "quality")},
    "nowhere": _nowhere,
}
"""By the name of the page in `ops_dashboard.pages.registry`."""


def _notice(services: Services, language: Language, key: str, **values: object) -> html.Div:
    """Return a page that says in a sentence why there is nothing else; only the plain script is for it."""
    sentence = services.texts.say(key, language, **values)
    panel = html.Section(html.P(sentence), className="panel")
    return desk_page(services.texts, language, "", NOWHERE.name, panel)
