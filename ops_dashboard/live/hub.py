"""The live hub: one asyncio object that listens to the bus and speaks to every open page.

Nothing here waits for a browser: each has a short queue, and one that does not keep up is dropped
and comes back by itself. Snapshots are whole, so nothing needs to be made good after a gap.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from bus.live import Live
from bus.pause import pause
from contract.access.area import CITY, Area
from contract.clock import LogClock
from contract.errors import InfrastructureError
from contract.live import (
    ALERT_SUBJECT,
    INCIDENT_SUBJECT,
    NOTICE_SUBJECT,
    SILENCE_SUBJECT,
    SUMMARY_SUBJECT,
    SWAP_SUBJECT,
    AlertChanged,
    IncidentChanged,
    NoticeTried,
    Summary,
)
from contract.routing.silence import Silence
from contract.service.metrics import Meter
from ops_dashboard.archive import OpenWork
from ops_dashboard.live.client import Client
from ops_dashboard.live.feed import DutyMoved, Feed, SilencesMoved
from ops_dashboard.view.areas import WallArea
from ops_dashboard.view.board import Board
from ops_dashboard.view.past import Past

SNAPSHOT_S: Final = 1.0
"""Seconds between two snapshots; the wall's heartbeat."""
COALESCE_S: Final = 0.05
"""Changes within this go out together, so a storm of alerts is a few messages and none waits 0.1 s."""
PAST_S: Final = 60.0
"""Seconds between two looks at the past: its minutes are no finer."""
QUIET_S: Final = 3.0
"""A pause of the summaries longer than this means a broken line: alerts may have been missed."""
MOST_AREAS: Final = 500
"""Areas whose boards are kept at once; the least lately asked for, without a page, goes first."""

_logger: Final = logging.getLogger(__name__)
_summary: Final = msgspec.msgpack.Decoder(Summary)
_changed: Final = msgspec.msgpack.Decoder(list[AlertChanged])
_incident_changed: Final = msgspec.msgpack.Decoder(list[IncidentChanged])
_tried: Final = msgspec.json.Decoder(NoticeTried)
_silence: Final = msgspec.msgpack.Decoder(Silence)
_json: Final = msgspec.json.Encoder()


class Hub:
    """Keeps the boards, and broadcasts them once a second and at every change of an alert or incident."""

    def __init__(
        self,
        make_feed: Callable[[Area], Feed],
        clock: LogClock,
        read_open: Callable[[int], Awaitable[OpenWork]],
        read_past: Callable[[int], Awaitable[Past]],
        *,
        heal_s: float = 30.0,
        client_queue: int = 8,
        meter: Meter | None = None,
    ) -> None:
        self._make_feed = make_feed
        self._feeds: dict[Area, Feed] = {CITY: make_feed(CITY)}
        self._clock = clock
        self._read_open = read_open
        self._read_past = read_past
        self._heal_s = heal_s
        self._client_queue = client_queue
        self._meter = meter or Meter()
        self._sequence = 0
        self._silences_moved = False
        self._arrived = 0
        """Changes of alerts, incidents and silences that were ever told."""
        self._changed = asyncio.Event()
        self._heal = asyncio.Event()
        self._summary_at_s = time.monotonic()

    @property
    def board(self) -> Board:
        """The board of the whole city."""
        return self._feeds[CITY].board

    @property
    def client_count(self) -> int:
        """Pages that are connected now."""
        return sum(len(feed.clients) for feed in self._feeds.values())

    def feed(self, area: Area) -> Feed:
        """Return what an area is told; made of what is known of the city when it is first asked for."""
        found = self._feeds.pop(area, None)
        if found is None:
            found = self._make_feed(area)
            city = self._feeds[CITY].board
            for summary in city.summaries:
                found.accept_summary(summary)
            found.replace_open(city.open_alerts.values(), city.incidents.values(), city.silences.values())
            idle = [a for a, feed in self._feeds.items() if a != CITY and not feed.clients]
            for old in idle[: max(0, len(self._feeds) - MOST_AREAS)]:
                del self._feeds[old]
        self._feeds[area] = found  # the last one asked for stands last
        return found

    @asynccontextmanager
    async def client(
        self, area: Area, *, wants_changes: bool, part: WallArea | None = None
    ) -> AsyncIterator[Client]:
        """Register a page for the length of the block; hello and the last snapshot wait in its queue.

        Args:
            area: of whoever looks.
            wants_changes: whether the page follows single alerts, incidents and notices.
            part: the cluster or ward of it that the wall speaks of; None for all of it.
        """
        feed, client = self.feed(area), Client(self._client_queue, wants_changes, part)
        client.offer(feed.hello, replaceable=False)
        if part is not None:
            client.offer(self._encoded(feed, part), replaceable=True)
        elif feed.latest:
            client.offer(feed.latest, replaceable=True)
        feed.clients.add(client)
        self._count_viewers()
        try:
            yield client
        finally:
            feed.clients.discard(client)
            self._count_viewers()

    async def run(self, live: Live, stop: asyncio.Event) -> None:
        """Listen and broadcast until `stop` is set; a failing database or bus is outlived."""
        tasks = [
            asyncio.create_task(self._follow_summaries(live)),
            asyncio.create_task(self._follow_alerts(live)),
            asyncio.create_task(self._follow_incidents(live)),
            asyncio.create_task(self._follow_notices(live)),
            asyncio.create_task(self._follow_silences(live)),
            asyncio.create_task(self._follow_swaps(live)),
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
            for feed in self._feeds.values():
                for client in feed.clients:
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
            elif not self._accept(summary):
                _logger.warning("event=former_owner_speaks partition=%d: passed over", summary.partition)

    def _accept(self, summary: Summary) -> bool:
        """Let every board have a summary; return whether that of the city keeps it."""
        kept = {area: feed.accept_summary(summary) for area, feed in self._feeds.items()}
        return kept[CITY]

    async def _follow_alerts(self, live: Live) -> None:
        async for subject, payload in live.subscribe(ALERT_SUBJECT):
            try:
                changes = _changed.decode(payload)
            except msgspec.MsgspecError as error:
                _logger.error("event=live_message_unreadable subject=%s: %s", subject, error)
                continue
            for changed in changes:
                for feed in self._feeds.values():
                    feed.apply(changed, self._clock.log_us(_real_us()))
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
                for feed in self._feeds.values():
                    feed.apply_incident(changed.incident)
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
            for feed in self._feeds.values():
                if feed.tells(tried):
                    self._hand(
                        [c for c in feed.clients if c.wants_changes], _json.encode(tried), changes=True
                    )

    async def _follow_silences(self, live: Live) -> None:
        async for subject, payload in live.subscribe(SILENCE_SUBJECT):
            try:
                silence = _silence.decode(payload)
            except msgspec.MsgspecError as error:
                _logger.error("event=live_message_unreadable subject=%s: %s", subject, error)
                continue
            for feed in self._feeds.values():
                feed.apply_silence(silence)
            self._silences_moved = True
            self._arrived += 1
            self._changed.set()

    async def _follow_swaps(self, live: Live) -> None:
        async for _ in live.subscribe(SWAP_SUBJECT):
            told = [client for feed in self._feeds.values() for client in feed.clients]
            self._hand(told, _json.encode(DutyMoved()), changes=True)

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
        elif self._replace(found):
            self.broadcast_snapshot()

    def _replace(self, found: OpenWork) -> bool:
        """Let every board have what is open; return whether anything differed."""
        differed = [feed.replace_open(*found) for feed in self._feeds.values()]
        return any(differed)

    async def _beat(self) -> None:
        while True:
            self.broadcast_snapshot()
            await asyncio.sleep(SNAPSHOT_S)

    async def _flush_changes(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(COALESCE_S)
            self._changed.clear()
            for feed in self._feeds.values():
                for message in feed.flush():
                    self._hand([c for c in feed.clients if c.wants_changes], message, changes=True)
            if self._silences_moved:
                self._silences_moved = False  # which are for those of the whole city alone
                told = [c for c in self._feeds[CITY].clients if c.wants_changes]
                self._hand(told, _json.encode(SilencesMoved()), changes=True)
            self.broadcast_snapshot()

    def broadcast_snapshot(self) -> None:
        """Serialise the board once for each part that is looked at, and offer it to every page."""
        self._sequence += 1
        for area, feed in self._feeds.items():
            if feed.clients or area == CITY:
                feed.latest = self._encoded(feed, None)
            for part in {client.part for client in feed.clients}:
                told = [client for client in feed.clients if client.part == part]
                self._hand(told, feed.latest if part is None else self._encoded(feed, part), changes=False)

    def _encoded(self, feed: Feed, part: WallArea | None) -> bytes:
        return _json.encode(feed.snapshot(self.board, _real_us(), self._sequence, part))

    def _hand(self, told: Sequence[Client], message: bytes, *, changes: bool) -> None:
        for client in told:
            client.offer(message, replaceable=not changes)
        self._meter.add("eduops_dashboard_pushes_total", len(told))
        self._meter.add("eduops_dashboard_push_bytes_total", len(told) * len(message))

    def _count_viewers(self) -> None:
        self._meter.put("eduops_dashboard_viewers", self.client_count)


def _real_us() -> int:
    return time.time_ns() // 1000
