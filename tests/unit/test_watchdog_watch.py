"""The watchdog's judgement: when it speaks, of what, how often, and under which key."""

import pytest

from contract.canary import CANARY_CYCLE, CANARY_STEP
from contract.clock import LogClock
from watchdog.watch import (
    OWN_PAUSE_S,
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

SECOND_US = 1_000_000
NOON_US = 1_795_400_000 * SECOND_US
AFTER_S = 120.0
PARTITIONS = 4
EVERY_S = 5.0


class World:
    """A pipeline in virtual time: what is broken neither answers nor brings canaries back."""

    def __init__(self, clock: LogClock | None = None) -> None:
        self.clock = clock or LogClock()
        self.now_s = 1000.0
        self.watch = Watch(PARTITIONS, AFTER_S, self.clock, self.now_s)
        self.broken: set[Suspect] = set()
        self.still: set[int] = set()
        """Partitions that bring nothing back."""

    @property
    def real_us(self) -> int:
        return NOON_US + round((self.now_s - 1000.0) * SECOND_US)

    def live(self, seconds: float) -> Health:
        """Let time pass, with a look and canaries every five seconds; return the last verdict."""
        health = self.watch.look(self.now_s)
        for _ in range(round(seconds / EVERY_S)):
            self.now_s += EVERY_S
            self.speak()
            health = self.watch.look(self.now_s)
        return health

    def speak(self) -> None:
        """Let everything that works say something."""
        if Suspect.BROKER not in self.broken:
            self.watch.heard_broker(self.now_s)
        if Suspect.WALL in self.broken:
            return
        if Suspect.PAGE not in self.broken:
            self.watch.heard_page(self.now_s)
        stands_still = Suspect.PIPELINE in self.broken
        self.watch.heard_wall([300.0 if stands_still else 1.0] * PARTITIONS, self.now_s)
        if self.broken & {Suspect.BROKER, Suspect.PIPELINE, Suspect.FEED}:
            return
        for partition in set(range(PARTITIONS)) - self.still:
            time_us = self.clock.log_us(self.real_us - SECOND_US)
            self.watch.heard_canary(partition, time_us, pattern_value(time_us), self.now_s, self.real_us)


def test_the_pattern_goes_on_every_second_and_begins_again() -> None:
    values = [pattern_value(NOON_US + s * SECOND_US) for s in range(CANARY_CYCLE + 1)]
    assert len(set(values)) == CANARY_CYCLE
    assert values[0] == values[-1]
    assert min(values) == CANARY_STEP


def test_a_healthy_pipeline_is_well_for_ever() -> None:
    world = World()
    for _ in range(20):
        health = world.live(600)
        assert (health.is_well, health.is_dead, health.suspects) == (True, False, ())
        assert health.age_s < 10


@pytest.mark.parametrize("clock", [LogClock(), LogClock(NOON_US, NOON_US, 60.0)], ids=["real", "stretched"])
@pytest.mark.parametrize("broken", [s for s in Suspect if s is not Suspect.OWNER])
def test_what_breaks_is_noticed_in_time_and_named(broken: Suspect, clock: LogClock) -> None:
    world = World(clock)
    world.live(300)
    world.broken = {broken}
    assert not world.live(AFTER_S - 10).is_dead
    health = world.live(20)
    assert health.is_dead
    assert health.suspects == (broken,)
    assert health.age_s <= 180
    world.broken = set()
    health = world.live(10)
    assert (health.is_dead, health.is_well) == (False, True)


def test_one_partition_is_enough_and_is_named() -> None:
    world = World()
    world.live(60)
    world.still = {2}
    health = world.live(AFTER_S + 10)
    assert (health.is_dead, health.suspects, health.late) == (True, (Suspect.OWNER,), (2,))


def test_wall_and_broker_away_together_are_both_named() -> None:
    world = World()
    world.broken = {Suspect.WALL, Suspect.BROKER}
    health = world.live(AFTER_S + 10)
    assert health.suspects == (Suspect.WALL, Suspect.BROKER)


def test_a_start_without_anything_alarms_once_its_patience_is_over() -> None:
    watch = Watch(PARTITIONS, AFTER_S, LogClock(), 50.0)
    assert not watch.look(50.0).is_dead
    verdicts = {s: watch.look(50.0 + s) for s in range(5, 131, 5)}
    assert not verdicts[120].is_dead
    assert verdicts[125].is_dead
    assert verdicts[125].late == (0, 1, 2, 3)


def test_a_value_that_does_not_follow_from_its_time_is_no_canary() -> None:
    world = World()
    world.live(60)
    world.still = {0}
    time_us = world.real_us + SECOND_US
    assert not world.watch.heard_canary(0, time_us, pattern_value(time_us) + 1.0, world.now_s, world.real_us)
    assert world.live(AFTER_S + 5).late == (0,)


def test_a_canary_that_is_shown_again_and_again_grows_old() -> None:
    world = World()
    world.live(30)
    world.still = set(range(PARTITIONS))
    time_us = world.real_us
    for _ in range(30):
        world.live(5)
        for partition in range(PARTITIONS):
            world.watch.heard_canary(partition, time_us, pattern_value(time_us), world.now_s, world.real_us)
    assert world.watch.look(world.now_s).is_dead


def test_a_backlog_that_comes_through_late_is_not_well() -> None:
    world = World()
    world.live(30)
    world.still = set(range(PARTITIONS))
    world.live(300)
    for late_s in (250, 200, 130):
        time_us = world.real_us - late_s * SECOND_US
        for partition in range(PARTITIONS):
            world.watch.heard_canary(partition, time_us, pattern_value(time_us), world.now_s, world.real_us)
        assert world.watch.look(world.now_s).is_dead
    assert world.watch.canary_age_s(0, world.now_s) == pytest.approx(130)


def test_between_dead_and_well_lies_neither() -> None:
    world = World()
    world.live(30)
    world.still = {1}
    health = world.live(90)
    assert (health.is_dead, health.is_well) == (False, False)


def test_a_watchdog_that_was_stopped_itself_begins_to_wait_anew() -> None:
    world = World()
    world.live(60)
    world.now_s += 600
    assert not world.watch.look(world.now_s).is_dead
    assert not world.live(30).is_dead
    world.broken = {Suspect.PIPELINE}
    assert world.live(AFTER_S + 10).is_dead


def test_a_canary_of_another_partition_count_is_passed_over() -> None:
    world = World()
    world.watch.heard_canary(99, NOON_US, pattern_value(NOON_US), world.now_s, world.real_us)
    assert not world.watch.look(world.now_s).is_well


def test_a_slow_look_is_no_pause() -> None:
    world = World()
    world.live(60)
    world.broken = set(Suspect)
    for _ in range(13):
        world.now_s += OWN_PAUSE_S
        health = world.watch.look(world.now_s)
    assert health.is_dead


DEAD = Health(True, False, (Suspect.BROKER,), (0,), 125.0)
NEITHER = Health(False, False, (), (), 90.0)
WELL = Health(False, True, (), (), 2.0)


def raised(said_us: int = NOON_US) -> Alarm:
    return Alarm("a" * 16, NOON_US - 125 * SECOND_US, NOON_US, said_us)


@pytest.mark.parametrize(
    ("alarm", "health", "after_s", "is_told", "expected"),
    [
        (None, WELL, 0, True, None),
        (None, NEITHER, 0, True, None),
        (None, DEAD, 0, True, NoticeKind.ALARM),
        (None, DEAD, 0, False, NoticeKind.ALARM),
        (raised(), DEAD, 1799, True, None),
        (raised(), DEAD, 1800, True, NoticeKind.REPEAT),
        (raised(), NEITHER, 1800, True, NoticeKind.REPEAT),
        (raised(), DEAD, 7200, False, None),
        (raised(), NEITHER, 10, True, None),
        (raised(), WELL, 10, True, NoticeKind.RECOVERY),
        (raised(), WELL, 10, False, NoticeKind.RECOVERY),
    ],
)
def test_when_somebody_is_told(
    alarm: Alarm | None, health: Health, after_s: int, is_told: bool, expected: NoticeKind | None
) -> None:
    now_us = NOON_US + after_s * SECOND_US
    assert decide_notice(alarm, health, now_us, 1800.0, is_told=is_told) is expected


def test_every_notice_has_a_key_of_its_own_and_an_attempt_has_none() -> None:
    alarm = open_alarm(DEAD, NOON_US)
    assert (alarm.opened_us, alarm.since_us) == (NOON_US, NOON_US - 125 * SECOND_US)
    keys = {notice_key(alarm, kind) for kind in NoticeKind}
    keys |= {notice_key(open_alarm(DEAD, NOON_US + 1), kind) for kind in NoticeKind}
    assert len(keys) == 6
    assert notice_key(alarm, NoticeKind.ALARM) == notice_key(open_alarm(DEAD, NOON_US), NoticeKind.ALARM)
