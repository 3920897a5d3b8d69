"""Who is on duty, by rota and by local day (pure)."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from alerting.routing.duty import DutyTurn, duty_turns
from alerting.routing.swaps import state_of
from contract.routing.contact import DAY_US, Person, Rota
from contract.routing.route import Routing
from contract.routing.swap import Swap, SwapState

DAYS: Final = 14
"""Days that are shown, today among them."""


class DutyPiece(msgspec.Struct, frozen=True):
    """What of a turn is within a day."""

    person: str
    from_us: int
    to_us: int
    override: bool
    is_now: bool
    swapped_by: str
    """Who made the swap that says so; empty for the file."""

    @property
    def is_whole_day(self) -> bool:
        """Whether nobody else is on duty that day."""
        return self.to_us - self.from_us >= DAY_US


class DutyDay(msgspec.Struct, frozen=True):
    """A local day of a rota."""

    from_us: int
    """Its midnight, µs since 1970."""
    weekday: int
    """0 is Monday."""
    pieces: list[DutyPiece]


class RotaWeeks(msgspec.Struct, frozen=True):
    """A rota now, and in the days to come."""

    name: str
    now: DutyTurn
    following: DutyTurn | None
    """The next turn; None if the present one does not end within the days that are shown."""
    days: list[DutyDay]


class ToldSwap(msgspec.Struct, frozen=True):
    """A swap of duty, and what it does now."""

    swap: Swap
    state: SwapState


def told_swaps(swaps: Sequence[Swap], routing: Routing, now_us: int) -> list[ToldSwap]:
    """Return swaps with what each does at a log time; those that are over stand last."""
    told = [ToldSwap(swap, state_of(swap, routing, now_us)) for swap in swaps]
    return sorted(told, key=lambda one: one.state is SwapState.OVER)


def turns_of(rota: Rota, from_us: int, to_us: int) -> list[dict[str, object]]:
    """Return the turns of a rota between two moments as pages and programs are told them."""
    return [
        {
            "person": turn.on_duty.person,
            "override": turn.on_duty.override,
            "swapped_by": turn.on_duty.swapped_by,
            "from_us": turn.from_us,
            "to_us": turn.to_us,
        }
        for turn in duty_turns(rota, from_us, to_us)
    ]


def rotas_of(routing: Routing) -> list[Rota]:
    """Return the rotas of a routes.toml, by its order."""
    return [contact for contact in routing.contacts.values() if isinstance(contact, Rota)]


def people_of(routing: Routing) -> list[str]:
    """Return the names of the persons of a routes.toml."""
    return sorted(one.name for one in routing.contacts.values() if isinstance(one, Person))


def midnight_us(at_us: int, zone: ZoneInfo, days: int = 0) -> int:
    """Return the local midnight that begins the day of a moment, or one so many days later."""
    day = datetime.fromtimestamp(at_us / 1e6, zone).date() + timedelta(days=days)
    return round(datetime.combine(day, time.min, zone).timestamp()) * 1_000_000


def rota_weeks(rota: Rota, now_us: int, zone: ZoneInfo) -> RotaWeeks:
    """Return a rota's `DAYS` days from today on; `now_us` is the log time."""
    end_us = midnight_us(now_us, zone, DAYS)
    now, *later = duty_turns(rota, now_us, end_us)
    turns = duty_turns(rota, midnight_us(now_us, zone), end_us)
    days = [midnight_us(now_us, zone, day) for day in range(DAYS + 1)]
    return RotaWeeks(
        rota.name,
        now,
        later[0] if later else None,
        [
            DutyDay(
                from_us,
                datetime.fromtimestamp(from_us / 1e6, zone).weekday(),
                list(_pieces(turns, from_us, to_us, now_us)),
            )
            for from_us, to_us in itertools.pairwise(days)
        ],
    )


def _pieces(turns: Sequence[DutyTurn], from_us: int, to_us: int, now_us: int) -> Iterator[DutyPiece]:
    for turn in turns:
        begin_us, end_us = max(turn.from_us, from_us), min(turn.to_us, to_us)
        if begin_us < end_us:
            is_now = begin_us <= now_us < end_us
            duty = turn.on_duty
            yield DutyPiece(duty.person, begin_us, end_us, duty.override, is_now, duty.swapped_by)
