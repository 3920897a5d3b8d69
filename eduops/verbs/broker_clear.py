"""`eduops broker clear`: what strangers left with the broker, shown and then taken away."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bus.jetstream import JetStreamLog
from bus.mqtt import end_session
from bus.mqtt_leftovers import Kind, Leftover
from contract.errors import ConfigurationError, InfrastructureError
from eduops.connections import open_log
from eduops.settings import Settings

EXAMPLES: Final = 5
"""Names that a plan shows of each kind: enough to see whose they are."""
DAY_NS: Final = 86_400 * 1_000_000_000
_WORDS: Final = {
    Kind.SESSION: "clients that are not connected",
    Kind.RETAINED: "retained messages",
    Kind.UNRELEASED: "messages of QoS 2 that were never released",
}


@dataclass(frozen=True, slots=True)
class ClearPlan:
    """What goes and what stays."""

    days: float
    """How old the youngest of it is."""
    goes: Sequence[Leftover]
    hears: int
    """Sessions that are as old and stay because they hear something, as ingest's do."""

    def render(self) -> str:
        """Return the plan as lines for a person."""
        lines = [f"older than {self.days:g} days at the broker:"]
        for kind, words in _WORDS.items():
            names = [leftover.name for leftover in self.goes if leftover.kind is kind]
            lines.append(f"  {len(names):>9,} {words}{_examples(names)}")
        if self.hears:
            lines.append(f"  {self.hears:>9,} sessions stay: they hear something, as ingest's do")
        return "\n".join(lines)


def _examples(names: Sequence[str]) -> str:
    shown = ["".join(c if c.isprintable() else "?" for c in name)[:48] for name in dict.fromkeys(names)]
    return f": {', '.join(shown[:EXAMPLES])}{', …' if len(shown) > EXAMPLES else ''}" if shown else ""


async def clear_broker(settings: Settings, days: float, ask: Callable[[str], bool]) -> str:
    """Clear what devices left with the broker, once `ask` says yes to the plan; return what was done.

    Args:
        settings: Of the system.
        days: Only what is older than this.
        ask: Shows the plan.

    Raises:
        ConfigurationError: the broker is none of ours to clear.
        InfrastructureError: it is out of reach, or does not tell who is connected.
    """
    if settings.mqtt_broker != "nats":
        raise ConfigurationError("only nats-server's store can be cleared; see docs/mosquitto.md")
    async with open_log(settings, "broker-clear") as log:
        plan = await plan_clearing(log, days)
        if not plan.goes:
            return f"nothing to clear\n{plan.render()}"
        if not ask(plan.render()):
            return "nothing was cleared; with --yes it is"
        cleared = sum([await _clear(settings, log, leftover) for leftover in plan.goes])
    return f"cleared {cleared:,} of {len(plan.goes):,}"


async def plan_clearing(log: JetStreamLog, days: float) -> ClearPlan:
    """Return what is older than `days` at the broker and in nobody's use.

    Raises:
        InfrastructureError: the broker is out of reach, or does not tell who is connected.
    """
    before_ns = time.time_ns() - round(days * DAY_NS)
    found = [one for kind in Kind async for one in log.mqtt_leftovers.find(kind, before_ns)]
    connected = await log.mqtt_leftovers.connected()
    away = [one for one in found if one.kind is Kind.RETAINED or one.name not in connected]
    goes = [one for one in away if not one.hears]
    return ClearPlan(days, goes, len(away) - len(goes))


async def _clear(settings: Settings, log: JetStreamLog, leftover: Leftover) -> bool:
    if leftover.kind is Kind.UNRELEASED:
        return await log.mqtt_leftovers.erase(leftover)
    if leftover.kind is Kind.RETAINED:
        await log.mqtt_store.erase_retained(leftover.name)
        return True
    user, password = (
        settings.mqtt_user or settings.nats_user,
        settings.mqtt_password or settings.nats_password,
    )
    try:
        await end_session(settings.mqtt_addresses[0], leftover.name, user, password)
    except OSError as error:
        raise InfrastructureError(f"the session of {leftover.name} was not ended: {error}") from error
    return await log.mqtt_leftovers.forgotten(leftover)
