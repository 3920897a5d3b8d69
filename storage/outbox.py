"""The outbox: notices written by whoever decided them, claimed by one notifier each, and what comes of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import AsyncConnection, AsyncCursor, IsolationLevel

from contract.errors import InfrastructureError
from contract.figures.spans import SpanKind
from contract.routing.delivery import AttemptOutcome, NoticeAttempt, NoticeRecord
from contract.routing.notice import Notice, NoticeFate, NoticeReason
from contract.routing.report import ReportFormat, ScheduledReport
from contract.texts import Language
from storage.database import connect
from storage.moment import moment
from storage.queries import query, value_of

LISTEN_AGAIN_S: Final = 2.0
"""Pause before a broken connection is opened anew; meanwhile the notifier looks by itself."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What waits for one recipient about one incident, locked until the transaction ends."""

    notice: Notice
    """The newest: its message says all of them."""
    older: tuple[Notice, ...]
    """Those that were not sent in time, the oldest first; a digest has none."""
    attempts: int
    """Of the newest, so far."""
    channel: int
    """Position of the channel to try next, from 0."""
    tries: int
    """Of that channel, so far."""
    untold: tuple[Notice, ...]
    """Those of which the alerts log was not told yet that no channel takes them."""
    age_s: float
    """Real seconds since the newest was made."""

    @property
    def notice_ids(self) -> list[str]:
        """All of them."""
        return [notice.notice_id for notice in (*self.older, self.notice)]


class LostReport(NamedTuple):
    """A report that somebody does not get."""

    report: ScheduledReport
    to: str
    """Name of the person or channel."""
    fate: NoticeFate
    """`WAITING` while it is still tried."""
    channel: str
    """Scheme of the address that was tried last; empty for none."""
    answer: str
    """What it said, for people."""


async def open_outbox(dsn: str, name: str) -> AsyncConnection[Any]:
    """Return a connection whose transactions see one moment.

    What is decided of an incident and the notice of it are then seen together or not at all.

    Raises:
        InfrastructureError: the server does not answer or refuses.
    """
    conn = await connect(dsn, name)
    await conn.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    return conn


async def claim_notice(conn: AsyncConnection[Any]) -> Claim | None:
    """Lock and return what is due next, the most urgent and then the newest first; None for nothing.

    The lock is the transaction's: whoever dies lets go of it, and nobody waits for it meanwhile.

    Raises:
        psycopg.errors.SerializationFailure: another notifier was faster; begin anew.
    """
    cursor = await conn.execute(query("claim_notice"))
    found = await cursor.fetchone()
    if found is None:
        return None
    names = ("notice_id", "incident_id", "recipient", "is_digest")
    cursor = await conn.execute(query("claimed_notices"), dict(zip(names, found, strict=True)))
    rows = await cursor.fetchall()
    attempts, channel, tries, _, age_s = rows[-1][10:]
    return Claim(
        _notice(rows[-1]),
        tuple(_notice(row) for row in rows[:-1]),
        attempts,
        channel,
        tries,
        tuple(_notice(row) for row in rows if not row[13]),
        age_s,
    )


async def write_attempt(
    conn: AsyncConnection[Any], notice_id: str, attempt: NoticeAttempt, *, channel: int, tries: int
) -> None:
    """Keep an attempt, and which channel is the next one; its time is the database's."""
    values = {
        "notice_id": notice_id,
        "number": attempt.number,
        "channel": attempt.channel,
        "outcome": attempt.outcome.value,
        "answer": attempt.answer,
        "title": attempt.title,
        "body": attempt.body,
    }
    await conn.execute(query("insert_notice_attempt"), values)
    await keep_place(conn, notice_id, attempts=attempt.number, channel=channel, tries=tries)


async def keep_place(
    conn: AsyncConnection[Any], notice_id: str, *, attempts: int, channel: int, tries: int
) -> None:
    """Keep which channel is the next one."""
    values = {"notice_id": notice_id, "attempts": attempts, "channel": channel, "tries": tries}
    await conn.execute(query("count_notice_attempt"), values)


async def put_off(conn: AsyncConnection[Any], claim: Claim, wait_s: float, *, unreachable: bool) -> None:
    """Let a claim wait so long; `unreachable` where the alerts log was told that no channel takes it."""
    values = {
        "wait": timedelta(seconds=wait_s),
        "unreachable": unreachable,
        "notice_ids": claim.notice_ids,
    }
    await conn.execute(query("put_off_notices"), values)


async def end_sent(conn: AsyncConnection[Any], claim: Claim) -> None:
    """Decide the fate of a claim that a channel took."""
    sent, older = claim.notice.notice_id, [notice.notice_id for notice in claim.older]
    await _end(conn, NoticeFate.SENT, [sent], None)
    if older:
        await _end(conn, NoticeFate.SAID_WITH, older, sent)


async def end_said(conn: AsyncConnection[Any], claim: Claim) -> bool:
    """Decide the fate of a reminder whose message before came late; return whether it is one.

    The interval counts from the decision: after an outage of the way out a reminder would follow at once.
    """
    cursor = await conn.execute(query("said_late"), {"notice_id": claim.notice.notice_id})
    before = await cursor.fetchone()
    if before is not None:
        await _end(conn, NoticeFate.SAID_WITH, claim.notice_ids, before[0])
    return before is not None


async def end_given_up(conn: AsyncConnection[Any], claim: Claim) -> None:
    """Decide the fate of a claim that no channel will take."""
    await _end(conn, NoticeFate.GIVEN_UP, claim.notice_ids, None)


async def hurry(conn: AsyncConnection[Any]) -> None:
    """Make all that waits due at once, but for what somebody has claimed."""
    await conn.execute(query("hurry_notices"))


async def seconds_to_next(conn: AsyncConnection[Any]) -> float | None:
    """Return the seconds until the next notice is due that is not due yet; None without one."""
    found: float | None = await value_of(conn, "next_notice_due")
    return found


async def outbox_load(conn: AsyncConnection[Any]) -> tuple[int, float]:
    """Return how many notices wait, and for how many seconds the oldest does."""
    cursor = await conn.execute(query("outbox_load"))
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


async def enter_report(
    conn: AsyncConnection[Any], report: ScheduledReport, notices: Sequence[Notice]
) -> bool:
    """Put a report and its notices into the outbox unless it was there; return whether it was not."""
    async with conn.transaction(), conn.cursor() as cursor:
        await cursor.execute(query("insert_report"), _report_values(report))
        is_new = await cursor.fetchone() is not None
        if is_new:
            await write_notices(cursor, notices)
    return is_new


async def load_report(conn: AsyncConnection[Any], report_id: str) -> ScheduledReport | None:
    """Return a report that was due; None where it is not kept any more."""
    cursor = await conn.execute(query("scheduled_report"), {"report_id": report_id})
    row = await cursor.fetchone()
    return None if row is None else _report(row)


async def lost_reports(
    conn: AsyncConnection[Any], after_us: int, report_id: str | None = None
) -> list[LostReport]:
    """Return which reports that were due since a moment somebody does not get, or not yet.

    Args:
        conn: a connection.
        after_us: log time, µs since 1970.
        report_id: of one alone; None for all.
    """
    asked = {"after": moment(after_us), "report_id": report_id}
    cursor = await conn.execute(query("lost_reports"), asked)
    return [
        LostReport(_report(row), to, NoticeFate(fate), channel, answer)
        for *row, to, fate, channel, answer in await cursor.fetchall()
    ]


async def figures_through(conn: AsyncConnection[Any], day: date) -> int:
    """Return up to when the figures of a day know, µs since 1970; 0 where it has none yet."""
    found: int | None = await value_of(conn, "figures_through", day=day)
    return found or 0


async def notice_states(conn: AsyncConnection[Any]) -> dict[str, bytes]:
    """Return all parts of the state of the fold of notices, by key."""
    cursor = await conn.execute(query("notice_states"))
    return {key: bytes(state) for key, state in await cursor.fetchall()}


async def write_notices(cursor: AsyncCursor[Any], notices: Sequence[Notice]) -> None:
    """Put notices into the outbox, within the transaction of whoever decided them; notifiers hear of it."""
    if notices:
        await cursor.executemany(query("insert_notice"), [_notice_values(notice) for notice in notices])
        await cursor.execute(query("tell_notices"))


async def write_notice_states(cursor: AsyncCursor[Any], states: Mapping[str, bytes | None]) -> None:
    """Keep parts of the state of the fold of notices, within the transaction of whoever folded."""
    kept = [(key, state) for key, state in states.items() if state is not None]
    gone = [(key,) for key, state in states.items() if state is None]
    if kept:
        await cursor.executemany(query("upsert_notice_state"), kept)
    if gone:
        await cursor.executemany(query("delete_notice_state"), gone)


async def notice_records(conn: AsyncConnection[Any], incident_ids: Sequence[str]) -> list[NoticeRecord]:
    """Return the notices about incidents, digests among them, by the moment of their decision."""
    cursor = await conn.execute(query("notice_records"), {"incident_ids": list(incident_ids)})
    records: list[NoticeRecord] = []
    for _, rows in groupby(await cursor.fetchall(), key=lambda row: row[0]):
        row, *others = rows
        attempts = tuple(
            NoticeAttempt(number, at_us, channel, AttemptOutcome(outcome), *said)
            for number, at_us, channel, outcome, *said in (one[16:] for one in (row, *others))
            if number is not None
        )
        fate, made_us, next_us, unreachable_us, over_us, said_with = row[10:16]
        record = NoticeRecord(
            _notice(row), NoticeFate(fate), made_us, next_us, unreachable_us, over_us, said_with, attempts
        )
        records.append(record)
    return records


async def outbox_news(dsn: str) -> AsyncIterator[None]:
    """Yield whenever notices were written, and after each time when that could not be heard; for ever."""
    while True:
        try:
            async with await connect(dsn, "eduops notices") as conn:
                await conn.execute("listen notices")
                yield
                async for _ in conn.notifies():
                    yield
        except (InfrastructureError, psycopg.OperationalError):
            await asyncio.sleep(LISTEN_AGAIN_S)


async def _end(
    conn: AsyncConnection[Any], fate: NoticeFate, notice_ids: Sequence[str], said_with: str | None
) -> None:
    values = {"fate": fate.value, "notice_ids": list(notice_ids), "said_with": said_with}
    await conn.execute(query("end_notices"), values)


def _notice(row: Sequence[Any]) -> Notice:
    """Return the notice in a row's first ten columns."""
    notice_id, incident_id, to, contact, reason, priority, at_us, route, step, incidents = row[:10]
    return Notice(
        notice_id, incident_id, to, contact, NoticeReason(reason), priority, at_us, route, step,
        tuple(incidents),
    )  # fmt: skip


def _report(row: Sequence[Any]) -> ScheduledReport:
    report_id, name, span, last, formats, language, due_at_us = row
    return ScheduledReport(
        report_id,
        name,
        SpanKind(span),
        last,
        tuple(map(ReportFormat, formats)),
        None if language is None else Language(language),
        due_at_us,
    )


def _report_values(r: ScheduledReport) -> tuple[object, ...]:
    language = None if r.language is None else r.language.value
    formats = [one.value for one in r.formats]
    return (r.report_id, r.name, r.span.value, r.last, formats, language, moment(r.due_at_us))


def _notice_values(n: Notice) -> tuple[object, ...]:
    return (
        n.notice_id, n.incident_id, n.to, n.contact, n.reason.value, n.priority, moment(n.at_us), n.route,
        n.step, list(n.incidents),
    )  # fmt: skip
