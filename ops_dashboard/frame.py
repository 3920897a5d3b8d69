"""The Dash application around the pages: one document, one async router, nothing from elsewhere."""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from html import escape
from typing import Annotated, Any, Final, Literal, NamedTuple

from dash import Dash, Input, Output, State, html
from dash.backends._fastapi import (
    FastAPIDashServer,
    get_current_request,
    reset_current_request,
    set_current_request,
)
from dash.exceptions import DependencyException
from fastapi import FastAPI, HTTPException, Request, Response
from msgspec import Meta, Struct, ValidationError, convert

from contract.texts import Language
from ops_dashboard.address import Address
from ops_dashboard.language import choose_language
from ops_dashboard.modules import preloads
from ops_dashboard.pages.registry import LIBRARIES, Page, page_at
from ops_dashboard.view.words import PageWords, page_words_json

PageMaker = Callable[[str, str, Language], Awaitable[Any]]
"""Returns a page's components for a path, a query string and a language."""


class _DocumentPart(NamedTuple):
    """What a document takes beside what Dash fills in."""

    language: Language
    prerendered: str


_document_part: ContextVar[_DocumentPart] = ContextVar("_document_part")

_SHEETS: Final = "\n".join(
    f'<link rel="stylesheet" href="/assets/{name}.css">'
    for name in ("base", "wall", "desk", "incident", "leadership", "lookup", "school")
)
_POLYFILL: Final = "/deps/polyfill@"
"""For browsers of before 2018, which cannot read our own modules; Dash's heavy libraries use it, 35 kB."""
_DOCUMENT: Final = """<!DOCTYPE html>
<html lang="{language}" data-build="{build}" data-script="{script}">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<meta name="theme-color" content="#14171B">
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="/assets/icon.svg">
{css}
{sheets}
</head>
<body>
<div id="prerendered">{prerendered}</div>
{app_entry}
<footer class="foot">eduops {build}</footer>
<footer hidden>
<script id="eduops-words" type="application/json">{words}</script>
{config}
{scripts}
<script src="/assets/js/address.js"></script>
{renderer}
<script type="module" src="/assets/js/main.js"></script>
{preloads}
</footer>
</body>
</html>
"""


class _Prop(Struct):
    """A property of the address, as Dash's script sends it."""

    id: Literal["address"]
    property: Literal["pathname", "search"]
    value: str | None = None


class _PageCall(Struct):
    """The one callback there is, as Dash's script calls it."""

    output: Literal["page.children"]
    inputs: Annotated[list[_Prop], Meta(min_length=1, max_length=1)]
    state: Annotated[list[_Prop], Meta(min_length=1, max_length=1)]
    outputs: dict[Literal["id", "property"], str]
    changedPropIds: list[str] = []  # noqa: N815  # Dash's name


def is_page_call(body: object) -> bool:
    """Return whether a request's JSON asks for a page as Dash's script does."""
    try:
        call = convert(body, _PageCall)
        (path,), (search,) = call.inputs, call.state
        f"{path.value}{search.value}".encode()  # half a character cannot be answered
    except (ValidationError, UnicodeEncodeError):
        return False
    return (path.property, search.property) == ("pathname", "search") and path.value is not None


class QuietBackend(FastAPIDashServer):
    """Dash on FastAPI without its own websocket and without its catch-all, which answers 200 to anything.

    Private names of Dash, whose version is therefore pinned exactly: docs/decisions/0019.
    """

    websocket_capability = False

    def _setup_catchall(self) -> None:
        """Unknown addresses are for the application's own 404."""

    def serve_component_suites(self, dash_app: Dash, *asked: Any) -> Response:
        """Return a script of Dash's; called by Dash, which calls what it does not have a failure."""
        try:
            found: Response = super().serve_component_suites(dash_app, *asked)
        except (DependencyException, OSError, ValueError):
            raise HTTPException(404) from None
        return found

    def serve_callback(self, dash_app: Dash) -> Callable[[Request], Awaitable[Response]]:
        """Return the route of callbacks, which takes only what a page sends; called by Dash."""
        dispatch = super().serve_callback(dash_app)

        async def checked(request: Request) -> Response:
            if not is_page_call(get_current_request().state.json_body):
                raise HTTPException(422, "a page is asked for otherwise")
            answer: Response = await dispatch(request)
            return answer

        return checked


class FrameDash(Dash):
    """A Dash whose document speaks the reader's language and carries the words of the page's script."""

    def __init__(self, words: Mapping[Language, PageWords]) -> None:
        super().__init__(
            "ops_dashboard",
            server=False,
            backend=QuietBackend,
            serve_locally=True,
            assets_folder="assets",
            include_assets_files=False,  # the document names them: Dash would do so from its second page on
            title=words[Language.VI].texts["app.name"],
            update_title="",
            suppress_callback_exceptions=True,
        )
        self._words = {language: page_words_json(found) for language, found in words.items()}
        self._build = words[Language.VI].build
        self._names = {language: found.texts["app.name"] for language, found in words.items()}
        self._says = {language: found.texts.__getitem__ for language, found in words.items()}

    def document(self, request: Request, language: Language, prerendered: str = "") -> str:
        """Return the document of every page in a language, for a request.

        Args:
            request: Names the page.
            language: Of its words.
            prerendered: HTML to be read until the page is there.
        """
        token = _document_part.set(_DocumentPart(language, prerendered))
        held = set_current_request(request)  # type: ignore[no-untyped-call]
        try:
            return str(self.index())  # type: ignore[no-untyped-call]
        finally:
            reset_current_request(held)  # type: ignore[no-untyped-call]
            _document_part.reset(token)

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]
        """Fill the document; called by Dash."""
        # Dash fills it in once at its start too.
        language, prerendered = _document_part.get(_DocumentPart(Language.VI, ""))
        page = page_at(get_current_request().url.path)[0]
        return _DOCUMENT.format(
            language=language.value,
            build=escape(self._build),
            sheets=_SHEETS,
            title=escape(self._title(get_current_request().url.path, language)),
            words=self._words[language],
            prerendered=prerendered,
            script=page.script,
            scripts=_scripts_of(page, parts["scripts"]),
            preloads=preloads(page.script),
            **{name: parts[name] for name in ("css", "app_entry", "config", "renderer")},
        )

    def _title(self, path: str, language: Language) -> str:
        """Return the page's name and the program's; the script puts what is urgent before it."""
        page, place = page_at(path)
        name = self._says[language](page.title or page.link)
        return " · ".join(filter(None, (name, place if page.title_has_place else "", self._names[language])))


def _scripts_of(page: Page, scripts: str) -> str:
    """Return the scripts of a document without what its page does not use."""
    unused = [f"/{library}/" for library in LIBRARIES if library not in page.libraries]
    if not page.libraries:
        unused.append(_POLYFILL)
    return "\n".join(line for line in scripts.split("\n") if not any(name in line for name in unused))


def request_language(search: str | None) -> Language:
    """Return the language of the Dash request in hand; `search` is the page's own query string."""
    query = dict(part.partition("=")[::2] for part in (search or "").lstrip("?").split("&"))
    return choose_language(query, get_current_request().cookies)


def make_frame(app: FastAPI, words: Mapping[Language, PageWords], make_page: PageMaker) -> FrameDash:
    """Attach Dash to `app`: its routes, and the one callback that turns a path into a page."""
    dash = FrameDash(words)
    dash.layout = html.Div([Address("address"), html.Div(id="page", className="page-root")])

    @dash.callback(Output("page", "children"), Input("address", "pathname"), State("address", "search"))
    async def show_page(path: str, search: str | None) -> Any:
        return await make_page(path, search or "", request_language(search))

    dash.init_app(app)
    return dash
