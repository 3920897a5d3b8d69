"""What every backend of the log must do; run over the memory log and the JetStream log."""

import asyncio

import pytest

from bus.log import Log, LogReader
from contract.entry import EntryKind, RawEntry
from contract.errors import InfrastructureError

NAME = "telemetry-0"
OTHER = "telemetry-1"
ROOM_BYTES = 64 * 1024 * 1024
AT_US = 1_758_000_000_000_000


async def _fill(log: Log, entries: int, name: str = NAME) -> None:
    await log.create([NAME, OTHER], ROOM_BYTES)
    for number in range(1, entries + 1):
        await log.append(name, EntryKind.READINGS, b"%d" % number, at_us=AT_US + number, count=number)


async def _read(reader: LogReader, wanted: int, most: int = 1000) -> list[RawEntry]:
    entries: list[RawEntry] = []
    while len(entries) < wanted:
        more = await reader.fetch(most, 10.0)
        assert more, f"the log fell silent after {len(entries)} of {wanted} entries"
        entries += more
    return entries


async def test_entries_come_back_as_they_were_appended(log: Log) -> None:
    await log.create([NAME], ROOM_BYTES)
    payload = bytes(range(256))
    assert await log.append(NAME, EntryKind.READINGS, payload, at_us=AT_US, count=7) == 1
    assert await log.append(NAME, EntryKind.TICK, b"", at_us=AT_US + 1) == 2
    assert await log.append(NAME, EntryKind.ACTION, b"a", at_us=-5) == 3
    assert await _read(await log.reader(NAME, 0), 3) == [
        RawEntry(1, EntryKind.READINGS, AT_US, 7, payload),
        RawEntry(2, EntryKind.TICK, AT_US + 1, 0, b""),
        RawEntry(3, EntryKind.ACTION, -5, 0, b"a"),
    ]


@pytest.mark.parametrize("most", [1, 7, 1000])
async def test_any_cutting_gives_the_same_gapless_order(log: Log, most: int) -> None:
    await _fill(log, 50)
    entries = await _read(await log.reader(NAME, 0), 50, most)
    assert [entry.seq for entry in entries] == list(range(1, 51))
    assert [entry.payload for entry in entries] == [b"%d" % number for number in range(1, 51)]


async def test_fetch_never_returns_more_than_asked(log: Log) -> None:
    await _fill(log, 20)
    reader = await log.reader(NAME, 0)
    sizes = [len(await reader.fetch(6, 10.0)) for _ in range(3)]
    assert max(sizes) <= 6


async def test_reading_starts_after_the_position(log: Log) -> None:
    await _fill(log, 9)
    entries = await _read(await log.reader(NAME, 6), 3)
    assert [entry.seq for entry in entries] == [7, 8, 9]


async def test_a_reader_at_the_end_times_out_with_nothing_then_hears_the_next(log: Log) -> None:
    await _fill(log, 2)
    reader = await log.reader(NAME, 2)
    assert await reader.fetch(10, 0.05) == []
    waiting = asyncio.create_task(reader.fetch(10, 10.0))
    await log.append(NAME, EntryKind.TICK, b"", at_us=AT_US)
    assert [entry.seq for entry in await waiting] == [3]


async def test_readers_do_not_disturb_each_other(log: Log) -> None:
    await _fill(log, 5)
    first, second = await log.reader(NAME, 0), await log.reader(NAME, 3)
    assert [entry.seq for entry in await _read(second, 2)] == [4, 5]
    await second.close()
    assert [entry.seq for entry in await _read(first, 5)] == [1, 2, 3, 4, 5]


async def test_logs_have_positions_of_their_own(log: Log) -> None:
    await _fill(log, 3)
    assert await log.append(OTHER, EntryKind.TICK, b"", at_us=AT_US) == 1
    assert (await log.last_seq(NAME), await log.last_seq(OTHER)) == (3, 1)


async def test_a_cancelled_fetch_loses_nothing(log: Log) -> None:
    await _fill(log, 1)
    reader = await log.reader(NAME, 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.fetch(10, 10.0), 0.05)
    await log.append(NAME, EntryKind.TICK, b"", at_us=AT_US)
    assert [entry.seq for entry in await _read(reader, 1)] == [2]


async def test_concurrent_appends_take_every_seq_once(log: Log) -> None:
    await log.create([NAME, OTHER], ROOM_BYTES)
    names = [NAME, OTHER] * 50
    seqs = await asyncio.gather(*(log.append(n, EntryKind.TICK, b"", at_us=AT_US) for n in names))
    assert sorted(seqs[0::2]) == sorted(seqs[1::2]) == list(range(1, 51))


async def test_the_same_message_id_twice_is_one_entry(log: Log) -> None:
    await _fill(log, 2)
    first = await log.append(NAME, EntryKind.TRANSITION, b"x", at_us=AT_US, message_id="ab12/opened")
    await log.append(NAME, EntryKind.TICK, b"", at_us=AT_US)
    again = await log.append(NAME, EntryKind.TRANSITION, b"x", at_us=AT_US, message_id="ab12/opened")
    elsewhere = await log.append(OTHER, EntryKind.TRANSITION, b"x", at_us=AT_US, message_id="ab12/opened")
    assert (first, again, elsewhere) == (3, 3, 1)
    assert await log.last_seq(NAME) == 4


async def test_an_empty_log_ends_at_zero(log: Log) -> None:
    await log.create([NAME], ROOM_BYTES)
    assert await log.last_seq(NAME) == 0
    assert await log.pending_readings(NAME, 0) == 0
    assert await (await log.reader(NAME, 0)).fetch(1, 0.05) == []


async def test_creating_again_keeps_what_is_there(log: Log) -> None:
    await _fill(log, 3)
    await log.create([NAME], 2 * ROOM_BYTES)
    assert await log.last_seq(NAME) == 3


async def test_dropped_entries_are_gone_and_seqs_go_on(log: Log) -> None:
    await _fill(log, 5)
    await log.drop_through(NAME, 3)
    assert [entry.seq for entry in await _read(await log.reader(NAME, 3), 2)] == [4, 5]
    await log.drop_through(NAME, 99)
    assert await log.last_seq(NAME) == 5
    assert await log.append(NAME, EntryKind.TICK, b"", at_us=AT_US) == 6


async def test_dropping_nothing_or_twice_changes_nothing(log: Log) -> None:
    await _fill(log, 4)
    await log.drop_through(NAME, 0)
    await log.drop_through(NAME, 2)
    await log.drop_through(NAME, 2)
    assert [entry.seq for entry in await _read(await log.reader(NAME, 2), 2)] == [3, 4]


@pytest.mark.parametrize("dropped", [3, 5])
async def test_a_reader_before_dropped_entries_names_them(log: Log, dropped: int) -> None:
    await _fill(log, 5)
    await log.drop_through(NAME, dropped)
    reader = await log.reader(NAME, 1)
    with pytest.raises(InfrastructureError, match=f"entries 2 to {dropped}"):
        await reader.fetch(10, 10.0)


async def test_entries_dropped_under_a_waiting_reader_are_named(log: Log) -> None:
    await _fill(log, 2)
    reader = await log.reader(NAME, 0)
    await _read(reader, 2)
    await reader.close()
    for _ in range(3):
        await log.append(NAME, EntryKind.TICK, b"", at_us=AT_US)
    await log.drop_through(NAME, 4)
    with pytest.raises(InfrastructureError, match="entries 3 to 4"):
        await reader.fetch(10, 10.0)


async def test_a_position_beyond_the_end_is_refused(log: Log) -> None:
    await _fill(log, 2)
    reader = await log.reader(NAME, 40)
    with pytest.raises(InfrastructureError, match="ends at entry 2"):
        await reader.fetch(10, 10.0)


async def test_pending_readings_are_those_above_the_position(log: Log) -> None:
    await _fill(log, 6)
    await log.append(NAME, EntryKind.TICK, b"", at_us=AT_US)
    assert await log.pending_readings(NAME, 0) == 21
    assert await log.pending_readings(NAME, 4) == 11
    assert await log.pending_readings(NAME, 7) == 0
    await log.drop_through(NAME, 5)
    assert await log.pending_readings(NAME, 0) == 6


async def test_a_full_log_refuses_and_takes_again_once_dropped(log: Log) -> None:
    await log.create([NAME], 8192)

    async def fill() -> None:
        for _ in range(9):
            await log.append(NAME, EntryKind.READINGS, bytes(1024), at_us=AT_US)

    with pytest.raises(InfrastructureError, match="full"):
        await fill()
    kept = await log.last_seq(NAME)
    assert [entry.seq for entry in await _read(await log.reader(NAME, 0), kept)] == list(range(1, kept + 1))
    await log.drop_through(NAME, kept)
    assert await log.append(NAME, EntryKind.TICK, b"", at_us=AT_US) == kept + 1


@pytest.mark.parametrize("verb", ["append", "last_seq", "drop_through", "pending_readings", "read"])
async def test_a_log_that_does_not_exist_is_named(log: Log, verb: str) -> None:
    async def use() -> None:
        if verb == "append":
            await log.append("nowhere", EntryKind.TICK, b"", at_us=AT_US)
        elif verb == "last_seq":
            await log.last_seq("nowhere")
        elif verb == "drop_through":
            await log.drop_through("nowhere", 1)
        elif verb == "pending_readings":
            await log.pending_readings("nowhere", 0)
        else:
            await (await log.reader("nowhere", 0)).fetch(1, 1.0)

    with pytest.raises(InfrastructureError, match="nowhere"):
        await use()


async def test_an_entry_has_a_log_time_until_it_is_dropped(log: Log) -> None:
    await _fill(log, 3)
    assert [await log.at_us(NAME, seq) for seq in (1, 3)] == [AT_US + 1, AT_US + 3]
    await log.drop_through(NAME, 2)
    assert [await log.at_us(NAME, seq) for seq in (0, 2, 3, 4)] == [None, None, AT_US + 3, None]
