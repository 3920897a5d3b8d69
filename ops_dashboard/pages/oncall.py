"""Who is on duty of each rota, now and over two weeks (pure)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from dash import html

from contract.texts import Language, Texts, write_clock, write_date
from ops_dashboard.pages.attributes import attributes
from ops_dashboard.pages.header import page_header, stale_bar
from ops_dashboard.view.oncall import DutyDay, DutyPiece, RotaWeeks


def oncall_page(texts: Texts, language: Language, rotas: Sequence[RotaWeeks], zone: ZoneInfo) -> html.Div:
    """Return the page; the script loads it anew at the next handover."""
    words = _Words(texts, language, zone)
    panels = [_rota(rota, words) for rota in rotas]
    if not panels:
        panels = [html.Section(html.P(words.say("oncall.none")), className="panel")]
    ends = [rota.now.to_us for rota in rotas]
    return html.Div(
        [
            page_header(texts, language, "/oncall"),
            stale_bar(),
            html.Main([_head(rotas, words), *panels], id="main", className="desk desk-one"),
        ],
        className="page page-desk",
        **attributes(data_page="oncall", data_until=str(min(ends, default=0))),
    )


class _Words:
    """Says texts and times in one language."""

    def __init__(self, texts: Texts, language: Language, zone: ZoneInfo) -> None:
        self._texts, self._language, self._zone = texts, language, zone

    def say(self, key: str, **values: object) -> str:
        return self._texts.say(key, self._language, **values)

    def clock(self, at_us: int) -> str:
        return write_clock(at_us, self._language, self._zone)[:5]

    def day(self, at_us: int) -> str:
        return write_date(at_us, self._language, self._zone)


def _head(rotas: Sequence[RotaWeeks], words: _Words) -> html.Section:
    people = sorted({piece.person for rota in rotas for day in rota.days for piece in day.pieces})
    links = [html.A(words.say("oncall.all"), href="/api/oncall.ics", className="button")]
    links += [html.A(p, href=f"/api/oncall.ics?person={quote(p)}", className="button") for p in people]
    body: list[Any] = [html.H2(words.say("oncall.title"), className="panel-title")]
    if rotas:
        calendar = html.Span(words.say("oncall.calendar"), className="soft")
        body.append(html.Div([calendar, *links], className="ranges"))
    return html.Section(body, className="panel panel-duty")


def _rota(rota: RotaWeeks, words: _Words) -> html.Section:
    now = rota.now
    said: list[Any] = [words.say("oncall.now"), " ", html.Strong(now.on_duty.person)]
    if now.on_duty.override:
        said += [" ", _override(words)]
    if rota.following is not None:
        at = f"{words.clock(now.to_us)} {words.day(now.to_us)}"
        then = words.say("oncall.then", at=at, person=rota.following.on_duty.person)
        said += [html.Br(), html.Span(then, className="soft")]
    days = html.Ol([_day(day, words) for day in rota.days], className="duty-days")
    return html.Section(
        [html.H2(rota.name, className="panel-title"), html.P(said, className="duty-now"), days],
        className="panel panel-duty",
    )


def _day(day: DutyDay, words: _Words) -> html.Li:
    date = html.H3(
        [words.say(f"weekday.{day.weekday}"), " ", html.Span(words.day(day.from_us)[:5], className="soft")],
        className="duty-date",
    )
    return html.Li([date, html.Ul([_piece(piece, words) for piece in day.pieces])])


def _piece(piece: DutyPiece, words: _Words) -> html.Li:
    end = "24:00" if words.clock(piece.to_us) == "00:00" else words.clock(piece.to_us)
    span = words.say("oncall.whole_day") if piece.is_whole_day else f"{words.clock(piece.from_us)}–{end}"
    said: list[Any] = [html.Span(span, className="soft"), " ", html.Span(piece.person, className="duty-who")]
    if piece.override:
        said += [" ", _override(words)]
    return html.Li(said, **(attributes(aria_current="time") if piece.is_now else {}))


def _override(words: _Words) -> html.Span:
    return html.Span(words.say("oncall.override"), className="state-word")
