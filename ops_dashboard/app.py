"""The dashboard's ASGI application, and the server that runs it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import uvicorn
from fastapi import FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, Response

from bus.live import Live
from bus.log import Log
from config.files import load_plan, load_providers, load_targets, shipped_texts
from config.routing import follow_routing
from config.sign_in import FollowedSignIn
from config.tls import follow_tls
from config.ward_map import read_ward_map
from contract.access.address import is_loopback
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.errors import InfrastructureError
from contract.fleet import Fleet
from contract.rule import Rule
from contract.service.metrics import Meter
from contract.texts import Language, Texts
from ops_dashboard.access.connection import BoundedConnection, HeadedSocket, networks_of
from ops_dashboard.access.door import Door
from ops_dashboard.access.guard import Guard, security_headers
from ops_dashboard.access.permissions import guarded_routes
from ops_dashboard.api.alertmanager.reports import ALERTS_PATH
from ops_dashboard.api.answers import Refusal, install_refusals, refuse_with
from ops_dashboard.api.routes import add_api
from ops_dashboard.archive import Archive
from ops_dashboard.config import DashboardConfig
from ops_dashboard.file_record import FileWatch
from ops_dashboard.frame import FrameDash, make_frame
from ops_dashboard.language import choose_language, remember_language
from ops_dashboard.live.feed import make_feed
from ops_dashboard.live.hub import Hub
from ops_dashboard.live.socket import add_live
from ops_dashboard.pages.prerender import prerender
from ops_dashboard.pages.registry import PAGES, page_at
from ops_dashboard.pages.router import make_page
from ops_dashboard.past.moment import read_moment
from ops_dashboard.people.office import PeopleOffice
from ops_dashboard.people.passwords import PasswordKeeper
from ops_dashboard.people.render import Renderer
from ops_dashboard.people.routes import add_people
from ops_dashboard.saved_views.routes import add_saved_views
from ops_dashboard.services import Services
from ops_dashboard.tables import Tables
from ops_dashboard.told_figures import tell_figures
from ops_dashboard.view.past import PAST_METRICS, Past, past_of
from ops_dashboard.view.words import page_words

if TYPE_CHECKING:
    from ops_dashboard.people.city.provider import IdentityProvider

INBOUND_FRAME_BYTES: Final = 1024
"""Largest websocket message that is read at all; pages send nothing longer."""
PUSHING: Final = "dashboard-push"
"""Name of the task that tells the walls."""
KEEP_ALIVE_S: Final = 20.0
"""Seconds between websocket pings, so that proxies keep the line and dead browsers are noticed."""


def create_app(
    config: DashboardConfig,
    log: Log,
    live: Live,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: Sequence[Rule],
    texts: Texts | None = None,
    meter: Meter | None = None,
    tables: Tables | None = None,
) -> FastAPI:
    """Return the application; its lifespan runs the hub and holds the connections of the tables.

    Args:
        config: settings.
        log: takes operators' actions.
        live: brings summaries and alert changes.
        fleet: all schools.
        catalogue: all metrics.
        calendar: gives the local time zone.
        rules: titles and advice.
        texts: all sentences; the shipped catalogue if None.
        meter: counts viewers and pushes.
        tables: what is stored; those of the settings' database if None.
    """
    tables = tables or Tables(config.dsn)
    texts = texts or shipped_texts()
    services = _services(config, log, fleet, catalogue, calendar, rules, texts, tables, meter)
    app = FastAPI(
        title="eduops dashboard",
        docs_url=None,  # the default page loads from a CDN
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(live, tables, services, meter),
    )
    app.state.ended = asyncio.Queue()  # what runs beside the server and ended, asked to or not
    add_api(app.router, services)
    add_live(app.router, services.hub, fleet, tables.register)
    renderer = Renderer(texts, calendar, config.build_id)
    add_saved_views(app.router, tables.views)
    add_people(app.router, _people_office(config, tables, fleet, renderer))
    frame = _attach_pages(app, services)
    _add_guards(app, services, tables, frame, renderer)
    app.state.headers = security_headers(
        frame.csp_hashes(), by_tls_alone=config.tls is not None and not is_loopback(config.host)
    )  # for the server: it answers more than the app
    return app


def _services(
    config: DashboardConfig,
    log: Log,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: Sequence[Rule],
    texts: Texts,
    tables: Tables,
    meter: Meter | None,
) -> Services:
    """Return what the routes need, with the hub that feeds the walls."""
    targets, archive = load_targets(config.own_config), tables.archive
    hub = Hub(
        partial(make_feed, config, fleet, catalogue, calendar, targets),
        config.clock,
        archive.open_work,
        _past_reader(archive, catalogue, config.coverage_min),
        heal_s=config.heal_s,
        client_queue=config.client_queue,
        meter=meter,
    )
    own = config.own_config
    return Services(
        config, log, hub, hub.board, archive, tables.days, fleet, catalogue, calendar, rules, texts,
        follow_routing(own), targets, load_plan(own), load_providers(own), read_ward_map(own),
    )  # fmt: skip


def _people_office(config: DashboardConfig, tables: Tables, fleet: Fleet, renderer: Renderer) -> PeopleOffice:
    return PeopleOffice(
        tables.pool, tables.register, tables.screens, tables.people, fleet, renderer, PasswordKeeper(),
        config.secure_cookies, config.public_url,
        _provider(config), FollowedSignIn(config.own_config),
    )  # fmt: skip


def _provider(config: DashboardConfig) -> "IdentityProvider | None":
    """Return the client of the city's sign-in; its libraries are a tenth of a start, and for it alone."""
    if config.oidc is None:
        return None
    from ops_dashboard.people.city.provider import IdentityProvider

    return IdentityProvider(config.oidc)


def _past_reader(
    archive: Archive, catalogue: Catalogue, coverage_min: float
) -> Callable[[int], Awaitable[Past]]:
    metric_ids = {m.name: m.id for m in catalogue.metrics if m.name in PAST_METRICS}

    async def read(at_us: int) -> Past:
        return past_of(await archive.past(metric_ids, at_us), coverage_min)

    return read


def _lifespan(
    live: Live, tables: Tables, services: Services, meter: Meter | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        await tables.open()
        pushing = asyncio.create_task(services.hub.run(live, stop), name=PUSHING)
        watching = asyncio.create_task(tables.register.run(), name="dashboard-register")
        for task in (pushing, watching):
            task.add_done_callback(app.state.ended.put_nowait)
        beside = [watching]
        own, noted = services.config.own_config, services.config.files_noted
        if own is not None and noted is not None:
            files = FileWatch(tables.pool, own, noted, services.fleet)
            beside.append(asyncio.create_task(files.run(), name="dashboard-files"))
        if meter is not None:
            beside.append(asyncio.create_task(tell_figures(services, meter), name="dashboard-figures"))
        try:
            yield
        finally:
            stop.set()
            for task in beside:
                task.cancel()
            await asyncio.gather(pushing, *beside, return_exceptions=True)
            await tables.close()

    return lifespan


def _attach_pages(app: FastAPI, services: Services) -> FrameDash:
    """Register the documents before Dash's own routes."""
    words = {
        language: page_words(
            services.texts,
            language,
            services.rules,
            services.catalogue,
            services.targets,
            build=services.config.build_id,
            topology=services.fleet.version,
            zone=services.calendar.timezone.key,
        )
        for language in Language
    }

    async def page(path: str, search: str, language: Language) -> object:
        return await make_page(services, path, search, language)

    async def document(request: Request) -> Response:
        language = choose_language(request.query_params, request.cookies)
        prerendered = ""
        if page_at(request.url.path)[0].prerendered:
            prerendered = prerender(await page(request.url.path, request.url.query, language))
        content = frame.document(request, language, prerendered)
        status = _status_of(services, request.query_params.get("at", ""))
        answer = HTMLResponse(content, status, {"Cache-Control": "no-cache"})
        remember_language(request, answer)
        return answer

    for row in PAGES:
        app.add_api_route(row.route, document, methods=["GET"], include_in_schema=False)

    frame = make_frame(app, words, page)
    return frame


def _status_of(services: Services, at: str) -> int:
    """Return the status of a document: one of a minute that there cannot be says so; its page says why."""
    try:
        read_moment(at, services.calendar.timezone, services.now_us())
    except Refusal as refusal:
        return refusal.status
    return 200


def _add_guards(
    app: FastAPI, services: Services, tables: Tables, frame: FrameDash, renderer: Renderer
) -> None:
    """Put what every request passes in front of the routes that there are; the last added comes first."""
    app.add_middleware(
        Door,
        routes=guarded_routes(app.routes),
        register=tables.register,
        recorder=tables.recorder,
        texts=services.texts,
        refused_page=renderer.refused,
        secure=services.config.secure_cookies,
    )
    install_refusals(app, services.texts, frame.document, renderer.refused)
    # The ASGI backend does not compress. Level 5 needs half the time of 9 and sends a fiftieth more.
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=5)
    app.add_middleware(
        Guard,
        allowed_hosts=(services.config.host, *services.config.allowed_hosts),
        strange_host=refuse_with(services.texts, 421, "strange_host"),
        foreign_origin=refuse_with(services.texts, 403, "foreign_origin"),
        too_large=refuse_with(services.texts, 413, "too_large"),
        larger={ALERTS_PATH: services.config.alerts_body_bytes},
    )


async def run(
    config: DashboardConfig,
    log: Log,
    live: Live,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: Sequence[Rule],
    stop: asyncio.Event,
    meter: Meter | None = None,
    mark_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve the dashboard until `stop` is set; `mark_ready` is called when the address is ours.

    Raises:
        InfrastructureError: the address cannot be listened on.
    """
    app = create_app(config, log, live, fleet, catalogue, calendar, rules, meter=meter)
    await serve(app, config, stop, mark_ready)


async def serve(
    app: FastAPI, config: DashboardConfig, stop: asyncio.Event, mark_ready: Callable[[], None] = lambda: None
) -> None:
    """Serve an application of `create_app` until `stop` is set.

    Raises:
        InfrastructureError: the address cannot be listened on; or what runs beside the server ended, and
            it would go on serving a wall that nobody renews.
    """
    with _listen(config) as listener:
        mark_ready()
        context = None if config.tls is None else config.tls.context()
        server = _Server(_server_config(app, config, context))
        following = asyncio.create_task(_follow_certificate(config, context))
        serving = asyncio.create_task(server.serve([listener]))
        stopping = asyncio.create_task(stop.wait())
        ending = asyncio.create_task(app.state.ended.get())
        await asyncio.wait([serving, stopping, ending], return_when=asyncio.FIRST_COMPLETED)
        lost = _loss(ending.result()) if ending.done() and not stop.is_set() else None
        stopping.cancel()
        ending.cancel()
        following.cancel()
        server.should_exit = True
        await serving
        if lost is not None:
            raise lost


def _loss(task: "asyncio.Task[None]") -> InfrastructureError:
    """Return what to say of a task that ended although nobody asked it to."""
    cause = None if task.cancelled() else task.exception()
    lost = InfrastructureError(f"{task.get_name()} ended, and the dashboard with it: {cause!r}")
    lost.__cause__ = cause
    return lost


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: `stop` is the one way to end it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever runs the services."""
        yield


async def _follow_certificate(config: DashboardConfig, context: ssl.SSLContext | None) -> None:
    if config.tls is not None and context is not None:
        await follow_tls(config.tls, partial(config.tls.load, context), config.tls_look_s)


def _server_config(app: FastAPI, config: DashboardConfig, context: ssl.SSLContext | None) -> uvicorn.Config:
    bounds = partial(
        BoundedConnection,
        request_s=config.request_s,
        connections_max=config.connections_max,
        trusted=networks_of(config.forwarded_allow_ips),
    )
    return uvicorn.Config(
        app,
        http=bounds,  # type: ignore[arg-type]  # called as the class is
        headers=list(app.state.headers.items()),
        log_config=None,
        access_log=False,
        lifespan="on",
        ws=HeadedSocket,
        ws_max_size=INBOUND_FRAME_BYTES,
        ws_ping_interval=KEEP_ALIVE_S,
        ws_ping_timeout=KEEP_ALIVE_S,
        # A message of 5 kB a second is not worth a compressor for each wall.
        ws_per_message_deflate=False,
        server_header=False,
        forwarded_allow_ips=config.forwarded_allow_ips,
        ssl_context_factory=None if context is None else lambda *_: context,
        timeout_graceful_shutdown=3,
    )


def _listen(config: DashboardConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        listener = socket.create_server((config.host, config.port), family=family, backlog=2048)
        # Connections inherit it. asyncio sets it for its own listeners alone, and an answer in two packets
        # would wait 40 ms for the asker's delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise InfrastructureError(
            f"the dashboard cannot listen on {config.host}:{config.port}: {error}; is the port in use?"
        ) from error
