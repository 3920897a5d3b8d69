"""The watchdog: sees the whole pipeline from outside, as a device and as a wall, and says when it is dead.

It has no connection to NATS, PostgreSQL or the web server but those that any device and any browser
have, starts although all of them are away, and outlives each of them.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bus.device import DeviceConnection, DeviceLoop
from config.files import shipped_texts
from contract.canary import CANARY_METRIC, canary_topic
from contract.errors import InfrastructureError
from contract.service.metrics import Meter
from contract.texts import Language, Texts, write_number
from watchdog.config import WatchdogConfig, make_senders, wall_trust
from watchdog.journal import AlarmNotice, Journal, notice_body
from watchdog.senders.http import http_status
from watchdog.senders.sender import RETRY, Sender, SendError
from watchdog.watch import (
    Alarm,
    Health,
    NoticeKind,
    Suspect,
    Watch,
    decide_notice,
    notice_key,
    open_alarm,
    pattern_value,
)

_logger: Final = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""Longest pause between two looks: far below any patience."""
COME_BACK_S: Final = 1.0
"""Pause before the websocket is tried again."""
ANSWER_S: Final = 10.0
"""A wall that says nothing for so long, or a page that takes so long, is tried anew."""
KEEPALIVE_S: Final = 15
"""MQTT keep-alive: a half-open line to the broker is noticed well within the least patience people set."""
SNAPSHOT_BYTES: Final = 8 * 1024 * 1024
"""Largest push that is read: the nation's snapshot has 50 kB."""


class _Heard(msgspec.Struct):
    """What the watchdog reads of a push; the rest is for browsers."""

    kind: str
    province: str = ""
    canary: dict[int, tuple[int, float]] = {}
    partition_age_s: tuple[float | None, ...] = ()


_heard: Final = msgspec.json.Decoder(_Heard)


class Watchdog:
    """One watchdog: five loops around a `Watch`, and a journal."""

    def __init__(
        self, config: WatchdogConfig, senders: Sequence[Sender], journal: Journal, texts: Texts, meter: Meter
    ) -> None:
        self._config = config
        self._senders = senders
        self._journal = journal
        self._texts = texts
        self._meter = meter
        self._watch = Watch(config.partitions, config.after_s, config.clock, now_s=time.monotonic())
        self._wall = config.wall_url
        self._headers = {"Authorization": f"Bearer {config.wall_token}"} if config.wall_token else {}
        self._more = {sender.name: asyncio.Event() for sender in senders}
        self._unacknowledged: set[int] = set()
        """Partitions whose last canary the broker has not acknowledged yet."""

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`."""
        loops = [self._publish(), self._listen(), self._open_page(), self._look()]
        loops += [self._hand_over(sender) for sender in self._senders]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(loop) for loop in loops]
            await stop.wait()
            for task in tasks:
                task.cancel()

    async def _publish(self) -> None:
        """Be a device: publish a canary of every partition, again and again."""
        config = self._config
        (host, port), *others = config.mqtt_addresses
        async with DeviceLoop(
            host, port, keepalive_s=KEEPALIVE_S, others=others, trust=config.mqtt_trust
        ) as loop:
            line = loop.add(
                f"eduops-watch-{uuid.uuid4().hex[:8]}",
                generator=np.random.default_rng(),
                user=config.user,
                password=config.password,
            )
            line.connect()
            while True:
                if line.is_connected:
                    self._publish_round(line)
                await asyncio.sleep(config.every_s)

    def _publish_round(self, line: DeviceConnection) -> None:
        config, province = self._config, self._journal.province
        if not province:
            # Nothing can be published before the wall has said where we are; the broker does answer.
            self._watch.heard_broker(time.monotonic())
            return
        time_us = config.clock.log_us(_real_us()) // 1000 * 1000  # whole ms: no rounding on the way
        pack = [{"n": CANARY_METRIC, "u": "bit/s", "v": pattern_value(time_us), "t": time_us / 1e6}]
        # A broker that stands still need not find a heap of old canaries later.
        for partition in set(range(config.partitions)) - self._unacknowledged:

            def done(partition: int = partition) -> None:
                self._unacknowledged.discard(partition)
                self._watch.heard_broker(time.monotonic())

            self._unacknowledged.add(partition)
            topic = canary_topic(province, partition, config.partitions)
            line.publish(str(topic), msgspec.json.encode(pack), done=done)

    async def _listen(self) -> None:
        """Be a wall: follow the websocket, and come back for ever."""
        address = self._wall.replace("http", "ws", 1) + "/ws/live"
        while True:
            try:
                async with connect(
                    address,
                    ssl=wall_trust(self._wall),
                    additional_headers=self._headers,
                    open_timeout=ANSWER_S,
                    close_timeout=1.0,
                    ping_interval=ANSWER_S,
                    ping_timeout=ANSWER_S,
                    max_size=SNAPSHOT_BYTES,
                    compression=None,
                    proxy=None,
                ) as socket:
                    while True:
                        async with asyncio.timeout(ANSWER_S):
                            message = await socket.recv()
                        self._hear(_heard.decode(message))
            except (OSError, WebSocketException, msgspec.MsgspecError) as error:
                _logger.debug("event=wall_lost address=%s: %s", address, error or type(error).__name__)
            await asyncio.sleep(COME_BACK_S)

    def _hear(self, message: _Heard) -> None:
        if message.province:
            self._journal.learn_province(message.province)
        if message.kind != "snapshot":
            return
        now_s, real_us = time.monotonic(), _real_us()
        self._watch.heard_wall(message.partition_age_s, now_s)
        for partition, (time_us, value) in message.canary.items():
            if not self._watch.heard_canary(partition, time_us, value, now_s, real_us):
                self._meter.add("eduops_watchdog_strange_canaries_total")

    async def _open_page(self) -> None:
        """Be a browser that opens the wall, again and again."""
        while True:
            try:
                page, trusted = f"{self._wall}/", wall_trust(self._wall)
                if await http_status("GET", page, self._headers, b"", ANSWER_S, trusted) == 200:
                    self._watch.heard_page(time.monotonic())
            except InfrastructureError as error:
                _logger.debug("event=page_not_served: %s", error)
            await asyncio.sleep(self._config.every_s)

    async def _look(self) -> None:
        while True:
            now_s = time.monotonic()
            health = self._watch.look(now_s)
            for partition in range(self._config.partitions):
                age_s = self._watch.canary_age_s(partition, now_s)
                self._meter.put("eduops_watchdog_canary_age_seconds", age_s, str(partition))
            self._decide(health)
            self._meter.put("eduops_watchdog_alarm", float(self._journal.alarm is not None))
            await asyncio.sleep(min(LOOK_S, self._config.every_s))

    def _decide(self, health: Health) -> None:
        alarm, now_us = self._journal.alarm, _real_us()
        repeat_s, is_told = self._config.repeat_s, self._journal.is_told
        kind = decide_notice(alarm, health, now_us, repeat_s, is_told=is_told)
        if kind is None:
            return
        if alarm is None:
            alarm = open_alarm(health, now_us)
        elif kind is NoticeKind.REPEAT:
            alarm = msgspec.structs.replace(alarm, said_us=now_us, said=alarm.said + 1)
        notice = self._notice(alarm, kind, health, now_us)
        # Kept before anything is sent: a watchdog killed in the middle sends again, with the same key.
        self._journal.add(None if kind is NoticeKind.RECOVERY else alarm, notice)
        level = logging.INFO if kind is NoticeKind.RECOVERY else logging.ERROR
        _logger.log(level, "event=notice kind=%s key=%s: %s", kind.value, notice.key, notice.text_en)
        for more in self._more.values():
            more.set()

    def _notice(self, alarm: Alarm, kind: NoticeKind, health: Health, now_us: int) -> AlarmNotice:
        silent_s = (now_us - alarm.since_us) / 1e6
        return AlarmNotice(
            key=notice_key(alarm, kind),
            alarm=alarm.id,
            kind=kind.value,
            at=_iso(now_us),
            since=_iso(alarm.since_us),
            suspects=tuple(suspect.value for suspect in health.suspects),
            late_partitions=health.late,
            partitions=self._config.partitions,
            silent_s=round(silent_s, 1),
            text_vi=notice_text(self._texts, Language.VI, kind, health, silent_s),
            text_en=notice_text(self._texts, Language.EN, kind, health, silent_s),
            to=tuple(self._more),
        )

    async def _hand_over(self, sender: Sender) -> None:
        """Hand over what waits for one sender, in order; a sender that hangs does not hold up another."""
        failures = 0
        more = self._more[sender.name]
        while True:
            more.clear()
            notice = self._journal.first_for(sender.name)
            if notice is None:
                failures = 0
                await more.wait()
                continue
            try:
                await sender.send(notice_body(notice), notice.key)
            except SendError as error:
                failures += 1
                self._meter.add("eduops_watchdog_notifications_total", 1, "failed")
                wait_s = RETRY.wait_s(failures)
                _logger.warning(
                    "event=notice_not_sent by=%s key=%s retry_s=%g: %s",
                    sender.name,
                    notice.key,
                    wait_s,
                    error,
                )
                await asyncio.sleep(wait_s)
                continue
            failures = 0
            self._journal.note_handed_over(sender.name, notice.key)
            self._meter.add("eduops_watchdog_notifications_total", 1, "sent")
            _logger.info("event=notice_sent by=%s key=%s", sender.name, notice.key)


async def run_watchdog(
    config: WatchdogConfig, stop: asyncio.Event, *, meter: Meter, mark_ready: Callable[[], None]
) -> None:
    """Watch the pipeline until `stop`, whoever of it is there.

    Raises:
        ConfigurationError: the webhook's address or the command cannot be meant.
    """
    senders = make_senders(config.url, config.command, config.command_environment)
    journal = Journal(config.state)
    journal.keep_senders(frozenset(sender.name for sender in senders))
    if not senders:
        _logger.warning("event=notices_stay_here: neither watchdog_url nor watchdog_command is set")
    watchdog = Watchdog(config, senders, journal, shipped_texts(), meter)
    mark_ready()
    await watchdog.run(stop)


def notice_text(texts: Texts, language: Language, kind: NoticeKind, health: Health, silent_s: float) -> str:
    """Return what a person reads: what is wrong, for how long, and where to look."""
    places = ", ".join(map(str, health.late))
    where = [
        texts.say(f"watchdog.{suspect.value}", language, partitions=places)
        if suspect is Suspect.OWNER
        else texts.say(f"watchdog.{suspect.value}", language)
        for suspect in health.suspects
    ]
    number, unit = (silent_s, "seconds") if silent_s < 120 else (silent_s / 60, "minutes")
    age = texts.say(f"unit.{unit}", language, n=write_number(number, language))
    return texts.say(f"watchdog.said_{kind.value}", language, age=age, where=" ".join(where)).strip()


def _iso(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")


def _real_us() -> int:
    return time.time_ns() // 1000
