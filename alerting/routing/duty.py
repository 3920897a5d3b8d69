"""Who is on duty: a pure function of a rota and a moment."""

from collections.abc import Iterator

import msgspec

from contract.routing.contact import DAY_US, WEEK_US, Rota, RotaLayer

_MONDAY_US = 3 * DAY_US
"""1970-01-01 was a Thursday: so much after a Monday, µs."""


class OnDuty(msgspec.Struct, frozen=True):
    """Who is on duty, and what says so."""

    person: str
    line: int | None
    """Line of the layer or of the override in routes.toml; None for a swap."""
    override: bool = False
    swapped_by: str = ""
    """Who made the swap that says so; empty for the file."""


class DutyTurn(msgspec.Struct, frozen=True):
    """A stretch in which one person is on duty."""

    on_duty: OnDuty
    from_us: int
    """µs since 1970."""
    to_us: int
    """µs since 1970, not included."""


def on_duty(rota: Rota, at_us: int) -> OnDuty:
    """Return who is on duty: of the first override that holds, else of the last layer that is on.

    Args:
        rota: without a gap, as every rota that was read is.
        at_us: µs since 1970.
    """
    for override in rota.overrides:
        if override.from_us <= at_us < override.to_us:
            return OnDuty(override.person, override.line, True, override.swapped_by)
    of_week_us = _of_week_us(rota, at_us)
    layer = next(
        one for one in reversed(rota.layers) if any(start <= of_week_us < end for start, end in one.week)
    )
    turn = (at_us - layer.handover_us) // layer.period_us
    return OnDuty(layer.people[turn % len(layer.people)], layer.line)


def duty_turns(rota: Rota, from_us: int, to_us: int) -> list[DutyTurn]:
    """Return who is on duty between two moments, in order; each begins where the one before ends."""
    edges = {from_us}
    for override in rota.overrides:
        edges |= {override.from_us, override.to_us}
    for layer in rota.layers:
        edges.update(_edges(rota, layer, from_us, to_us))
    turns: list[DutyTurn] = []
    for at_us in sorted(edge for edge in edges if from_us <= edge < to_us):
        now = on_duty(rota, at_us)
        if turns and turns[-1].on_duty == now:
            continue
        if turns:
            turns[-1] = msgspec.structs.replace(turns[-1], to_us=at_us)
        turns.append(DutyTurn(now, at_us, to_us))
    return turns


def _edges(rota: Rota, layer: RotaLayer, from_us: int, to_us: int) -> Iterator[int]:
    """Yield the handovers of a layer, and when it goes on and off, from a moment to another."""
    first = -(-(from_us - layer.handover_us) // layer.period_us)
    yield from range(layer.handover_us + first * layer.period_us, to_us, layer.period_us)
    monday_us = from_us - _of_week_us(rota, from_us)
    for week_us in range(monday_us, to_us, WEEK_US):
        for start_us, end_us in layer.week:
            yield from (week_us + start_us, week_us + end_us)


def _of_week_us(rota: Rota, at_us: int) -> int:
    return (at_us + rota.offset_us + _MONDAY_US) % WEEK_US
