"""The pipeline's health: which canaries came back, and since when the pipeline is thought dead (pure).

A canary carries its time of publishing, and a value that follows from that time, so whoever sees one
can tell a true one by itself: several watchdogs need not know of each other, and none has to remember
what it sent. Ages are counted on the monotonic clock of whoever watches; every time is passed in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from contract.alert import alert_id_of
from contract.canary import canary_value
from contract.clock import LogClock

PATTERN_STEP_US: Final = 1_000_000
"""Log time in which the pattern goes on by one value, µs: the finest cadence that any canary needs."""
SUSPECT_SHARE: Final = 0.5
"""Share of the patience after which a stop that says nothing is suspected. A stop that fell silent
together with the canaries has been so for nearly all of it; a restart that is over, for less than half."""
SUMMARY_FRESH_S: Final = 15.0
"""Age below which a partition's summary shows that its owner works; the wall turns grey at the same."""
OWN_PAUSE_S: Final = 10.0
"""Two looks further apart than this mean that the watchdog itself was stopped; it begins to wait anew,
for what it did not hear says nothing about the pipeline."""


class Suspect(StrEnum):
    """Where on the path the fault is looked for; each has a text `watchdog.<suspect>`."""

    WALL = "wall"
    """Nothing comes through the websocket: the dashboard, or the way to it."""
    PAGE = "page"
    """The websocket lives, but the page is not served."""
    BROKER = "broker"
    """Canaries are not acknowledged: the MQTT broker, or the way to it."""
    FEED = "feed"
    """Canaries are acknowledged and the folds run, but no canary comes through: ingest."""
    PIPELINE = "pipeline"
    """Canaries are acknowledged, and no partition goes on: ingest, log, processor or database."""
    OWNER = "owner"
    """Some partitions stand still while others go on: the processes that own them."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the pipeline looks at one moment."""

    is_dead: bool
    """A partition, the websocket or the page was silent for longer than the patience."""
    is_well: bool
    """Every canary came back and the wall answers, all of late: an alarm may end. Between the two
    lies what is neither, so that an alarm does not come and go."""
    suspects: tuple[Suspect, ...]
    """Where to look; empty unless dead."""
    late: tuple[int, ...]
    """Partitions whose canaries are too old."""
    age_s: float
    """The greatest silence, seconds."""


class Watch:
    """What was heard, and when; all `now_s` are seconds of one monotonic clock."""

    def __init__(self, partitions: int, after_s: float, clock: LogClock, now_s: float) -> None:
        """Begin to wait.

        Args:
            partitions: each is expected to return canaries.
            after_s: patience, seconds.
            clock: maps a canary's log time to real time.
            now_s: the start; nothing is late before `now_s + after_s`.
        """
        self._after_s = after_s
        self._clock = clock
        self._since_s = self._looked_s = now_s
        self._fresh_s: list[float | None] = [None] * partitions
        self._last_us: list[int | None] = [None] * partitions
        self._wall_s: float | None = None
        self._page_s: float | None = None
        self._broker_s: float | None = None
        self._summary_age_s: Sequence[float | None] = ()

    def heard_canary(self, partition: int, time_us: int, value: float, now_s: float, real_us: int) -> bool:
        """Take note of a canary at the end of its way.

        Args:
            partition: of which it is.
            time_us: its log time, µs since 1970.
            value: its value.
            now_s: now, monotonic.
            real_us: now, µs since 1970.

        Returns:
            False if its value does not follow from its time: something on the path changes readings.
        """
        if not 0 <= partition < len(self._fresh_s) or self._last_us[partition] == time_us:
            return True
        self._last_us[partition] = time_us
        if value != pattern_value(time_us):
            return False
        sent_s = now_s - max(0.0, (real_us - self._clock.real_us(time_us)) / 1e6)
        before_s = self._fresh_s[partition]
        self._fresh_s[partition] = sent_s if before_s is None else max(before_s, sent_s)
        return True

    def heard_wall(self, summary_age_s: Sequence[float | None], now_s: float) -> None:
        """Take note of a snapshot and the ages of the summaries in it, by partition."""
        self._wall_s, self._summary_age_s = now_s, summary_age_s

    def heard_page(self, now_s: float) -> None:
        """Take note that the page was served."""
        self._page_s = now_s

    def heard_broker(self, now_s: float) -> None:
        """Take note that the broker acknowledged a canary."""
        self._broker_s = now_s

    def canary_age_s(self, partition: int, now_s: float) -> float:
        """Return the seconds since the newest returned canary was published, or since we began to wait."""
        return self._age_s(self._fresh_s[partition], now_s)

    def look(self, now_s: float) -> Health:
        """Return the health now; to be called every few seconds, for a long pause counts as our own."""
        if now_s - self._looked_s > OWN_PAUSE_S:
            self._since_s = now_s
        self._looked_s = now_s
        ages = [self._age_s(fresh_s, now_s) for fresh_s in self._fresh_s]
        late = tuple(p for p, age_s in enumerate(ages) if age_s > self._after_s)
        worst_s = max(*ages, self._age_s(self._wall_s, now_s), self._age_s(self._page_s, now_s))
        is_dead = worst_s > self._after_s
        return Health(
            is_dead=is_dead,
            is_well=all(
                self._is_recent(at_s, now_s) for at_s in (*self._fresh_s, self._wall_s, self._page_s)
            ),
            suspects=tuple(self._suspects(late, now_s)) if is_dead else (),
            late=late,
            age_s=worst_s,
        )

    def _suspects(self, late: Sequence[int], now_s: float) -> Iterable[Suspect]:
        wall, page, broker = (
            self._is_recent(at_s, now_s) for at_s in (self._wall_s, self._page_s, self._broker_s)
        )
        if not wall:
            yield Suspect.WALL
        elif not page:
            yield Suspect.PAGE
        if not broker:
            yield Suspect.BROKER
        if not (wall and broker and late):
            return
        if len(late) < len(self._fresh_s):
            yield Suspect.OWNER
        else:
            yield Suspect.FEED if self._folds_run(late) else Suspect.PIPELINE

    def _folds_run(self, partitions: Iterable[int]) -> bool:
        ages = [self._summary_age_s[p] if p < len(self._summary_age_s) else None for p in partitions]
        fresh_s = min(SUMMARY_FRESH_S, SUSPECT_SHARE * self._after_s)
        return all(age_s is not None and age_s < fresh_s for age_s in ages)

    def _is_recent(self, at_s: float | None, now_s: float) -> bool:
        return at_s is not None and now_s - at_s <= SUSPECT_SHARE * self._after_s

    def _age_s(self, at_s: float | None, now_s: float) -> float:
        return now_s - (self._since_s if at_s is None else max(self._since_s, at_s))


def pattern_value(time_us: int) -> float:
    """Return the value of a canary published at a log time, µs since 1970."""
    return canary_value(time_us // PATTERN_STEP_US)


class NoticeKind(StrEnum):
    """Why somebody outside is told; each has a text `watchdog.said_<kind>`."""

    ALARM = "alarm"
    REPEAT = "repeat"
    RECOVERY = "recovery"


class Alarm(msgspec.Struct, frozen=True):
    """An alarm that is raised and has not ended."""

    id: str
    since_us: int
    """Real time of the last sign of life, µs since 1970."""
    opened_us: int
    """Real time of the alarm."""
    said_us: int
    """Real time at which it was last said."""
    said: int = 1
    """How often it was said."""


def open_alarm(health: Health, now_us: int) -> Alarm:
    """Return the alarm that the health at a real time calls for; its identity is that time's."""
    since_us = now_us - round(health.age_s * 1e6)
    return Alarm(alert_id_of("watchdog", 0, now_us), since_us, now_us, now_us)


def decide_notice(
    alarm: Alarm | None, health: Health, now_us: int, repeat_s: float, *, is_told: bool
) -> NoticeKind | None:
    """Return why somebody must be told now, or None.

    Args:
        alarm: the one that is raised, if any.
        health: how the pipeline looks.
        now_us: real time, µs since 1970.
        repeat_s: after so many seconds an alarm that goes on is said again.
        is_told: whether everything said so far has arrived; there is no use in repeating what still waits.
    """
    if alarm is None:
        return NoticeKind.ALARM if health.is_dead else None
    if health.is_well:
        return NoticeKind.RECOVERY
    if is_told and now_us - alarm.said_us >= repeat_s * 1e6:
        return NoticeKind.REPEAT
    return None


def notice_key(alarm: Alarm, kind: NoticeKind) -> str:
    """Return the idempotency key of a notice: the same on every attempt, another one for another notice."""
    return (
        f"{alarm.id}-{kind.value}-{alarm.said}" if kind is NoticeKind.REPEAT else f"{alarm.id}-{kind.value}"
    )
