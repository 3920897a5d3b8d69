"""Pages of plain HTML: a template, the texts of a language, and who asks."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from contract.access.decision import may
from contract.access.fault import AccessError
from contract.access.permission import Permission
from contract.calendar import SchoolCalendar
from contract.texts import Language, Texts, write_clock, write_date
from ops_dashboard.access.asking import asking
from ops_dashboard.api.answers import NOT_KEPT, Refusal
from ops_dashboard.language import choose_language, remember_language

_LINKS: Final = (
    ("people.to_wall", "/", Permission.SEE_WALL),
    ("people.account", "/account", Permission.OWN_SESSIONS),
    ("people.users", "/users", Permission.MANAGE_USERS),
    ("people.screens", "/screens", Permission.MANAGE_SCREENS),
    ("people.tokens", "/tokens", Permission.MANAGE_TOKENS),
    ("people.audit", "/audit", Permission.SEE_AUDIT),
)


class Renderer:
    """Fills the templates; everything that comes from elsewhere is escaped."""

    def __init__(self, texts: Texts, calendar: SchoolCalendar, build: str) -> None:
        self.texts = texts
        self._zone = calendar.timezone
        self._build = build
        self._templates = Environment(
            loader=PackageLoader("ops_dashboard.people"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip

    def page(
        self,
        request: Request,
        template: str,
        status: int = 200,
        *,
        fault: str = "",
        headers: Mapping[str, str] | None = None,
        anew: str = "",
        **values: Any,
    ) -> HTMLResponse:
        """Return a page.

        Args:
            request: that it answers.
            template: its name.
            status: of HTTP.
            fault: a sentence that stands on top.
            headers: beside the usual.
            anew: where the page can be asked for in another language, if not at its own address.
            values: for the template.
        """
        language = self.language(request)
        other = Language.EN if language is Language.VI else Language.VI
        bearer = asking()
        who = None if bearer is None else bearer.principal

        def say(key: str, **places: object) -> str:
            return self.texts.say(key, language, **places)

        def moment(at_us: int | None) -> str:
            if at_us is None:
                return "–"
            clock = write_clock(at_us, language, self._zone)[:5]
            return f"{write_date(at_us, language, self._zone)} {clock}"

        text = self._templates.get_template(f"{template}.html").render(
            say=say, moment=moment, language=language.value, other=other.value, build=self._build,
            who=who, here=request.url.path, fault=fault,
            in_other=f"{anew}?{urlencode({**({} if anew else request.query_params), 'lang': other.value})}",
            links=[(key, to) for key, to, what in _LINKS if who is not None and may(who, what) is None],
            **values,
        )  # fmt: skip
        answer = HTMLResponse(text, status, {**NOT_KEPT, **(headers or {})})
        remember_language(request, answer)
        return answer

    def language(self, request: Request) -> Language:
        """Return the language of a request."""
        return choose_language(request.query_params, request.cookies)

    def sentence(self, request: Request, refusal: Refusal) -> str:
        """Return why not, in the language of a request."""
        return self.texts.say(f"error.{refusal.code}", self.language(request), **refusal.values)

    def fault(self, request: Request, error: AccessError) -> str:
        """Return what is wrong, in the language of a request."""
        return self.texts.say(f"error.{error.fault.value}", self.language(request), **error.values)

    def refused(self, request: Request, refusal: Refusal) -> HTMLResponse:
        """Return the page that says why not."""
        return self.page(request, "refused", refusal.status, fault=self.sentence(request, refusal))
