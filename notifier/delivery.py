"""One step of a notice's way: one attempt at one channel, or what follows when there is none to try."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from bus.codec import encode_notice_answer
from bus.log import Log
from config.routing import RoutingFile
from contract.entry import ALERTS_LOG, EntryKind
from contract.routing.delivery import AttemptOutcome, NoticeAttempt
from contract.routing.notice import HeldReason, Notice, NoticeAnswer, NoticeFate
from contract.service.metrics import Meter
from contract.service.reach import Reach
from notifier.channels import Channels, addresses, language_of, scheme_of, user_of
from notifier.letters import Letters, UnwrittenError
from notifier.reports import tell_of_loss
from notifier.senders.apprise import SEND_S
from notifier.senders.outlet import AddressError, ChannelAnswer, Letter
from notifier.telling import ToldStories, Withheld
from notifier.ways import TRIES, Urgency, Ways
from storage.outbox import (
    Claim,
    claim_notice,
    end_given_up,
    end_said,
    end_sent,
    hurry,
    keep_place,
    put_off,
    write_attempt,
)

_logger: Final = logging.getLogger(__name__)

ROUND_S: Final = 60.0
"""Pause after all channels were tried in vain although each of them answers others."""
KEEP_S: Final = 12 * 3600.0
"""After so long it is given up: chosen, half a day after an incident nobody wants its first message."""
MOST_REFUSALS: Final = 10_000
"""Refusals that are remembered; after a restart each address is asked once more."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Which channel is next."""

    channel: int
    tries: int
    url: str
    wait_s: float
    """0 where it is tried now."""


class Delivery:
    """Takes one step after the other; used by several workers."""

    def __init__(
        self,
        channels: Channels,
        routing: RoutingFile,
        letters: Letters,
        ways: Ways,
        log: Log,
        now_us: Callable[[], int],
        meter: Meter,
        reach: Reach,
    ) -> None:
        """Take what all steps need; `now_us` tells the log time."""
        self._channels = channels
        self._routing = routing
        self._letters = letters
        self._ways = ways
        self._log = log
        self._now_us = now_us
        self._meter = meter
        self._reach = reach
        self._refused: dict[tuple[str, str], None] = {}
        """Notice and address; in their order."""

    async def step(self, conn: AsyncConnection[Any]) -> tuple[Claim, NoticeFate] | None:
        """Claim what is due next and take one step with it, in one transaction; None for nothing due.

        Returns:
            The claim, and the fate of its notice after the step.

        Raises:
            psycopg.Error: the database is lost, or another notifier was faster; nothing was kept.
            InfrastructureError: the alerts log took no answer; nothing was kept.
        """
        async with conn.transaction():
            claim = await claim_notice(conn)
            if claim is None:
                return None
            self._reach("claimed")
            began_s = time.monotonic()
            urls = addresses(self._routing.current(), claim.notice.to)
            place, is_back = self._next_place(claim, urls), False
            if await end_said(conn, claim):
                fate = NoticeFate.SAID_WITH
            elif place is None:
                fate = await self._end_round(conn, claim, urls)
            elif place.wait_s > 0:
                await put_off(conn, claim, place.wait_s, unreachable=False)
                fate = NoticeFate.WAITING
            else:
                fate, is_back = await self._tell(conn, claim, place)
            self._reach("noted")
        if is_back:  # not within: it would collide with what others put off meanwhile
            await hurry(conn)
        if fate is not NoticeFate.WAITING:
            self._count(claim, fate, claim.age_s + time.monotonic() - began_s)
        return claim, fate

    def _next_place(self, claim: Claim, urls: Sequence[str]) -> _Place | None:
        """Return the first channel, from the claim's on, that is not lost to it; None without one."""
        now_s, urgency = time.monotonic(), _urgency(claim)
        for channel in range(claim.channel, len(urls)):
            url, tries = urls[channel], claim.tries if channel == claim.channel else 0
            if (claim.notice.notice_id, url) in self._refused or tries >= TRIES:
                continue
            wait_s = self._ways.wait_s(url, urgency, now_s)
            if wait_s == 0 or not self._ways.is_lost(url):
                return _Place(channel, tries, url, wait_s)
        return None

    async def _tell(self, conn: AsyncConnection[Any], claim: Claim, place: _Place) -> tuple[NoticeFate, bool]:
        """Send it, unless the contact's account may not see it; also return whether the address is back."""
        user = user_of(self._routing.current(), claim.notice.to)
        told = await self._letters.told(conn, claim.notice, user)
        if isinstance(told, Withheld):
            return await self._withhold(conn, claim, told.words), False
        return await self._attempt(conn, claim, place, told)

    async def _withhold(self, conn: AsyncConnection[Any], claim: Claim, words: str) -> NoticeFate:
        """Give it up, and say so: the next step is told at once."""
        notice_id = claim.notice.notice_id
        attempt = NoticeAttempt(claim.attempts + 1, 0, "", AttemptOutcome.REFUSED, words, "", "")
        await write_attempt(conn, notice_id, attempt, channel=claim.channel, tries=claim.tries)
        _logger.warning("event=notice_withheld key=%s: %s", notice_id, words)
        if not claim.notice.reason.is_of_report:
            await self._say_untold(claim.untold, HeldReason.WITHHELD)
        await self._lose(conn, claim)
        return NoticeFate.GIVEN_UP

    async def _attempt(
        self, conn: AsyncConnection[Any], claim: Claim, place: _Place, told: ToldStories
    ) -> tuple[NoticeFate, bool]:
        """Send it, and keep what came of that; also return whether the address answers again."""
        began_s = time.monotonic()
        self._ways.begin(place.url, began_s, SEND_S)
        letter, answer = await self._send(conn, claim, place.url, told)
        self._reach("sent")
        scheme, outcome = scheme_of(place.url), answer.outcome
        text = ("", "") if letter is None else (letter.text.title, letter.text.body)
        attempt = NoticeAttempt(claim.attempts + 1, 0, scheme, outcome, answer.words, *text)
        channel, tries, wait_s = place.channel, place.tries + 1, 0.0
        is_back = False
        if outcome is AttemptOutcome.FAILED:
            wait_s = ROUND_S
            if letter is not None:  # else the address is not to blame
                now_s = time.monotonic()
                wait_s = self._ways.note_failure(place.url, now_s, answer.retry_after_s, now_s - began_s)
            if self._ways.is_lost(place.url):
                wait_s = 0.0  # the next channel may be tried now, and without one the escalation goes on
        else:
            is_back = self._ways.note_answer(place.url)
        if outcome is AttemptOutcome.REFUSED:
            self._note_refused(claim.notice, place.url)
            channel, tries = place.channel + 1, 0
        notice_id = claim.notice.notice_id
        await write_attempt(conn, notice_id, attempt, channel=channel, tries=tries)
        self._meter.add("eduops_notifier_attempts_total", 1, scheme, outcome.value)
        if outcome is AttemptOutcome.SENT:
            await end_sent(conn, claim)
            _logger.info("event=notice_sent by=%s key=%s", scheme, notice_id)
            return NoticeFate.SENT, is_back
        _logger.warning(
            "event=notice_not_sent by=%s key=%s retry_s=%g: %s", scheme, notice_id, wait_s, answer.words
        )
        await put_off(conn, claim, wait_s, unreachable=False)
        return NoticeFate.WAITING, is_back

    async def _send(
        self, conn: AsyncConnection[Any], claim: Claim, url: str, told: ToldStories
    ) -> tuple[Letter | None, ChannelAnswer]:
        """Hand a claim to an address; without a letter nobody was asked, and the answer says why."""
        try:
            outlet = await self._channels.outlet(url)
            language = language_of(self._routing.current(), claim.notice.to)
            letter = await self._letters.write(conn, claim, told, outlet.form, language)
        except AddressError as error:
            return None, ChannelAnswer(AttemptOutcome.REFUSED, str(error))
        except UnwrittenError as error:
            return None, ChannelAnswer(error.outcome, str(error))
        return letter, await outlet.send(letter)

    async def _end_round(self, conn: AsyncConnection[Any], claim: Claim, urls: Sequence[str]) -> NoticeFate:
        """Say that no channel takes it, and begin again with the first one, unless that is in vain."""
        if not claim.notice.reason.is_of_report:  # else there is no escalation that could go on
            await self._say_untold(claim.untold, HeldReason.UNREACHABLE)
        notice_id = claim.notice.notice_id
        left = [url for url in urls if (notice_id, url) not in self._refused]
        if not left or claim.age_s > KEEP_S:
            if not urls:
                words = "routes.toml has no person and no channel of that name"
                attempt = NoticeAttempt(claim.attempts + 1, 0, "", AttemptOutcome.REFUSED, words, "", "")
                await write_attempt(conn, notice_id, attempt, channel=0, tries=0)
            await self._lose(conn, claim)
            _logger.error("event=notice_given_up key=%s: no channel of the contact takes it", notice_id)
            return NoticeFate.GIVEN_UP
        now_s, urgency = time.monotonic(), _urgency(claim)
        waits_s = []
        for url in left:
            wait_s = self._ways.wait_s(url, urgency, now_s)
            # One that answers others and not this message is no better in a moment.
            waits_s.append(wait_s if wait_s > 0 or self._ways.is_lost(url) else ROUND_S)
        await keep_place(conn, notice_id, attempts=claim.attempts, channel=0, tries=0)
        await put_off(conn, claim, min(waits_s), unreachable=True)
        return NoticeFate.WAITING

    async def _lose(self, conn: AsyncConnection[Any], claim: Claim) -> None:
        """Give a claim up; that a report is lost somebody else is told."""
        await end_given_up(conn, claim)
        if claim.notice.reason.is_of_report:
            await tell_of_loss(conn, claim.notice, self._routing.current(), self._now_us())

    async def _say_untold(self, notices: Sequence[Notice], why: HeldReason) -> None:
        for notice in notices:
            answer = NoticeAnswer(notice.notice_id, notice.incident_id, notice.to, notice.route, why)
            await self._log.append(
                ALERTS_LOG,
                EntryKind.NOTICE_ANSWER,
                encode_notice_answer(answer),
                at_us=self._now_us(),
                message_id=f"{notice.notice_id}-unreachable",
            )

    def _note_refused(self, notice: Notice, url: str) -> None:
        self._refused[notice.notice_id, url] = None
        while len(self._refused) > MOST_REFUSALS:
            del self._refused[next(iter(self._refused))]

    def _count(self, claim: Claim, fate: NoticeFate, took_s: float) -> None:
        if fate is NoticeFate.SENT:
            self._meter.observe("eduops_notifier_send_seconds", took_s)
            if claim.older:
                said = NoticeFate.SAID_WITH.value
                self._meter.add("eduops_notifier_notices_total", len(claim.older), said)
            self._meter.add("eduops_notifier_notices_total", 1, fate.value)
        else:
            self._meter.add("eduops_notifier_notices_total", len(claim.notice_ids), fate.value)


def _urgency(claim: Claim) -> Urgency:
    return Urgency(claim.notice.priority, -claim.notice.at_us, claim.notice.notice_id)
