"""What a notice says, as the letter that a channel is handed: of an incident, of a report."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from alerting.messages.story import Office
from alerting.messages.webhook import webhook_body, webhook_words
from alerting.messages.wording import (
    MessageForm,
    NoticeText,
    report_lost_text,
    report_text,
    write_notice,
)
from contract.errors import EduopsError
from contract.routing.delivery import AttemptOutcome
from contract.routing.notice import Notice, NoticeReason
from contract.routing.report import MadeReport, ReportFile, ScheduledReport
from contract.texts import Language
from notifier.senders.outlet import Letter
from notifier.telling import ToldStories, Withheld, told_of
from storage.outbox import Claim, load_report, lost_reports

_logger: Final = logging.getLogger(__name__)

MakeReport = Callable[[AsyncConnection[Any], ScheduledReport, Language], Awaitable[MadeReport]]
"""Makes a report from the tables as a transaction sees them. Whoever starts the notifier brings it: what
makes reports belongs to the dashboard, which no sibling imports."""
MOST_MADE: Final = 4
"""Reports that are remembered: each takes a second of a core, and several people get the same one."""


class UnwrittenError(EduopsError):
    """There is nothing to send; says why."""

    def __init__(self, outcome: AttemptOutcome, why: str) -> None:
        """Take what the attempt comes to: refused for good, or failed for now."""
        super().__init__(why)
        self.outcome = outcome


class Letters:
    """Writes letters; used by several workers."""

    def __init__(self, office: Office, make_report: MakeReport) -> None:
        """Take what all letters need."""
        self._office = office
        self._make = make_report
        self._made: dict[tuple[str, Language], MadeReport] = {}

    async def told(self, conn: AsyncConnection[Any], notice: Notice, user: str) -> ToldStories | Withheld:
        """Return what a contact is told of a notice, who signs in as `user`; empty for who has no account."""
        return await told_of(conn, notice, user, self._office)

    async def write(
        self,
        conn: AsyncConnection[Any],
        claim: Claim,
        told: ToldStories,
        form: MessageForm,
        language: Language,
    ) -> Letter:
        """Return what is sent of a claim.

        Args:
            conn: in the transaction of the claim.
            claim: what is to be said.
            told: of what, as `told` found it.
            form: the room that the channel has.
            language: of whoever gets it.

        Raises:
            UnwrittenError: what it is about is not kept any more, or the report could not be made now.
            psycopg.OperationalError: the database is lost.
        """
        notice = claim.notice
        if notice.reason.is_of_report:
            text, files = await self._report(conn, claim, form, language)
            body = webhook_words(notice.to, text, self._office, notice.reason.value)
            return Letter(notice.notice_id, notice.to, text, body, at_us=notice.at_us, files=files)
        stories, office = told.stories, told.office
        if not stories:
            raise UnwrittenError(AttemptOutcome.REFUSED, "its incident is not kept any more")
        text = write_notice(notice, claim.older, stories, office, form, language)
        return Letter(
            key=notice.notice_id,
            to=notice.to,
            text=text,
            body=webhook_body(notice, stories, office, text, language),
            incident_id="" if notice.incidents else stories[0].incident.incident_id,
            priority=told.priority,
            at_us=notice.at_us,
        )

    async def _report(
        self, conn: AsyncConnection[Any], claim: Claim, form: MessageForm, language: Language
    ) -> tuple[NoticeText, tuple[ReportFile, ...]]:
        report = await load_report(conn, claim.notice.incident_id)
        if report is None:
            raise UnwrittenError(AttemptOutcome.REFUSED, "its report is not kept any more")
        if claim.notice.reason is NoticeReason.REPORT_LOST:
            lost = await lost_reports(conn, report.due_at_us, report.report_id)
            answers = [f"{one.to}{one.channel and f' ({one.channel})'}: {one.answer}" for one in lost]
            return report_lost_text(report, answers, self._office, form, language), ()
        language = report.language or language
        made = self._made.get((report.report_id, language))
        if made is None:
            made = await self._make_new(conn, report, language)
        return report_text(made, self._office, form), made.files

    async def _make_new(
        self, conn: AsyncConnection[Any], report: ScheduledReport, language: Language
    ) -> MadeReport:
        try:
            async with conn.transaction():  # what fails within leaves the claim as it is
                made = await self._make(conn, report, language)
        except psycopg.OperationalError:
            raise
        except Exception as error:  # whatever it is, what wakes people must still go out
            _logger.exception("event=report_not_made key=%s", report.report_id)
            why = f"the report could not be made: {type(error).__name__}"
            raise UnwrittenError(AttemptOutcome.FAILED, why) from error
        self._made[report.report_id, language] = made
        while len(self._made) > MOST_MADE:
            del self._made[next(iter(self._made))]
        return made
