"""Who is on duty, over HTTP: as JSON, as a calendar to subscribe to, and swapped by entries of the log."""

import uuid
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from alerting.routing.duty import DutyTurn, duty_turns
from alerting.routing.duty_file import write_duty
from alerting.routing.swaps import SwapComplaint, settled, swap_named, with_swaps
from bus.codec import encode_swap_word
from contract.entry import EntryKind
from contract.routing.contact import DAY_US, WEEK_US, Person, Rota
from contract.routing.route import Routing
from contract.routing.swap import MOST_IN_FORCE, Swap, SwapEnded, SwapFault, SwapSet, SwapWord
from ops_dashboard.access.own import who_acts
from ops_dashboard.api.answers import NOT_KEPT, Refusal, json_answer
from ops_dashboard.api.entries import keep_entry
from ops_dashboard.api.silences.actions import Actor, Uuid
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services
from ops_dashboard.view.oncall import DAYS, midnight_us, rotas_of, told_swaps, turns_of

CALENDAR_WEEKS: Final = 8
"""How far the calendar looks ahead: chosen, two months of plans."""

PersonName = Annotated[str | None, Query(max_length=200)]
SwapId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class WantedSwap(BaseModel):
    """A swap that somebody wants; what is wrong with it is said in a sentence."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    rota: str = ""
    person: str = ""
    from_us: int | None = None
    """Now if left out, or past."""
    until_us: int | None = None
    reason: str = ""
    actor: str | None = None
    """For whom a program acts; a person acts under their own name."""
    swap_id: Uuid | None = None
    """Chosen by whoever may have to ask twice; the same id twice is one swap."""


async def swapped_routing(services: Services, ended_us: int) -> Routing:
    """Return the routes in force with the swaps of duty that end after a moment, µs since 1970."""
    return with_swaps(services.routing.current(), await services.archive.swaps(ended_us))


def add_oncall(router: APIRouter, services: Services) -> None:
    def now_us() -> int:
        return services.now_us()

    @router.get("/api/oncall")
    async def oncall() -> Response:
        """Return the turns of every rota from now on, the present one first, and the swaps of a week."""
        from_us, zone = now_us(), services.calendar.timezone
        to_us = midnight_us(from_us, zone, DAYS)
        file, swaps = services.routing.current(), await services.archive.swaps(from_us - WEEK_US)
        swapped = rotas_of(with_swaps(file, swaps))
        told = [
            msgspec.to_builtins(one.swap) | {"state": one.state.value}
            for one in told_swaps(swaps, file, from_us)
        ]
        return json_answer(
            {
                "from_us": from_us,
                "to_us": to_us,
                "rotas": {rota.name: turns_of(rota, from_us, to_us) for rota in swapped},
                "swaps": told,
            }
        )

    @router.get("/api/oncall.ics")
    async def calendar(request: Request, person: PersonName = None) -> Response:
        """Return the turns of the weeks to come as a calendar, of one person or of all."""
        at_us = now_us()
        routing = await swapped_routing(services, at_us - WEEK_US - DAY_US)
        if person is not None and not isinstance(routing.contacts.get(person), Person):
            raise Refusal(404, "unknown_person")
        # From a week ago, and from a midnight: what goes on has the same beginning all day.
        from_us = midnight_us(at_us - WEEK_US, services.calendar.timezone)
        to_us = at_us + CALENDAR_WEEKS * WEEK_US

        def own(rota: Rota) -> list[DutyTurn]:
            turns = duty_turns(rota, from_us, to_us)
            return [turn for turn in turns if person in (None, turn.on_duty.person)]

        rotas = rotas_of(routing)
        language = choose_language(request.query_params, request.cookies)
        titles = {rota.name: services.texts.say("oncall.event", language, rota=rota.name) for rota in rotas}
        body = write_duty({rota.name: own(rota) for rota in rotas}, titles, at_us, services.calendar.timezone)
        return Response(body, headers=NOT_KEPT, media_type="text/calendar")


def add_swap_actions(router: APIRouter, services: Services) -> None:
    def now_us() -> int:
        return services.now_us()

    @router.post("/api/oncall/swaps", status_code=202)
    async def add(wanted: Annotated[WantedSwap, Body()]) -> Response:
        """Let a person have the duty of a rota for a while; what is refused changes nothing."""
        swap = _wanted(wanted, services.routing.current(), now_us(), who_acts(wanted.actor))
        others = await services.archive.swaps(swap.created_at_us)
        if len(others) >= MOST_IN_FORCE:
            raise Refusal(422, f"swap_{SwapFault.TOO_MANY.value}", n=len(others))
        await _keep(SwapSet(swap), swap.created_at_us, services)
        return json_answer({"swap_id": swap.swap_id}, 202)

    @router.post("/api/oncall/swaps/preview")
    async def try_swap(wanted: Annotated[WantedSwap, Body()]) -> Response:
        """Say who has the duty over the time of a swap without it and with it; nothing is kept."""
        at_us, file = now_us(), services.routing.current()
        named = wanted.model_copy(update={"reason": wanted.reason or "–"})
        swap = _wanted(named, file, at_us, "–")
        others = await services.archive.swaps(at_us)
        told = {
            when: turns_of(rota, swap.from_us, swap.until_us)
            for when, swaps in (("before", others), ("after", [*others, swap]))
            for rota in rotas_of(with_swaps(file, swaps))
            if rota.name == swap.rota
        }
        return json_answer(told)

    @router.delete("/api/oncall/swaps/{swap_id}", status_code=202)
    async def end(swap_id: SwapId, actor: Actor = None) -> Response:
        """End a swap now: from then on the file has the duty again, or an earlier swap."""
        at_us, by = now_us(), who_acts(actor)
        if all(swap.swap_id != swap_id for swap in await services.archive.swaps(at_us)):
            raise Refusal(404, "unknown_swap")
        await _keep(SwapEnded(swap_id, by, at_us), at_us, services)
        return json_answer({"swap_id": swap_id}, 202)


def _wanted(wanted: WantedSwap, file: Routing, at_us: int, actor: str) -> Swap:
    """Return the swap that a request describes.

    Raises:
        Refusal: it may not be; says why.
    """
    from_us = at_us if wanted.from_us is None else wanted.from_us
    until_us = at_us if wanted.until_us is None else wanted.until_us
    swap_id = wanted.swap_id or str(uuid.uuid4())
    swap = Swap(swap_id, wanted.rota, wanted.person, from_us, until_us, actor, wanted.reason, at_us)
    found = settled(swap, file, has_end=wanted.until_us is not None)
    if isinstance(found, SwapComplaint):
        raise Refusal(422, f"swap_{found.fault.value}", **found.values)
    return found


async def _keep(word: SwapWord, at_us: int, services: Services) -> None:
    await keep_entry(EntryKind.SWAP, encode_swap_word(word), swap_named(word), at_us, services)
