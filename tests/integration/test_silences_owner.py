"""Silences in real tables: by any owner, in any stretches, told twice or not."""

from collections.abc import Sequence

import msgspec
import pytest

from bus.codec import encode_silence_word
from contract.entry import EntryKind
from contract.live import SILENCE_SUBJECT
from contract.routing.silence import Silence, SilenceEnded, SilenceSet
from storage.database import connect
from storage.silences import silences_since
from tests.alerts_owner import fold_by_turns
from tests.incident_log import GROUPS, MINUTE_US, LogEntry, folded
from tests.silence_words import recurring, silence, wanted

T0 = 1_795_399_200_000_000


def a_day() -> list[LogEntry]:
    """Return a log: a silence that is changed, one that is ended, one that recurs, each said twice."""
    first = wanted(silence("a", T0, T0 + 60 * MINUTE_US))
    longer = silence("b", T0, T0 + 90 * MINUTE_US, created_at_us=T0 + MINUTE_US)
    short = wanted(silence("c", T0 + 2 * MINUTE_US, T0 + 3 * MINUTE_US))
    weekly = wanted(recurring("d", T0 + 4 * MINUTE_US, "FREQ=WEEKLY", 3, not_in_exam=True))
    end_us = T0 + 5 * MINUTE_US
    words = [first, wanted(longer, "a"), short, weekly, LogEntry(end_us, SilenceEnded("b", "Minh", end_us))]
    return [*words, *(word._replace(at_us=end_us + 1) for word in words), LogEntry(end_us + MINUTE_US)]


async def fold_in(
    dsn: str, entries: Sequence[LogEntry], batch: int
) -> tuple[dict[str, Silence], dict[str, Silence]]:
    """Own the log to its end, a new owner for each batch; return what is stored, and what is published."""
    said = [
        (EntryKind.SILENCE, encode_silence_word(word), at_us)
        if isinstance(word, SilenceSet | SilenceEnded)
        else (EntryKind.TICK, b"", at_us)
        for at_us, word in entries
    ]
    async with await connect(dsn) as conn:
        published = await fold_by_turns(conn, GROUPS, said, batch)
        stored = await silences_since(conn, 0)
    assert {subject for subject, _ in published} == {SILENCE_SUBJECT}
    heard = [msgspec.msgpack.decode(payload, type=Silence) for _, payload in published]
    return {one.silence_id: one for one in stored}, {one.silence_id: one for one in heard}


@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_owners_one_after_the_other_write_what_one_alone_does(postgres_url: str, batch: int) -> None:
    entries = a_day()
    stored, heard = await fold_in(postgres_url, entries, batch)
    assert stored == heard == folded([entries]).silences
    assert {name: one.replaced_by for name, one in stored.items()} == {
        "a": "b",
        "b": None,
        "c": None,
        "d": None,
    }
    assert (stored["a"].ended_by, stored["b"].ended_by) == ("Lan", "Minh")
