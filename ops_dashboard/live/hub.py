"""The live hub: one asyncio object that listens to the bus and speaks to every open page.

Nothing here waits for a browser: each has a short queue, and one that does not keep up is dropped
and comes back by itself. Snapshots are whole, so nothing needs to be made good after a gap.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from bus.live import Live
from bus.pause import pause
from contract.catalogue import Catalogue
from contract.clock import LogClock
from contract.errors import InfrastructureError
from contract.live import (
    ALERT_SUBJECT,
    INCIDENT_SUBJECT,
    NOTICE_SUBJECT,
    SILENCE_SUBJECT,
    SUMMARY_SUBJECT,
    AlertChanged,
    IncidentChanged,
    NoticeTried,
    Summary,
)
from contract.privacy import shown_change
from contract.routing.silence import Silence
from contract.service.metrics import Meter
from ops_dashboard.archive import OpenWork
from ops_dashboard.view.areas import WallArea
from ops_dashboard.view.board import Board
from ops_dashboard.view.past import Past

SNAPSHOT_S: Final = 1.0
"""Seconds between two snapshots; the wall's heartbeat."""
COALESCE_S: Final = 0.05
"""Changes within this go out together, so a storm of alerts is a few messages and none waits 0.1 s."""
CHANGES_MAX: Final = 200
"""More changes at once than this are not sent one by one: the pages read the table anew instead."""
PAST_S: Final = 60.0
"""Seconds between two looks at the past: its minutes are no finer."""
QUIET_S: Final = 3.0
"""A pause of the summaries longer than this means a broken line: alerts may have been missed."""

_logger: Final = logging.getLogger(__name__)
_summary: Final = msgspec.msgpack.Decoder(Summary)
_changed: Final = msgspec.msgpack.Decoder(list[AlertChanged])
_incident_changed: Final = msgspec.msgpack.Decoder(list[IncidentChanged])
_tried: Final = msgspec.json.Decoder(NoticeTried)
_silence: Final = msgspec.msgpack.Decoder(Silence)
_json: Final = msgspec.json.Encoder()


class Hello(msgspec.Struct, frozen=True, tag_field="kind", tag="hello"):
    """The first message to a browser."""

    build: str
    topology: str
    province: str
    """Token of the fleet's province in topics: all that a watchdog must know to publish its canaries."""
    partitions: int


class Changes(msgspec.Struct, frozen=True, tag_field="kind", tag="changes"):
    """Alerts that changed within the last moment, in order."""

    changes: Sequence[AlertChanged]


class IncidentsMoved(msgspec.Struct, frozen=True, tag_field="kind", tag="incidents"):
    """Incidents that changed within the last moment; pages that show any ask for the rest."""

    ids: Sequence[str]
    """Empty for more than `CHANGES_MAX`: it may be any."""


class SilencesMoved(msgspec.Struct, frozen=True, tag_field="kind", tag="silences"):
    """Silences that were made or ended within the last moment; pages that show them ask for all."""


class Client:
    """One open page: a bounded queue that a writer drains."""

    def __init__(self, size: int, wants_changes: bool, area: WallArea | None = None) -> None:
        self.area = area
        """What its snapshots are of; None for the whole city."""
        self.wants_changes = wants_changes
        """The engineers' pages follow single alerts, incidents and notices; a wall needs snapshots only."""
        self.dropped = False
        """True once the page fell too far behind; its socket is then closed."""
        self._size = size
        self._waiting: deque[tuple[bool, bytes]] = deque()
        self._more = asyncio.Event()

    def offer(self, message: bytes, *, replaceable: bool) -> None:
        """Put a message in the queue; an older replaceable one makes room, else the client is dropped."""
        if len(self._waiting) >= self._size and not self._make_room():
            self.dropped = True
        if not self.dropped:
            self._waiting.append((replaceable, message))
        self._more.set()

    async def next_message(self) -> bytes | None:
        """Return the next message, or None once the client has been dropped."""
        while not self._waiting and not self.dropped:
            self._more.clear()
            await self._more.wait()
        return None if self.dropped else self._waiting.popleft()[1]

    def drop(self) -> None:
        """End the client: its writer closes the socket."""
        self.dropped = True
        self._more.set()

    def _make_room(self) -> bool:
        for position, (replaceable, _) in enumerate(self._waiting):
            if replaceable:
                del self._waiting[position]
                return True
        return False


class Hub:
    """Keeps the board, and broadcasts it once a second and at every change of an alert or incident."""

    def __init__(
        self,
        board: Board,
        clock: LogClock,
        read_open: Callable[[int], Awaitable[OpenWork]],
        read_past: Callable[[int], Awaitable[Past]],
        hello: Hello,
        catalogue: Catalogue,
        *,
        heal_s: float = 30.0,
        client_queue: int = 8,
        meter: Meter | None = None,
    ) -> None:
        self.board = board
        self._clock = clock
        self._read_open = read_open
        self._read_past = read_past
        self._catalogue = catalogue
        self._hello = _json.encode(hello)
        self._heal_s = heal_s
        self._client_queue = client_queue
        self._meter = meter or Meter()
        self._clients: set[Client] = set()
        self._sequence = 0
        self._changes: list[AlertChanged] = []
        self._moved: set[str] = set()
        self._silences_moved = False
        self._arrived = 0
        """Changes of alerts, incidents and silences that were ever told."""
        self._changed = asyncio.Event()
        self._heal = asyncio.Event()
        self._summary_at_s = time.monotonic()
        self.latest: bytes = b""
        """The last snapshot as it went out; empty before the first."""

    @property
    def client_count(self) -> int:
        """Pages that are connected now."""
        return len(self._clients)

    @asynccontextmanager
    async def client(self, *, wants_changes: bool, area: WallArea | None = None) -> AsyncIterator[Client]:
        """Register a page for the length of the block; hello and the last snapshot wait in its queue."""
        client = Client(self._client_queue, wants_changes, area)
        client.offer(self._hello, replaceable=False)
        if area is not None:
            client.offer(self._encoded(area), replaceable=True)
        elif self.latest:
            client.offer(self.latest, replaceable=True)
        self._clients.add(client)
        self._count_viewers()
        try:
            yield client
        finally:
            self._clients.discard(client)
            self._count_viewers()

    async def run(self, live: Live, stop: asyncio.Event) -> None:
        """Listen and broadcast until `stop` is set; a failing database or bus is outlived."""
        tasks = [
            asyncio.create_task(self._follow_summaries(live)),
            asyncio.create_task(self._follow_alerts(live)),
            asyncio.create_task(self._follow_incidents(live)),
            asyncio.create_task(self._follow_notices(live)),
            asyncio.create_task(self._follow_silences(live)),
            asyncio.create_task(self._keep_alerts_true()),
            asyncio.create_task(self._keep_past()),
            asyncio.create_task(self._beat()),
            asyncio.create_task(self._flush_changes()),
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            for task in [*tasks, stopping]:
                task.cancel()
            await asyncio.gather(*tasks, stopping, return_exceptions=True)
            for client in self._clients:
                client.drop()

    async def _follow_summaries(self, live: Live) -> None:
        async for subject, payload in live.subscribe(f"{SUMMARY_SUBJECT}.*"):
            try:
                summary = _summary.decode(payload)
            except msgspec.MsgspecError as error:
                _logger.error("event=live_message_unreadable subject=%s: %s", subject, error)
                continue
            now_s = time.monotonic()
            if now_s - self._summary_at_s > QUIET_S:
                self._heal.set()
            self._summary_at_s = now_s
            if not self.board.fits(summary):
                _logger.error(
                    "event=summary_misfit partition=%d: it does not fit this fleet", summary.partition
                )
            elif not self.board.accept_summary(summary):
                _logger.warning("event=former_owner_speaks partition=%d: passed over", summary.partition)

    async def _follow_alerts(self, live: Live) -> None:
        async for subject, payload in live.subscribe(ALERT_SUBJECT):
            try:
                changes = _changed.decode(payload)
            except msgspec.MsgspecError as error:
                _logger.error("event=live_message_unreadable subject=%s: %s", subject, error)
                continue
            for changed in changes:
                self.board.apply(changed, self._clock.log_us(_real_us()))
            self._changes += changes
            self._arrived += len(changes)
            self._changed.set()

    async def _follow_incidents(self, live: Live) -> None:
        async for subject, payload in live.subscribe(INCIDENT_SUBJECT):
            try:
                changes = _incident_changed.decode(payload)
            except msgspec.MsgspecError as error:
                _logger.error("event=live_message_unreadable subject=%s: %s", subject, error)
                continue
            for changed in changes:
                self.board.apply_incident(changed.incident)
                self._moved.add(changed.incident.incident_id)
            self._arrived += len(changes)
            self._changed.set()

    async def _follow_notices(self, live: Live) -> None:
        """Pass on what became of a notice; pages that show any ask for the rest."""
        async for subject, payload in live.subscribe(NOTICE_SUBJECT):
            try:
                tried = _tried.decode(payload)
            except msgspec.MsgspecError as error:
                _logger.error("event=live_message_unreadable subject=%s: %s", subject, error)
                continue
            self._offer(_json.encode(tried))

    async def _follow_silences(self, live: Live) -> None:
        async for subject, payload in live.subscribe(SILENCE_SUBJECT):
            try:
                silence = _silence.decode(payload)
            except msgspec.MsgspecError as error:
                _logger.error("event=live_message_unreadable subject=%s: %s", subject, error)
                continue
            self.board.apply_silence(silence)
            self._silences_moved = True
            self._arrived += 1
            self._changed.set()

    async def _keep_alerts_true(self) -> None:
        """Read what is open at the start, after a pause of the line, and now and then."""
        while True:
            self._heal.clear()
            try:
                await self._read_alerts()
            except InfrastructureError as error:
                _logger.warning("event=alerts_not_read: trying again: %s", error)
            await pause(self._heal, self._heal_s)

    async def _keep_past(self) -> None:
        """Read what the figures were at this time of the last weeks, once a minute; it can wait."""
        while True:
            try:
                self.board.past = await self._read_past(self._clock.log_us(_real_us()))
            except InfrastructureError as error:
                _logger.warning("event=past_not_read: trying again: %s", error)
            await asyncio.sleep(PAST_S)

    async def _read_alerts(self) -> None:
        """Replace what is open, unless any of it changed meanwhile: then what was read may be older."""
        arrived = self._arrived
        found = await self._read_open(self._clock.log_us(_real_us()))
        if self._arrived != arrived:
            self._heal.set()
        elif self.board.replace_open(*found):
            self.broadcast_snapshot()

    async def _beat(self) -> None:
        while True:
            self.broadcast_snapshot()
            await asyncio.sleep(SNAPSHOT_S)

    async def _flush_changes(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(COALESCE_S)
            self._changed.clear()
            changes, self._changes = self._changes, []
            if len(changes) > CHANGES_MAX:
                self.board.alerts_version += 1
            elif changes:
                shown = [shown_change(changed, self._catalogue) for changed in changes]
                self._offer(_json.encode(Changes(shown)))
            moved, self._moved = self._moved, set()
            if moved:
                told = sorted(moved) if len(moved) <= CHANGES_MAX else ()
                self._offer(_json.encode(IncidentsMoved(told)))
            if self._silences_moved:
                self._silences_moved = False
                self._offer(_json.encode(SilencesMoved()))
            self.broadcast_snapshot()

    def broadcast_snapshot(self) -> None:
        """Serialise the board once for each area that is looked at, and offer it to every page."""
        self._sequence += 1
        self.latest = self._encoded(None)
        for area in {client.area for client in self._clients}:
            of_area = [client for client in self._clients if client.area == area]
            self._hand(of_area, self.latest if area is None else self._encoded(area), changes=False)

    def _encoded(self, area: WallArea | None) -> bytes:
        return _json.encode(self.board.snapshot(_real_us(), self._sequence, area))

    def _offer(self, message: bytes) -> None:
        self._hand([client for client in self._clients if client.wants_changes], message, changes=True)

    def _hand(self, told: Sequence[Client], message: bytes, *, changes: bool) -> None:
        for client in told:
            client.offer(message, replaceable=not changes)
        self._meter.add("eduops_dashboard_pushes_total", len(told))
        self._meter.add("eduops_dashboard_push_bytes_total", len(told) * len(message))

    def _count_viewers(self) -> None:
        self._meter.put("eduops_dashboard_viewers", len(self._clients))


def _real_us() -> int:
    return time.time_ns() // 1000
