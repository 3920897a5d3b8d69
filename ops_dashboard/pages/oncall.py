"""Who is on duty of each rota, now and over two weeks, and who has it instead of whom (pure)."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from dash import html

from contract.routing.swap import SwapState
from contract.texts import Language, Texts, write_clock, write_date
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page
from ops_dashboard.view.oncall import DutyDay, DutyPiece, RotaWeeks, ToldSwap


def oncall_page(
    texts: Texts,
    language: Language,
    rotas: Sequence[RotaWeeks],
    zone: ZoneInfo,
    swaps: Sequence[ToldSwap] = (),
    people: Sequence[str] = (),
) -> html.Div:
    """Return the page; the script loads it anew at the next handover.

    Args:
        texts: of all languages.
        language: of the page.
        rotas: as the file and the swaps have them.
        zone: of the center.
        swaps: those that are not over, and of the last week.
        people: who may be given the duty; empty where the reader may not swap it.
    """
    words = _Words(texts, language, zone)
    panels = [_rota(rota, words) for rota in rotas]
    if rotas or swaps:
        panels.append(_swaps(swaps, words, may_end=bool(people)))
    if not panels:
        panels = [html.Section(html.P(words.say("oncall.none")), className="panel")]
    ends = [rota.now.to_us for rota in rotas]
    return desk_page(
        texts,
        language,
        "/oncall",
        "oncall",
        [_head(rotas, people, words), *panels],
        data_until=str(min(ends, default=0)),
    )


class _Words:
    """Says texts and times in one language."""

    def __init__(self, texts: Texts, language: Language, zone: ZoneInfo) -> None:
        self._texts, self._language, self._zone = texts, language, zone

    def say(self, key: str, **values: object) -> str:
        return self._texts.say(key, self._language, **values)

    def clock(self, at_us: int) -> str:
        return write_clock(at_us, self._language, self._zone)[:5]

    def moment(self, at_us: int) -> str:
        return f"{self.clock(at_us)} {self.day(at_us)}"

    def day(self, at_us: int) -> str:
        return write_date(at_us, self._language, self._zone)


def _head(rotas: Sequence[RotaWeeks], able: Sequence[str], words: _Words) -> html.Section:
    people = sorted({piece.person for rota in rotas for day in rota.days for piece in day.pieces})
    links = [html.A(words.say("oncall.all"), href="/api/oncall.ics", className="button")]
    links += [html.A(p, href=f"/api/oncall.ics?person={quote(p)}", className="button") for p in people]
    body: list[Any] = [html.H2(words.say("oncall.title"), className="panel-title")]
    if rotas:
        calendar = html.Span(words.say("oncall.calendar"), className="soft")
        body.append(html.Div([calendar, *links], className="ranges"))
    if rotas and able:  # at night, on a phone: above the days
        names = [rota.name for rota in rotas]
        offered = attributes(data_rotas=json.dumps(names), data_people=json.dumps(list(able)))
        new = html.Button(
            words.say("swap.new"), id="swap-new", className="button button-main", type="button", **offered
        )
        body.append(html.Div(new, className="ranges"))
    body.append(html.P("", id="deed-result", className="deed-result", role="status"))
    return html.Section(body, className="panel panel-duty")


def _rota(rota: RotaWeeks, words: _Words) -> html.Section:
    now = rota.now
    said: list[Any] = [words.say("oncall.now"), " ", html.Strong(now.on_duty.person)]
    if now.on_duty.override:
        said += [" ", _override(words, now.on_duty.swapped_by)]
    if rota.following is not None:
        then = words.say("oncall.then", at=words.moment(now.to_us), person=rota.following.on_duty.person)
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
        said += [" ", _override(words, piece.swapped_by)]
    return html.Li(said, **(attributes(aria_current="time") if piece.is_now else {}))


def _override(words: _Words, swapped_by: str) -> html.Span:
    said = words.say("swap.by", name=swapped_by) if swapped_by else words.say("oncall.override")
    return html.Span(said, className="state-word")


def _swaps(swaps: Sequence[ToldSwap], words: _Words, *, may_end: bool) -> html.Section:
    body: list[Any] = [html.H2(words.say("swap.title"), className="panel-title")]
    if swaps:
        body.append(html.Ul([_swap(one, words, may_end=may_end) for one in swaps], className="swaps"))
    else:
        body.append(html.P(words.say("swap.none"), className="soft"))
    return html.Section(body, className="panel panel-duty", id="swaps")


def _swap(told: ToldSwap, words: _Words, *, may_end: bool) -> html.Li:
    swap = told.swap
    span = words.say("swap.span", begin=words.moment(swap.from_us), end=words.moment(swap.end_us))
    said: list[Any] = [
        html.Span(words.say(f"swap.{told.state.value}"), className="state-word"),
        *(" ", html.Strong(swap.person), " ", words.say("swap.of", rota=swap.rota)),
        *(html.Br(), span, html.Br()),
        html.Span(words.say("swap.who", name=swap.actor, reason=swap.reason), className="soft"),
    ]
    if swap.ended_by is not None:
        said += [" ", html.Span(words.say("swap.ended_by", name=swap.ended_by), className="soft")]
    if told.state is SwapState.LOST:
        said += [html.Br(), words.say("swap.why_lost")]
    if may_end and told.state is not SwapState.OVER:
        named = attributes(data_swap=swap.swap_id, aria_label=words.say("swap.end_of", person=swap.person))
        end = html.Button(words.say("swap.end"), className="button swap-end", type="button", **named)
        said += [" ", end]
    return html.Li(said, **attributes(data_state=told.state.value))
