"""`eduops simulate`: the city's devices, or a fault sent to those that run already."""

import asyncio
import getpass
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from bus.codec import encode_exercise
from contract.entry import ALERTS_LOG, EntryKind
from contract.errors import ConfigurationError, InfrastructureError
from contract.incident import Exercise
from device_simulator.world.faults import (
    FAULT_SUBJECT,
    FaultLabel,
    FaultReply,
    FaultRequest,
    parse_duration_s,
)
from eduops.connections import open_live, open_log, saved_fleet
from eduops.machine.prepare import Tell
from eduops.settings import Settings
from eduops.wiring import run_simulator

MOST_ACTOR: Final = 80
MOST_NOTE: Final = 500
ANSWER_S: Final = 5.0
"""A running simulator answers at once."""


@dataclass(frozen=True, slots=True)
class FaultOptions:
    """A fault as the command line names it."""

    kind: str
    isp: str = ""
    ward: str = ""
    cluster: str = ""
    school: str = ""
    count: int = 0
    after: str = "0s"
    duration: str = "5m"
    strength: float = 0.0
    variant: str = ""
    exercise: str = ""
    """What is practised; empty where it is no exercise."""

    def request(self) -> FaultRequest:
        """Return the request that the simulator understands.

        Raises:
            ConfigurationError: a duration cannot be read.
        """
        try:
            after_s, for_s = parse_duration_s(self.after), parse_duration_s(self.duration)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        return FaultRequest(
            kind=self.kind,
            isp=self.isp,
            ward=self.ward,
            cluster=self.cluster,
            school=self.school,
            count=self.count,
            after_s=after_s,
            for_s=for_s,
            strength=self.strength,
            variant=self.variant,
        )


async def run_simulate(
    settings: Settings, fault: FaultOptions | None, stop: asyncio.Event, tell: Tell
) -> None:
    """Send the fault to a running simulator; without one, or without a fault, simulate until the stop event.

    Raises:
        ConfigurationError: the fault makes no sense to the simulator.
    """
    if fault is None:
        await run_simulator(settings, stop)
        return
    request = fault.request()
    try:
        async with open_live(settings, "fault") as live:
            answer = await live.request(FAULT_SUBJECT, msgspec.json.encode(request), ANSWER_S)
    except InfrastructureError as error:
        tell(f"no simulator answers ({error}); this one starts, with the fault")
        await run_simulator(settings, stop, (request,))
        return
    reply = msgspec.json.decode(answer, type=FaultReply)
    if reply.label is None:
        raise ConfigurationError(reply.error)
    if fault.exercise:
        await _announce(settings, reply.label, fault.exercise)
    tell(_sentence(reply.label))


async def _announce(settings: Settings, label: FaultLabel, note: str) -> None:
    """Say in the alerts log that what a fault brings is an exercise; a fault begins a moment after that."""
    fleet, codes = await saved_fleet(settings), set(label.schools)
    exercise = Exercise(
        exercise_id=uuid.uuid4().hex,
        actor=getpass.getuser()[:MOST_ACTOR],
        note=note[:MOST_NOTE],
        school_ids=tuple(school.id for school in fleet.schools if school.code in codes),
        from_us=label.start_us,
        until_us=label.end_us,
        at_us=settings.clock.log_us(time.time_ns() // 1000),
    )
    async with open_log(settings, "exercise") as log:
        await log.append(ALERTS_LOG, EntryKind.EXERCISE, encode_exercise(exercise), at_us=exercise.at_us)


def _sentence(label: FaultLabel) -> str:
    first, last = (datetime.fromtimestamp(t / 1e6, UTC) for t in (label.start_us, label.end_us))
    where = label.schools[0] if len(label.schools) == 1 else f"{len(label.schools):,} schools"
    return f"{label.kind} at {where} from {first:%Y-%m-%d %H:%M:%S} to {last:%H:%M:%S} UTC (log time)"
