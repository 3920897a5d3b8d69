"""Who is on duty, over HTTP: as JSON, and as a calendar to subscribe to."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from alerting.routing.duty import DutyTurn, duty_turns
from alerting.routing.duty_file import write_duty
from contract.routing.contact import WEEK_US, Person, Rota
from ops_dashboard.api.answers import NOT_KEPT, Refusal, json_answer
from ops_dashboard.language import choose_language
from ops_dashboard.services import Services
from ops_dashboard.view.oncall import DAYS, midnight_us, rotas_of

CALENDAR_WEEKS: Final = 8
"""How far the calendar looks ahead: chosen, two months of plans."""

PersonName = Annotated[str | None, Query(max_length=200)]


def add_oncall(router: APIRouter, services: Services) -> None:
    def now_us() -> int:
        return services.now_us()

    @router.get("/api/oncall")
    async def oncall() -> Response:
        """Return the turns of every rota from now on, the present one first."""
        from_us, zone = now_us(), services.calendar.timezone
        to_us = midnight_us(from_us, zone, DAYS)
        rotas = {
            rota.name: [
                {
                    "person": turn.on_duty.person,
                    "override": turn.on_duty.override,
                    "from_us": turn.from_us,
                    "to_us": turn.to_us,
                }
                for turn in duty_turns(rota, from_us, to_us)
            ]
            for rota in rotas_of(services.routing.current())
        }
        return json_answer({"from_us": from_us, "to_us": to_us, "rotas": rotas})

    @router.get("/api/oncall.ics")
    async def calendar(request: Request, person: PersonName = None) -> Response:
        """Return the turns of the weeks to come as a calendar, of one person or of all."""
        routing, at_us = services.routing.current(), now_us()
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
        body = write_duty({rota.name: own(rota) for rota in rotas}, titles, at_us)
        return Response(body, headers=NOT_KEPT, media_type="text/calendar")
