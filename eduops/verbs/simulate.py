"""`eduops simulate`: the city's devices, or a fault sent to those that run already."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from contract.errors import ConfigurationError, InfrastructureError
from device_simulator.world.faults import (
    FAULT_SUBJECT,
    FaultLabel,
    FaultReply,
    FaultRequest,
    parse_duration_s,
)
from eduops.connections import open_live
from eduops.machine.prepare import Tell
from eduops.settings import Settings
from eduops.wiring import run_simulator

ANSWER_S = 5.0
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
    tell(_sentence(reply.label))


def _sentence(label: FaultLabel) -> str:
    first, last = (datetime.fromtimestamp(t / 1e6, UTC) for t in (label.start_us, label.end_us))
    where = label.schools[0] if len(label.schools) == 1 else f"{len(label.schools):,} schools"
    return f"{label.kind} at {where} from {first:%Y-%m-%d %H:%M:%S} to {last:%H:%M:%S} UTC (log time)"
