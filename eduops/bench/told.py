"""How long it takes from a transition in the alerts log until a message about it is handed over.

The bench says the transitions itself, as partitions do; the system's own owner of the alerts log folds them,
PostgreSQL keeps what it decides, and the system's notifier writes the messages into the center's inbox. Every
contact is a channel of its own, so that no message waits for another one's place; `group_wait` is 0.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import AsyncConnection

from bus.codec import encode_transitions
from bus.log import Log
from contract.alert import Transition, TransitionKind, alert_id_of
from contract.entry import ALERTS_LOG, EntryKind
from contract.errors import InfrastructureError
from contract.fleet import Device, Fleet
from contract.rule import MetricRule, Rule
from contract.series import series_of
from eduops.bench.generator import LoadSpec
from eduops.bench.ledger import Processes, counts, until_accounted
from eduops.bench.limits import offer
from eduops.bench.rows import handed_over
from eduops.connections import open_log
from eduops.settings import Settings

SINGLES: Final = 28
"""Schools that fail by themselves, one after the other."""
OUTAGE_SCHOOLS: Final = 1_000
OUTAGE_CONTACTS: Final = 50
"""Contacts who are told of the one outage."""
SINGLE_RULES: Final = 14
"""Two schools a rule: three would be thought to share a cause."""
_APART_S: Final = 0.2
_LOAD_S: Final = 8.0
"""The load goes on so long while schools fail, twice."""
_AT_ONCE: Final = 100
"""Transitions in an entry, as partitions write them."""
_OUTAGE_RULE: Final = "wan_down"
_WAIT_S: Final = 60.0
_POLL_S: Final = 0.05


class ToldPlan(NamedTuple):
    """Who fails."""

    singles: tuple[tuple[Device, str], ...]
    """Gateways with the rule that speaks of each."""
    outage: tuple[Device, ...]
    """Gateways of one provider."""


class ToldLatencies(NamedTuple):
    """How long messages took, ms."""

    singles_ms: list[float]
    """Of each school by itself, from its transition."""
    outage_ms: list[float]
    """Of each contact's message of the outage, from its first transition."""


async def measure_told(
    plan: ToldPlan, load: LoadSpec, settings: Settings, conn: AsyncConnection[Any], running: Processes
) -> ToldLatencies:
    """Let schools fail beside a load, and see all of the load stored.

    Raises:
        InfrastructureError: a message was not handed over, or readings got lost.
    """
    # The probe's own series is another measurement's.
    quiet = msgspec.structs.replace(load, seconds=_LOAD_S, probe_topic=load.topics[0], status_topics=[])
    before = (await counts(conn)).accounted
    found = []
    async with open_log(settings, "bench") as log:
        for measure in (_singles_ms, _outage_ms):
            offering = asyncio.create_task(offer(quiet))
            found.append(await measure(plan, log, conn))
            offered = await offering
            before += offered.packs * load.readings + offered.probes
            await until_accounted(conn, before, running)
    return ToldLatencies(*found)


def told_plan(fleet: Fleet, gateways: Sequence[Device], rules: Sequence[Rule]) -> ToldPlan:
    """Return who fails: gateways that are heard, so that nothing else is said of them."""
    school = fleet.school_by_id
    counts: dict[str, int] = {}
    for gateway in gateways:
        counts[school[gateway.school_id].isp] = counts.get(school[gateway.school_id].isp, 0) + 1
    largest = max(sorted(counts), key=lambda isp: counts[isp])
    same = [g for g in gateways if school[g.school_id].isp == largest]
    others = [g for g in gateways if school[g.school_id].isp != largest]
    names = [r.name for r in rules if isinstance(r, MetricRule) and r.name != _OUTAGE_RULE][:SINGLE_RULES]
    apart = others[:: len(others) // SINGLES][:SINGLES]
    singles = tuple((g, names[n % len(names)]) for n, g in enumerate(apart))
    return ToldPlan(singles, tuple(same[:OUTAGE_SCHOOLS]))


def told_routes(plan: ToldPlan, fleet: Fleet) -> str:
    """Return a routes.toml that tells a contact of its own of each school, and many of the outage."""
    contacts = [*_single_contacts(plan), *_outage_contacts(), "rest"]
    text = "".join(f'[[channel]]\nname = "{name}"\nurl = "inbox://"\n' for name in contacts)
    text += '[[route]]\nname = "rest"\ncontacts = ["rest"]\ngroup_wait = "0s"\n'
    for contact, (gateway, _) in zip(_single_contacts(plan), plan.singles, strict=True):
        code = fleet.school_by_id[gateway.school_id].code
        text += f'[[route]]\nname = "{contact}"\nmatch = {{ school = "{code}" }}\ncontacts = ["{contact}"]\n'
    named = ", ".join(f'"{name}"' for name in _outage_contacts())
    return f'{text}[[route]]\nname = "outage"\nmatch = {{ rule = "{_OUTAGE_RULE}" }}\ncontacts = [{named}]\n'


async def _singles_ms(plan: ToldPlan, log: Log, conn: AsyncConnection[Any]) -> list[float]:
    """Return how long each school's message took, ms, from the transition to its place in the inbox.

    Raises:
        InfrastructureError: one was not handed over.
    """
    began_us: dict[str, int] = {}
    said = []
    for contact, (gateway, rule) in zip(_single_contacts(plan), plan.singles, strict=True):
        began_us[contact] = _now_us()
        said.append(_opening(gateway, rule, began_us[contact]))
        await _say(log, said[-1:])
        await asyncio.sleep(_APART_S)
    over_us = await _until_handed_over(conn, list(began_us))
    await _say(log, [_end(one) for one in said])
    return [(over_us[contact] - began_us[contact]) / 1000 for contact in began_us]


async def _outage_ms(plan: ToldPlan, log: Log, conn: AsyncConnection[Any]) -> list[float]:
    """Return how long each contact's message of the outage took, ms, from its first transition.

    Raises:
        InfrastructureError: one was not handed over.
    """
    began_us = _now_us()
    said = [_opening(gateway, _OUTAGE_RULE, began_us) for gateway in plan.outage]
    for n in range(0, len(said), _AT_ONCE):
        await _say(log, said[n : n + _AT_ONCE])
    over_us = await _until_handed_over(conn, _outage_contacts())
    for n in range(0, len(said), _AT_ONCE):
        await _say(log, [_end(one) for one in said[n : n + _AT_ONCE]])
    return [(us - began_us) / 1000 for us in over_us.values()]


async def _until_handed_over(conn: AsyncConnection[Any], contacts: Sequence[str]) -> dict[str, int]:
    deadline_s = time.monotonic() + _WAIT_S
    while True:
        found = await handed_over(conn, contacts)
        if len(found) == len(contacts):
            return found
        if time.monotonic() > deadline_s:
            raise InfrastructureError(
                f"{len(found)} of {len(contacts)} messages were handed over after {_WAIT_S:g} s"
            )
        await asyncio.sleep(_POLL_S)


async def _say(log: Log, transitions: Sequence[Transition]) -> None:
    await log.append(ALERTS_LOG, EntryKind.TRANSITION, encode_transitions(transitions), at_us=_now_us())


def _opening(gateway: Device, rule: str, at_us: int) -> Transition:
    series = series_of(gateway.id, 1)
    return Transition(
        alert_id_of(rule, series, at_us), TransitionKind.OPENED, rule, series, gateway.school_id, 1,
        at_us, at_us, at_us, 0.0, 0.5,
    )  # fmt: skip


def _end(opening: Transition) -> Transition:
    at_us = _now_us()
    return Transition(
        opening.alert_id, TransitionKind.RESOLVED, opening.rule, opening.series, opening.school_id, 1,
        opening.opened_at_us, at_us, at_us, 1.0,
    )  # fmt: skip


def _single_contacts(plan: ToldPlan) -> list[str]:
    return [f"single {n}" for n in range(len(plan.singles))]


def _outage_contacts() -> list[str]:
    return [f"outage {n}" for n in range(OUTAGE_CONTACTS)]


def _now_us() -> int:
    return time.time_ns() // 1000
