"""The authoriser: the broker asks it at each CONNECT of a device; credentials are in its memory.

Connections that stand need it no more: killed and started again, only newcomers wait. Without PostgreSQL
it goes on with what it knows.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import psycopg

from bus.auth.callout import AuthCallout
from contract.devices.connecting import BrokerLine, ConnectRequest, DeviceRights
from contract.errors import InfrastructureError
from contract.service.metrics import Meter
from ingest.acceptance.verdict import ConnectDenial
from ingest.authoriser.book import Book
from ingest.authoriser.shares import Shares
from storage.database import connect
from storage.devices.credentials import credential_changes
from storage.devices.sightings import note_sightings

_logger: Final = logging.getLogger(__name__)

NOTE_S: Final = 2.0
"""Between two notes of how devices were seen."""
LOOK_S: Final = 10.0
"""Between two looks what each device has sent: so long a flood goes on unnoticed."""
TELL_AGAIN_US: Final = 60_000_000
"""A device that is refused again and again for one reason is logged once in this time."""
MOST_TOLD: Final = 500
"""Refusals remembered for that; beyond, they are only counted."""


@dataclass(frozen=True, slots=True)
class AuthoriserConfig:
    """What the authoriser is told."""

    dsn: str = field(repr=False)
    nats_url: str
    user: str
    password: str = field(repr=False)
    """Also makes the key with which it signs; the server knows the public half."""
    name: str = "authoriser"
    share_bytes: float = 128 * 1024**2
    """What a device may send within an hour, above 0; see `shares.Shares`."""
    look_s: float = LOOK_S


class Authoriser:
    """One authoriser: judges, follows the credentials, notes what it saw."""

    def __init__(self, config: AuthoriserConfig, callout: AuthCallout, meter: Meter) -> None:
        self._config = config
        self._callout = callout
        self._meter = meter
        self._book = Book(Shares(config.share_bytes, _real_us()))
        self._told: dict[tuple[str, ConnectDenial], int] = {}

    async def run(self, stop: asyncio.Event, mark_ready: Callable[[], None]) -> None:
        """Answer until told to stop; ready once every credential is known."""
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow(tasks, mark_ready), name="authoriser-follow")
            noting = tasks.create_task(self._note(), name="authoriser-note")
            measuring = tasks.create_task(self._measure(), name="authoriser-measure")
            await stop.wait()
            measuring.cancel()
            following.cancel()
            noting.cancel()

    def _judge(self, request: ConnectRequest, is_last: bool) -> DeviceRights | None:
        now_us = _real_us()
        found = self._book.judge(request, now_us)
        if isinstance(found, ConnectDenial) and not is_last:
            return None
        self._book.note(request, found, now_us)
        if isinstance(found, DeviceRights):
            self._meter.add("eduops_authoriser_connects_total")
            return found
        self._meter.add("eduops_authoriser_denials_total", 1, found.value)
        self._tell(request, found, now_us)
        return None

    def _tell(self, request: ConnectRequest, denial: ConnectDenial, now_us: int) -> None:
        name = "" if denial is ConnectDenial.NO_DEVICE else request.user  # any text may come as a user
        if now_us - self._told.get((name, denial), 0) < TELL_AGAIN_US or len(self._told) > MOST_TOLD:
            return
        self._told[name, denial] = now_us
        _logger.warning(
            "event=device_refused device=%s reason=%s address=%s", name, denial.value, request.address
        )

    def _gone(self, line: BrokerLine, is_taken_over: bool) -> None:
        self._book.ended_line(line, _real_us())
        if not is_taken_over:
            return
        self._meter.add("eduops_authoriser_takeovers_total")
        if self._book.is_twice(line.client_id, _real_us()):
            _logger.warning(
                "event=device_twice device=%s: two connections take its name in turn", line.client_id
            )

    async def _measure(self) -> None:
        """See for ever what each device sends, and end those that are over their share."""
        while True:
            await asyncio.sleep(self._config.look_s)
            asked_us = _real_us()
            try:
                over = self._book.look(await self._callout.standing(), asked_us)
            except InfrastructureError as error:
                _logger.warning("event=shares_not_seen: %s", error)
                continue
            for name in sorted(over):
                _logger.warning("event=device_over_share device=%s: it is held off for a while", name)
            await self._end(over)

    async def _follow(self, tasks: asyncio.TaskGroup, mark_ready: Callable[[], None]) -> None:
        serves = False
        async for change in credential_changes(self._config.dsn):
            if not change.province:  # no fleet yet
                continue
            changed = self._book.take(change)
            self._meter.put("eduops_authoriser_credentials", len(self._book))
            if not serves:
                await self._callout.serve(self._judge, self._gone)
                mark_ready()
                serves = True
                _logger.info("event=authoriser_started credentials=%d: the broker may ask", len(self._book))
            # apart: the server may take seconds to say who is there, and a new credential opens at once
            tasks.create_task(self._end(None if change.is_all else changed), name="authoriser-end")

    async def _end(self, names: set[str] | None) -> None:
        """End what may not stay connected, of some names or of all."""
        if names is not None and not names:
            return
        only = next(iter(names)) if names is not None and len(names) == 1 else None
        now_us = _real_us()

        def unwanted(client_id: str, started_us: int) -> bool:
            meant = names is None or client_id in names
            return meant and self._book.is_unwanted(client_id, started_us, now_us)

        try:
            ended = await self._callout.kick(unwanted, only)
        except InfrastructureError as error:
            _logger.warning("event=device_not_disconnected: %s", error)
            return
        if ended:
            _logger.info("event=devices_disconnected connections=%d", ended)

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(NOTE_S)
            now_us = _real_us()
            self._told = {key: at for key, at in self._told.items() if now_us - at < TELL_AGAIN_US}
            await self._end(self._book.ended(now_us))
            seen = self._book.sightings()
            if not seen:
                continue
            try:
                async with await connect(self._config.dsn, "eduops sightings") as conn:
                    await note_sightings(conn, seen)
            except (InfrastructureError, psycopg.OperationalError) as error:
                self._book.put_back(seen)
                _logger.warning("event=sightings_wait: %s", error)


async def run(
    config: AuthoriserConfig, stop: asyncio.Event, *, meter: Meter, mark_ready: Callable[[], None]
) -> None:
    """Run an authoriser until `stop`.

    Raises:
        InfrastructureError: the server is out of reach or refuses.
    """
    async with AuthCallout.connect(
        config.nats_url, user=config.user, password=config.password, name=config.name
    ) as callout:
        await Authoriser(config, callout, meter).run(stop, mark_ready)


def _real_us() -> int:
    return time.time_ns() // 1000
