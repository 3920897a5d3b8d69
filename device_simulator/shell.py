"""The running city: asks the world what is due, lets faults have their way, publishes over MQTT."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bus.broker_trust import BrokerTrust
from bus.device import DeviceLoop
from bus.live import Live
from bus.mqtt_client import Address
from bus.pause import pause
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.clock import LogClock
from contract.devices.credential import DeviceName
from contract.errors import ConfigurationError, InfrastructureError
from contract.fleet import Fleet
from contract.service.metrics import Meter
from contract.topic import Stream
from device_simulator.fault_board import FaultBoard, cut_positions
from device_simulator.lines import Lines, Login, raise_descriptor_limit
from device_simulator.world.city import World
from device_simulator.world.effects import apply
from device_simulator.world.faults import FAULT_SUBJECT, Fault, FaultRequest
from device_simulator.world.packs import encode_packs, garbage
from device_simulator.world.publishers import Publishers
from device_simulator.world.school_time.schedule import Cadence, Schedule

_logger: Final = logging.getLogger(__name__)

PROGRESS_S: Final = 30.0
"""Real seconds between two lines of progress."""
MEASURE_S: Final = 1.0
"""Real seconds between two updates of the meter."""
GREET_S: Final = 0.5
"""Real seconds between two looks at which lines have come up."""
LOOK_AGAIN_S: Final = 5.0
"""Real seconds between two looks at whom the broker refuses."""
MOST_ANEW: Final = 500
"""Refused devices issued to at one look: a broker that refuses a whole city asks the database gently."""
MOST_BEHIND_US: Final = 60_000_000
"""Log time by which the simulator may lag before it leaves slots out rather than fall behind for ever."""


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """How to run the city."""

    mqtt_host: str
    mqtt_port: int
    secrets: Mapping[DeviceName, str] = field(default_factory=dict, repr=False)
    """What each device connects with; one without stays silent."""
    issue_anew: Callable[[Collection[DeviceName]], Awaitable[Collection[DeviceName]]] | None = None
    """Has the secrets of refused devices hold again and returns whose do; the others are somebody else's now
    and fall silent. Raises InfrastructureError where nobody can say. None leaves all of them knocking."""
    shared_as: Login = field(default=Login(None, None), repr=False)
    """Who may speak for all devices, where there are fewer connections than devices."""
    seed: int = 79
    """Chooses the world's noise; history with the same seed joins without a step."""
    clock: LogClock = field(default_factory=LogClock)
    cadence: Cadence = field(default_factory=Cadence)
    """In seconds of log time."""
    max_connections: int = 0
    """Connections at most; 0 for one a device, as far as descriptors reach."""
    buffer_packs: int = 1000
    """Packs that a device keeps while its line is down."""
    faults: tuple[FaultRequest, ...] = ()
    """Faults to start by themselves; their `after_s` counts from the start of `run`."""
    scatter_per_h: float = 0.0
    """Everyday faults an hour of log time in the whole city, at random, labelled."""
    labels_path: Path | None = None
    """Where the label of each fault is appended as a JSON line."""
    mqtt_others: tuple[Address, ...] = ()
    """Further nodes of the broker, among which the lines are spread."""
    mqtt_trust: BrokerTrust | None = None
    """Whose certificate counts as the broker's; None speaks in clear."""


class _City:
    """Everything that one run needs at hand."""

    def __init__(
        self,
        config: SimulatorConfig,
        fleet: Fleet,
        catalogue: Catalogue,
        calendar: SchoolCalendar,
        loop: DeviceLoop,
    ) -> None:
        self.clock = config.clock
        self.loop = loop
        self.world = World(fleet, calendar, config.seed)
        self.publishers = Publishers(fleet, catalogue)
        self.schedule = Schedule(self.publishers, config.cadence)
        self.board = FaultBoard(
            fleet,
            labels_path=config.labels_path,
            scatter_per_h=config.scatter_per_h,
            seed=config.seed,
        )
        room = raise_descriptor_limit()
        self.lines = Lines(
            loop,
            fleet,
            self.publishers,
            connections=min(room, config.max_connections or room),
            secrets=config.secrets,
            shared_as=config.shared_as,
            buffer_packs=config.buffer_packs,
            seed=config.seed,
        )
        self.active: list[Fault] = []
        self._counted = 0
        """Packs that the meter has already."""

    def now_us(self) -> int:
        """Return the log time."""
        return self.clock.log_us(time.time_ns() // 1000)

    def send_slot(self, slot: int) -> None:
        """Publish what is due in a slot."""
        time_us = slot * self.schedule.slot_us
        self.active = self.board.active(time_us)
        self.lines.set_cut(cut_positions(self.active))
        for stream, at in self.schedule.due(slot):
            if stream is Stream.STATUS:
                for position in at.tolist():
                    self.lines.send_status(position)
            elif stream is not Stream.ATTENDANCE or self.world.in_register(time_us):
                self._send_packs(stream, time_us, at)

    def _send_packs(self, stream: Stream, time_us: int, at: NDArray[np.intp]) -> None:
        measured, wire = apply(self.world.measure(stream, time_us, at), self.active, self.world)
        packs = encode_packs(measured, self.publishers.metrics[stream], time_us + wire.skew_us)
        spoilt = wire.garbage > 0
        if spoilt.any():
            draw = np.random.Generator(np.random.Philox(key=time_us, counter=0)).random(len(at))
            spoilt &= draw < wire.garbage
        topics = self.publishers.topics[stream]
        rows = zip(
            at.tolist(), packs, wire.sends.tolist(), wire.copies.tolist(), spoilt.tolist(), strict=True
        )
        for position, pack, sends, copies, is_spoilt in rows:
            if pack is None or not sends:
                continue
            payload = garbage(position + time_us // self.schedule.slot_us, pack) if is_spoilt else pack
            for _ in range(copies):
                self.lines.send(position, topics[position], payload)

    def measure(self, meter: Meter) -> None:
        """Bring the meter up to date."""
        meter.add("eduops_simulator_packs_total", self.lines.sent - self._counted)
        self._counted = self.lines.sent
        meter.put("eduops_simulator_connections", self.loop.connected)

    def report(self) -> None:
        """Log how far it is."""
        _logger.info(
            "event=simulator_progress schools=%d connections=%d messages=%d acknowledged=%d "
            "unacknowledged=%d lost=%d faults=%d",
            len(self.world.fleet.schools),
            self.loop.connected,
            self.lines.sent,
            self.loop.acknowledged,
            self.loop.unacknowledged,
            self.loop.lost + self.lines.lost,
            len(self.active),
        )


async def run(
    config: SimulatorConfig,
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    live: Live | None,
    stop: asyncio.Event,
    *,
    meter: Meter | None = None,
) -> None:
    """Simulate the fleet until `stop` is set; its packs and connections are counted on the meter.

    Lines connect in the background; what is measured before a line stands is kept and sent with
    its original times. Requests on `live.fault` are answered if `live` is given.

    Raises:
        ConfigurationError: a configured fault names nothing that exists.
    """
    async with DeviceLoop(
        config.mqtt_host, config.mqtt_port, others=config.mqtt_others, trust=config.mqtt_trust
    ) as loop:
        city, metered = _City(config, fleet, catalogue, calendar, loop), meter or Meter()
        for request in config.faults:
            reply = city.board.request(request, city.now_us())
            if reply.error:
                raise ConfigurationError(reply.error)
        if live is not None:

            async def answer(_subject: str, payload: bytes) -> bytes:
                return city.board.answer(payload, city.now_us())

            await live.respond(FAULT_SUBJECT, answer)
        city.lines.connect()
        city.report()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_every(GREET_S, city.lines.greet, stop))
            tasks.create_task(_every(MEASURE_S, lambda: city.measure(metered), stop))
            tasks.create_task(_every(PROGRESS_S, city.report, stop))
            if config.issue_anew is not None:
                tasks.create_task(_issue_anew(city.lines, config.issue_anew, stop))
            tasks.create_task(_send(city, stop))
        city.report()


async def _send(city: _City, stop: asyncio.Event) -> None:
    """Send slot after slot, each when the log's clock says so."""
    slot_us = city.schedule.slot_us
    slot = city.now_us() // slot_us + 1
    while not stop.is_set():
        behind_us = city.now_us() - slot * slot_us
        if behind_us > MOST_BEHIND_US:
            _logger.warning("event=simulator_behind lag_s=%.0f: slots are left out", behind_us / 1e6)
            slot += behind_us // slot_us
        wait_s = (city.clock.real_us(slot * slot_us) - time.time_ns() // 1000) / 1e6
        if not await pause(stop, wait_s):
            city.send_slot(slot)
            slot += 1


async def _issue_anew(
    lines: Lines,
    issue: Callable[[Collection[DeviceName]], Awaitable[Collection[DeviceName]]],
    stop: asyncio.Event,
) -> None:
    """Bring refused devices back, as an engineer does who sets a gateway up anew."""
    while not await pause(stop, LOOK_AGAIN_S):
        if refused := lines.refused()[:MOST_ANEW]:
            try:
                held = await issue(refused)
            except InfrastructureError as error:
                _logger.warning("event=devices_not_issued_anew devices=%d: %s", len(refused), error)
            else:
                lines.silence(set(refused) - set(held))


async def _every(seconds: float, action: Callable[[], None], stop: asyncio.Event) -> None:
    while not stop.is_set():
        await pause(stop, seconds)
        action()
