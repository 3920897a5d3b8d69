"""A school year in log time: schools merge, move, close and open, devices are replaced, a term ends.

The truth is what the schools said, by their codes. At every change the tables have to say the same.
"""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg import AsyncConnection

from bus.codec import encode_readings, encode_rejected
from bus.jetstream import JetStreamLog
from bus.live import Live
from config.files import Configuration, load_configuration
from contract.clock import LogClock
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, EntryKind, telemetry_log
from contract.fleet import LEVELS, DeviceKind, Fleet
from contract.series import series_of
from eduops.data_folder import DataFolder
from eduops.settings import load_settings
from eduops.verbs.fleet_import import import_fleet, read_deeds
from ingest.acceptance.accept import Message, accept
from ingest.acceptance.registry import Registry
from ingest.acceptance.validation import AcceptanceLimits
from storage.database import connect
from storage.fleet import load_fleet, schools_then
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from storage.upkeep.maintenance import maintain
from storage.wall import kpi_history, ledger, series_history, unaccounted
from stream_processor.worker import ProcessorConfig, run
from tests.asking import asking
from tests.conftest import TestNats
from tests.dashboard_stage import PARTITIONS, open_stage, program, real_us
from tests.running_system import until
from tests.school_year import DAY_US, LOCAL, STEP_HOURS, City, Figure, Key, Said, Site, us_of
from tests.school_year_story import (
    AROUND_CHANGES,
    CLOSED,
    CLOSING,
    EVERY_DAY,
    FIRST_DAY,
    LAST_DAY,
    MERGED,
    SWALLOWED,
    Deed,
    deeds_of,
)

TELEMETRY = [telemetry_log(p) for p in range(PARTITIONS)]
LOGS = [*TELEMETRY, QUARANTINE_LOG, ALERTS_LOG]
DAY = timedelta(days=1)
HOUR_US = 3_600_000_000
TICK_AFTER_US = 10_000
"""From a step to its tick: every message arrives at a µs of its own."""
LONGEST_STRETCH = 21
"""Days that are folded in one go; then the processor starts again with its clock further on."""
KEPT_US = {"raw": 50 * HOUR_US, "15m": 90 * DAY_US, "1h": 730 * DAY_US}
CHUNK_US = {"raw": 6 * HOUR_US, "15m": 7 * DAY_US, "1h": 90 * DAY_US}


@dataclass
class Year:
    """The city, and the center that hears it."""

    log: JetStreamLog
    live: Live
    conn: AsyncConnection[Any]
    dsn: str
    data: Path
    city: City
    configuration: Configuration
    """What services read at their start."""
    then: list[tuple[date, dict[str, Site]]] = field(default_factory=list)
    """From which day on each file held, and what it said of the schools."""
    merged: dict[str, str] = field(default_factory=dict)
    """Code of a school that became part of another → that one's."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Number of each school, as first seen."""

    async def fleet(self) -> Fleet:
        """Return the fleet as the tables have it."""
        fleet = await load_fleet(self.conn)
        assert fleet is not None
        return fleet

    async def live_through(self, days: Sequence[date], deeds: dict[date, Deed]) -> None:
        """Let days pass; at the midnight before a deed's day the fleet's file is another one."""
        pending: list[date] = []
        for day, coming in zip(days, [*days[1:], None], strict=True):
            if day in deeds:
                await self.import_file(day, deeds[day])
            pending.append(day)
            if coming is None or coming in deeds or len(pending) == LONGEST_STRETCH:
                await self.pass_days(pending)
                pending = []
                await check_figures(self, us_of(day + DAY))
            if coming in deeds:
                await check(self, us_of(day + DAY))
                # Heard under the fleet of before, and folded under the next one.
                await self.append(self.city.speak(day, 23, 30), us_of(day, 23, 30))
        await check(self, us_of(days[-1] + DAY))

    async def import_file(self, day: date, deed: Deed) -> None:
        """Change what is there, write it to a file, and import that as an operator does at midnight."""
        own = DataFolder(self.data).config
        deed.change(self.city, own)
        self.configuration = load_configuration(own)
        self.city.calendar = self.configuration.calendar
        self.merged |= dict(pair.split("=") for pair in deed.merged)
        self.then.append((day, copy.deepcopy(self.city.sites)))
        file = self.data / "fleet.csv"
        file.write_text(self.city.file(len(self.then)), encoding="utf-8-sig")
        clock = {"clock_origin_us": us_of(day), "clock_real_origin_us": real_us()}
        settings = load_settings(overrides={"data": self.data, "database_url": self.dsn, **clock})
        told = await import_fleet(settings, file, read_deeds(deed.merged, deed.replaced, deed.anew), refuse)
        assert "saved" in told
        fleet = await self.fleet()
        assert fleet.school_by_code.keys() == self.city.sites.keys()
        for school in fleet.schools:
            assert self.numbers.setdefault(school.code, school.id) == school.id
        assert len(set(self.numbers.values())) == len(self.numbers)

    async def pass_days(self, days: Sequence[date]) -> None:
        """Let the schools speak, and the processor fold it beside its own upkeep, until all is folded."""
        own, fleet = self.configuration, await self.fleet()
        registry = Registry(fleet, own.catalogue, PARTITIONS)
        now_us = us_of(days[-1] + DAY)
        config = ProcessorConfig(
            PARTITIONS,
            as_role(self.dsn, DatabaseRole.PROCESSOR),
            LogClock(now_us, real_us()),
            maintain_every_s=0.5,
            beat_s=0.1,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(
            run(
                config,
                self.log,
                self.live,
                fleet,
                own.catalogue,
                own.calendar,
                own.rules,
                lambda: own.routing,
                stop,
            )
        )

        async def is_over() -> bool:
            return task.done() or await self.is_folded()

        try:
            for day in days:
                for hour in STEP_HOURS:
                    at_us = us_of(day, hour)
                    await self.append(self.city.speak(day, hour), at_us, registry)
                    await self.tick(at_us + TICK_AFTER_US)
                    self.city.note_figures(day, hour)
            await until(is_over, "the logs are folded")
        finally:
            stop.set()
            await task
        await maintain(self.conn, now_us)

    async def append(self, said: Sequence[Said], at_us: int, registry: Registry | None = None) -> None:
        """Take messages in as ingest does, by the fleet that is there."""
        registry = registry or Registry(await self.fleet(), self.configuration.catalogue, PARTITIONS)
        messages = [Message(s.topic, s.payload, at_us + i) for i, s in enumerate(said)]
        accepted = accept(messages, registry, AcceptanceLimits())
        end_us = messages[-1].arrived_us
        for partition, readings in accepted.by_partition.items():
            payload, name = encode_readings(readings), telemetry_log(partition)
            await self.log.append(name, EntryKind.READINGS, payload, at_us=end_us, count=len(readings))
        if accepted.rejected:
            payload, count = encode_rejected(accepted.rejected), len(accepted.rejected)
            await self.log.append(QUARANTINE_LOG, EntryKind.REJECTED, payload, at_us=end_us, count=count)

    async def tick(self, at_us: int) -> None:
        """Append the time to every partition."""
        for name in TELEMETRY:
            await self.log.append(name, EntryKind.TICK, b"", at_us=at_us)

    async def is_folded(self) -> bool:
        """Return whether the tables hold all that is in the logs."""
        there = await ledger(self.conn)
        ends = {name: await self.log.last_seq(name) for name in LOGS}
        return all(name in there and there[name].seq == end for name, end in ends.items() if end)


def refuse(text: str) -> bool:
    """Fail: nothing of this year is so large that a person is asked."""
    raise AssertionError(text)


async def check(year: Year, now_us: int) -> None:
    """Fail unless the tables say what the schools said."""
    await check_ledger(year)
    await check_readings(year, now_us)
    await check_figures(year, now_us)
    await check_periods(year)


async def check_ledger(year: Year) -> None:
    """Compare what became of every reading."""
    there, truth = await ledger(year.conn), year.city.truth.counts
    assert await unaccounted(year.conn) == {}
    folded = [there[name].counts for name in TELEMETRY]
    for fate in ("stored", "duplicate", "corrected"):
        assert (fate, sum(getattr(counts, fate) for counts in folded)) == (fate, truth[fate])
    assert sum(counts.received for counts in folded) == truth.total() - truth["refused"]
    refused = there[QUARANTINE_LOG].counts
    assert (refused.received, refused.quarantined) == (truth["refused"], truth["refused"])


async def check_readings(year: Year, now_us: int) -> None:
    """Compare every resolution of every series, as far back as it is kept."""
    truth = year.city.truth
    keys = truth.keys()
    number = np.array(series_numbers(year, await year.fleet(), keys), np.int64)
    assert len(set(number.tolist())) == len(number)
    there = await ledger(year.conn)
    folded_us = min(there[name].log_time_us for name in TELEMETRY)
    for bucket in ("raw", "15m", "1h", "1d"):
        kept_us = (folded_us if bucket == "raw" else now_us) - KEPT_US.get(bucket, now_us)
        found = await series_history(year.conn, number.tolist(), 0, now_us, bucket)
        assert np.all(found.time_us >= kept_us - CHUNK_US.get(bucket, 0)), f"{bucket} is kept too long"
        said = truth.rolled(bucket)
        order = np.lexsort((said.start_us, number[said.key]))
        order = order[said.start_us[order] >= kept_us]
        kept = found.time_us >= kept_us
        assert found.series[kept].tolist() == number[said.key[order]].tolist(), bucket
        assert found.time_us[kept].tolist() == said.start_us[order].tolist(), bucket
        for name in ("n", "sum", "min", "max"):
            np.testing.assert_array_equal(getattr(found, name)[kept], getattr(said, name)[order], bucket)
    cursor = await year.conn.execute("select sum(n)::bigint from reading_1d")
    assert await cursor.fetchone() == (len(truth.words),), "something is stored under another number"


def series_numbers(year: Year, fleet: Fleet, keys: Sequence[Key]) -> list[int]:
    """Return the series of each key: of the devices of a kind that a school had, one after the other."""
    catalogue, found = year.configuration.catalogue, []
    for key in keys:
        devices = fleet.devices_ever(year.numbers[key.school])
        of_kind = sorted((d for d in devices if d.kind is key.kind), key=lambda d: d.id)
        found.append(series_of(of_kind[key.life].id, catalogue.named(key.metric).id))
    return found


async def check_figures(year: Year, now_us: int) -> None:
    """Compare every minute's figures that are kept: none changes after it was written."""
    since_us = now_us - 90 * DAY_US
    for metric, figures in year.city.truth.figures.items():
        metric_id = year.configuration.catalogue.named(metric).id
        found = await kpi_history(year.conn, metric_id, 0, now_us)
        columns = (found.expected, found.reporting, found.total)
        told = zip(*(c.tolist() for c in columns), strict=True)
        there = dict(zip(found.minute_us.tolist(), map(Figure._make, told), strict=True))
        assert there == {minute: figure for minute, figure in figures.items() if minute >= since_us}, metric


async def check_periods(year: Year) -> None:
    """Compare whose provider and ward a school had when, and which schools are no more since when."""
    fleet = await year.fleet()
    for (day, sites), until_day in zip(
        year.then, [*(day for day, _ in year.then[1:]), LAST_DAY + DAY], strict=True
    ):
        for at_us in (us_of(day, 0, 1), us_of(until_day) - 1):
            then = {s.code: s for s in (await schools_then(year.conn, fleet, at_us)).values()}
            for code, site in sites.items():
                said = (site.name, LEVELS[site.level], site.ward, site.pupils, site.isp)
                s = then[code]
                assert (s.name, s.level, s.ward_code, s.pupils, s.isp) == said, (day, code)
    gone: dict[str, date] = {}
    for (_, before), (day, sites) in pairwise(year.then):
        gone |= dict.fromkeys(before.keys() - sites.keys(), day)
    assert {f.school.code: local_day(f.closed_us) for f in fleet.former} == gone
    into = {swallowed: year.numbers[keeping] for swallowed, keeping in year.merged.items()}
    assert {f.school.code: f.merged_into for f in fleet.former} == {code: into.get(code) for code in gone}


async def check_pages(year: Year, nats: TestNats, city: Fleet, codes: Mapping[str, date]) -> None:
    """Ask for the last weeks of schools that are no more, by their codes; their names are the old ones."""
    own, fleet, now_us = year.configuration, await year.fleet(), us_of(LAST_DAY + DAY)
    names = {school.code: school.name for school in city.schools}
    keys, said = year.city.truth.keys(), year.city.truth.rolled("1h")
    async with (
        open_stage(
            nats, year.dsn, fleet, own.catalogue, own.calendar, own.rules, clock=LogClock(now_us, real_us())
        ) as stage,
        asking(base_url=stage.url, headers=await program(stage)) as client,
    ):
        former = (await client.get("/api/fleet")).json()["former"]
        assert {code: name for _, code, name, *_ in former} == {code: names[code] for code in codes}
        for code, day in codes.items():
            from_us, to_us = us_of(day - 28 * DAY), us_of(day)
            span = {"from_us": from_us, "to_us": to_us}
            told = (await client.get(f"/api/series/{code}/gw-1/online", params=span)).json()
            mine = said.key == keys.index(Key(code, DeviceKind.GATEWAY, 0, "online"))
            mine &= (said.start_us >= from_us) & (said.start_us < to_us)
            assert told["bucket"] == "1h"
            assert told["time_us"] == said.start_us[mine].tolist() != []
            assert told["mean"] == (said.sum / said.n)[mine].tolist()


def local_day(time_us: int) -> date:
    """Return the local day of a time in µs since 1970."""
    return datetime.fromtimestamp(time_us / 1e6, LOCAL).date()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "days",
    [
        pytest.param(AROUND_CHANGES, id="around each change"),
        pytest.param(EVERY_DAY, id="every day", marks=pytest.mark.slow),
    ],
)
async def test_a_year_is_told_as_it_was(
    days: list[date], nats: TestNats, postgres_url: str, city: Fleet, tmp_path: Path
) -> None:
    who: dict[str, Any] = nats.login()
    DataFolder(tmp_path).create()
    async with (
        JetStreamLog.connect(nats.url, **who) as log,
        Live.connect(nats.url, **who) as live,
        await connect(postgres_url) as conn,
    ):
        await log.create(LOGS, 1 << 28)
        sites = {school.code: Site.of(school) for school in city.schools}
        own = load_configuration(None)
        year = Year(log, live, conn, postgres_url, tmp_path, City(sites, own.calendar), own)
        await year.tick(us_of(FIRST_DAY))
        codes = list(sites)
        await year.live_through(days, deeds_of(codes))
        await check_pages(year, nats, city, {codes[SWALLOWED]: MERGED, codes[CLOSING]: CLOSED})
