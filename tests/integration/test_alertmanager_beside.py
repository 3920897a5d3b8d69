"""The real Alertmanager beside ours, on the same stories in real time: never worse by the person's measure.

A person is worse off with a message more, with none where the other has one, with an end that is never said,
or with a first message that comes seconds later. Run by `pytest -s` it prints the table of docs/alerting.md.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.clock import LogClock
from contract.fleet import Fleet
from contract.rule import Rule
from tests.alertmanager_beside import FACTOR, REPEAT_S, Message, Ours, Story, Theirs, open_inbox
from tests.asking import asking
from tests.conftest import TestNats
from tests.dashboard_stage import NOW_US, open_stage, real_us
from tests.outbox import Post
from tests.running_system import until
from tests.signed_in import cookies

TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")
"""Debian's build reads them from here: its package must be installed, not only unpacked."""
DEBIANS = shutil.which("prometheus-alertmanager") if TEMPLATES.exists() else None
PROGRAM = shutil.which("alertmanager") or DEBIANS
LATER_S = 2.0
"""A first message that comes so much later is worse; both decide at whole seconds."""
APART_S = 0.3
"""Between the beginnings of two stories."""
WARM_UP = "WarmUp"
QUIET_S = 12.0
"""After a story's last word all that is owed has been said: our minute of quiet, scaled, and a repeat."""


async def grouping(story: Story) -> None:
    """Twenty alerts of one name at once, over after 4 s."""
    await story.fire(*({"instance": str(n)} for n in range(20)))
    await story.at(4)
    await story.clear()


async def stragglers(story: Story) -> None:
    """Six alerts of one name, one a second, over after 9 s."""
    for n in range(6):
        await story.at(n)
        await story.fire({"instance": str(n)})
    await story.at(9)
    await story.clear()


async def repeat(story: Story) -> None:
    """One alert that goes on for 16 s."""
    await story.fire()
    await story.at(16)
    await story.clear()


async def flapping(story: Story) -> None:
    """One alert, on and off five times, 2 s each."""
    for n in range(5):
        await story.at(4 * n)
        await story.fire()
        await story.at(4 * n + 2)
        await story.clear()


async def silenced(story: Story) -> None:
    """Silenced before, on for 5 s."""
    await story.silence(60)
    await story.fire()
    await story.at(5)
    await story.clear()


async def over_while_silenced(story: Story) -> None:
    """Told, then silenced, then over."""
    await story.fire()
    await story.at(3)
    await story.silence(60)
    await story.at(5)
    await story.clear()


async def outlives_silence(story: Story) -> None:
    """Silenced for 5 s, on for 10 s."""
    await story.silence(5)
    await story.fire()
    await story.at(10)
    await story.clear()


async def inhibited(story: Story) -> None:
    """A host is down; a second later its disk is slow."""
    await story.fire({"instance": "a", "severity": "critical"}, kind="HostDown")
    await story.at(1)
    await story.fire({"instance": "a", "severity": "warning"}, kind="DiskSlow")
    await story.at(5)
    await story.clear()


async def over_while_inhibited(story: Story) -> None:
    """A disk is slow, its host goes down, the disk is well again, then the host."""
    await story.fire({"instance": "a", "severity": "warning"}, kind="DiskSlow")
    await story.at(3)
    await story.fire({"instance": "a", "severity": "critical"}, kind="HostDown")
    await story.at(6)
    await story.clear(kind="DiskSlow")
    await story.at(8)
    await story.clear()


async def receiver_down(story: Story) -> None:
    """The receiver answers 500 for 6 s; on for 10 s."""
    story.break_receivers(True)
    await story.fire()
    await story.at(6)
    story.break_receivers(False)
    await story.at(10)
    await story.clear()


async def over_before_receiver_is_back(story: Story) -> None:
    """The receiver answers 500 for 8 s; on for 4 s."""
    story.break_receivers(True)
    await story.fire()
    await story.at(4)
    await story.clear()
    await story.at(8)
    story.break_receivers(False)


async def restart(story: Story) -> None:
    """Told, then both restart (away from second 3 to 5), over at 9 s."""
    await story.fire()
    await story.at(9)
    await story.clear()


async def over_during_restart(story: Story) -> None:
    """Told, then both restart; over meanwhile."""
    await story.fire()
    await story.at(4)
    await story.clear()


Tell = Callable[[Story], Awaitable[None]]
SIDE_BY_SIDE: tuple[Tell, ...] = (
    grouping, stragglers, repeat, flapping, silenced, over_while_silenced, outlives_silence, inhibited,
    over_while_inhibited, receiver_down, over_before_receiver_is_back,
)  # fmt: skip
AT_A_RESTART: tuple[Tell, ...] = (restart, over_during_restart)
Sides = tuple[Theirs, Ours]


def name_of(tell: Tell) -> str:
    """Return a story's name, as alerts have one."""
    return tell.__name__.title().replace("_", "")


@pytest.fixture
async def sides(
    nats: TestNats,
    postgres_url: str,
    tmp_path: Path,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> AsyncIterator[Sides]:
    clock = LogClock(NOW_US, real_us(), FACTOR)
    names = [WARM_UP, *map(name_of, (*SIDE_BY_SIDE, *AT_A_RESTART))]
    opened = open_stage(nats, postgres_url, city, catalogue, calendar, rules, clock=clock)
    async with opened as stage, open_inbox() as their_inbox, open_inbox() as our_inbox:
        stage.clock = clock
        assert PROGRAM is not None
        post = Post(postgres_url, tmp_path, city, stage.log, stage.live, stage.conn)
        post.clock = clock
        both = (
            Theirs(their_inbox, PROGRAM, tmp_path, iter(names)),
            Ours(our_inbox, stage, post, iter(names)),
        )
        try:
            for side in both:
                await side.start()
            yield both
        finally:
            for side in both:
                await side.stop()


async def tell_all(tellings: tuple[Tell, ...], sides: Sides, client: httpx.AsyncClient) -> dict[Tell, Story]:
    """Tell stories beside each other, each about its own alerts, one beginning shortly after the other."""

    async def tell_one(tell: Tell, place: int) -> Story:
        await asyncio.sleep(APART_S * place)
        story = Story(name_of(tell), sides, client)
        await tell(story)
        await story.at(time.monotonic() - story.began_s + QUIET_S)
        return story

    stories = await asyncio.gather(*(tell_one(tell, place) for place, tell in enumerate(tellings)))
    return dict(zip(tellings, stories, strict=True))


async def warm_up(sides: Sides, client: httpx.AsyncClient) -> None:
    """Let both tell something once: what they pay for at the first time is no measure."""
    story = Story(WARM_UP, sides, client)
    await story.fire()
    for side in sides:
        await until(lambda side=side: bool(side.inbox.taken.get(WARM_UP)), f"{side.name} has told something")  # type: ignore[misc]
    await story.clear()


async def restart_both(sides: Sides) -> None:
    """Stop both at second 3 and start them at second 5."""
    await asyncio.sleep(3)
    for side in sides:
        await side.stop()
    await asyncio.sleep(2)
    for side in sides:
        await side.start()


def worse(theirs: list[Message], ours: list[Message]) -> list[str]:
    """Return in what the person is worse off with ours; reminders may be as many as `REPEAT_S` promises."""
    found = []
    reminders = [message for message in ours if message.why == "repeat interval"]
    may_be = (ours[-1].at_s - ours[0].at_s) // REPEAT_S if ours else 0
    is_more = len(ours) - len(reminders) > len(theirs) or len(reminders) > may_be
    if is_more and not owes(theirs):
        found.append("more messages")
    if theirs and not ours:
        found.append("nothing is said")
    if theirs and ours and ours[0].at_s > theirs[0].at_s + LATER_S:
        found.append("later")
    if owes(ours):
        found.append("the end is not said")
    return found


def owes(messages: list[Message]) -> bool:
    """Return whether the last message of something that is over says that it goes on."""
    return bool(messages) and not messages[-1].is_over


def spelled(messages: list[Message]) -> str:
    """Return messages as a cell of the table."""
    number = f"{len(messages)}: " if messages else "none"
    return number + ", ".join(map(str, messages))


def row(tell: Tell, told: list[list[Message]]) -> str:
    """Return a row of the table."""
    theirs, ours = told
    verdict = "worse: " + ", ".join(worse(theirs, ours)) if worse(theirs, ours) else "no worse"
    return f"| {(tell.__doc__ or '').strip()} | {spelled(theirs)} | {spelled(ours)} | {verdict} |"


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="no Alertmanager (package prometheus-alertmanager)")
async def test_ours_is_never_worse_by_the_persons_measure(sides: Sides) -> None:
    ours = next(side.url for side in sides if side.name == Ours.name)
    async with asking(timeout=5, cookies=cookies(ours)) as client:
        await warm_up(sides, client)
        stories = await tell_all(SIDE_BY_SIDE, sides, client)
        restarted, _ = await asyncio.gather(tell_all(AT_A_RESTART, sides, client), restart_both(sides))
        stories |= restarted
    print("\n| story | Alertmanager | eduops | |\n|---|---|---|---|")
    for tell, story in stories.items():
        print(row(tell, story.told()))
    found = {tell.__name__: worse(*story.told()) for tell, story in stories.items()}
    assert {name: why for name, why in found.items() if why} == {}
