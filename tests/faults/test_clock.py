"""Row 14: the clock of one process is an hour wrong, from one second to the next, and right again.

Ingest's clock is the log's time. Ahead, it makes a gap of an hour: the silence timers start anew,
and no school is accused. Set back, log time never follows: it stands still until the clock has
caught up. Neither loses a reading; `eduops doctor` names both.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest

from contract.errors import EduopsError
from eduops.machine.prepare import run_prepare
from eduops.settings import Settings, load_settings
from eduops.verbs.doctor.examine import examine
from eduops.verbs.status import read_status
from tests.cluster.clustered_system import Service
from tests.conftest import TestNats
from tests.fault_table import Record
from tests.faults.checker import Broker, check, gateways, publishing, seconds_to_recover, stored_times
from tests.running_system import eventually

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
HOUR_S = 3600.0
FUTURE_S = 5.0
"""Seconds ahead that devices are allowed here, so that the test need not last the five minutes."""

pytestmark = [
    pytest.mark.skipif(not FAKETIME.exists(), reason=f"no {FAKETIME}: install Debian's faketime"),
]


class WrongClock:
    """The clock of one process, set through a file that libfaketime reads once a second.

    At every look at the time it would make the process so slow that a busy machine loses its leases.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set("+0s")

    def set(self, offset: str) -> None:
        """Step it to the right time and so much, such as `+1h`."""
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(offset + "\n")
        unfinished.rename(self._file)

    @property
    def variables(self) -> dict[str, str]:
        """What the process needs in its environment."""
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


class TwoClocks:
    """Ingest and processor with a clock each, on servers with the right time; the checker can ask it."""

    def __init__(self, folder: Path, nats: TestNats, database_url: str) -> None:
        self.addresses: dict[str, Any] = {"database_url": database_url}
        self.broker = Broker(
            nats.mqtt_host, nats.mqtt_port, nats.publisher_user, nats.publisher_password, issued=False
        )
        self.settings: Settings = load_settings(
            overrides={
                "data": folder / "prepare",
                "database_url": database_url,
                "nats_url": nats.url,
                "nats_user": nats.operator_user,
                "nats_password": nats.operator_password,
                "mqtt_host": nats.mqtt_host,
                "mqtt_port": nats.mqtt_port,
                "max_future_s": FUTURE_S,
                "schools": 8,
                "seed_days": 0,
            }
        )
        asyncio.run(run_prepare(self.settings, print, demo=True))
        self.clocks = {name: WrongClock(folder / name) for name in ("ingest", "processor-1")}
        self.services = [
            Service(name, self.settings.but(data=folder / f"{name}-data"), clock.variables)
            for name, clock in self.clocks.items()
        ]
        for service in self.services:
            service.start()

    def status(self) -> dict[str, Any]:
        """Return the ledger as `eduops status` has it."""
        try:
            return asdict(asyncio.run(read_status(self.settings)))
        except EduopsError:
            return {}

    def wrong(self) -> list[str]:
        """Return what `eduops doctor` finds wrong about the flow of readings."""
        found = asyncio.run(examine(self.settings))
        return [finding.sentence for finding in found if not finding.fine and "log time" in finding.sentence]

    def school_alerts(self) -> list[Any]:
        """Return every alert about a school, open or not."""
        with psycopg.connect(self.addresses["database_url"]) as connection:
            return connection.execute("SELECT rule, series FROM alert WHERE school_id <> 0").fetchall()

    def reasons(self) -> dict[str, int]:
        """Return how often each reason stands in quarantine."""
        with psycopg.connect(self.addresses["database_url"]) as connection:
            rows = connection.execute("SELECT reason, count(*) FROM quarantine GROUP BY 1").fetchall()
        return {str(reason): int(count) for reason, count in rows}

    def refused(self, reason: str) -> list[str]:
        """Return what stands in quarantine for a reason: one message more than once if it came again."""
        with psycopg.connect(self.addresses["database_url"]) as connection:
            rows = connection.execute("SELECT excerpt FROM quarantine WHERE reason = %s", [reason]).fetchall()
        return [row[0] for row in rows]

    def log_times_us(self) -> list[int]:
        """Return the log time of each partition's last commit, once every partition has one."""
        eventually(
            lambda: len(self._log_times_us()) == self.settings.partitions,
            "every partition has committed",
            seen=self.state,
        )
        return self._log_times_us()

    def state(self) -> tuple[Any, ...]:
        """Return what tells why something does not come."""
        return self._log_times_us(), self.status(), [service.log[-1500:] for service in self.services]

    def _log_times_us(self) -> list[int]:
        with psycopg.connect(self.addresses["database_url"]) as connection:
            rows = connection.execute(
                "SELECT to_us(log_time) FROM position WHERE log LIKE 'telemetry-%' ORDER BY log"
            ).fetchall()
        return [row[0] for row in rows]

    def end(self) -> None:
        """Kill the services."""
        for service in self.services:
            service.kill()


@pytest.fixture
def clocks(tmp_path: Path, nats: TestNats, postgres_url: str) -> Iterator[TwoClocks]:
    running = TwoClocks(tmp_path, nats, postgres_url)
    yield running
    running.end()


def jumped(clocks: TwoClocks, before_us: list[int]) -> bool:
    return all(
        now - then > 0.9 * HOUR_S * 1e6 for now, then in zip(clocks.log_times_us(), before_us, strict=True)
    )


@pytest.mark.slow
def test_ingest_an_hour_ahead_and_right_again(clocks: TwoClocks, record: Record) -> None:
    [old, present] = gateways(clocks.addresses["database_url"], 2)
    now_us = time.time_ns() // 1000
    with (
        publishing(clocks.broker, [old], every_s=0.04) as [late],
        publishing(clocks.broker, [present], every_s=0.125, first_us=now_us) as [prompt],
    ):
        late.more(50)
        before_us = clocks.log_times_us()
        clocks.clocks["ingest"].set("+1h")
        eventually(
            lambda: jumped(clocks, before_us),
            "log time jumps an hour",
            seen=lambda: (before_us, clocks.log_times_us()),
        )
        assert any("ahead of this machine's clock" in sentence for sentence in clocks.wrong())
        prompt.more(20)

        ahead_us = clocks.log_times_us()
        clocks.clocks["ingest"].set("+0s")
        late.more(50)
        prompt.more(20)
        assert all(now >= then for now, then in zip(clocks.log_times_us(), ahead_us, strict=True))
        late.finish()
        prompt.finish()
    account = check(clocks, [late, prompt])
    assert account.stored == account.attempted
    assert clocks.reasons() == {}
    assert clocks.school_alerts() == []
    record(14, "clock of ingest +1 h and back", account, note="no alert about a school; doctor tells")


def test_ingest_an_hour_behind_and_right_again(clocks: TwoClocks, record: Record) -> None:
    [old, present] = gateways(clocks.addresses["database_url"], 2)
    now_us = time.time_ns() // 1000
    with (
        publishing(clocks.broker, [old], every_s=0.04) as [late],
        publishing(clocks.broker, [present], every_s=0.125, first_us=now_us) as [prompt],
    ):
        late.more(50)
        before_us = clocks.log_times_us()
        clocks.clocks["ingest"].set("-1h")
        eventually(
            lambda: "future_time" in clocks.reasons(),
            "readings of now are ahead of log time",
            seen=lambda: (clocks.reasons(), clocks.log_times_us()),
        )
        late.more(50)
        assert all(now >= then for now, then in zip(clocks.log_times_us(), before_us, strict=True))
        late.pause()
        prompt.pause()
        # While readings are in flight, a processor that is late explains as much.
        eventually(
            lambda: any("stands still" in s for s in clocks.wrong()),
            "doctor names the clock",
            seen=lambda: (clocks.wrong(), clocks.state()),
            every_s=1.0,
        )

        clocks.clocks["ingest"].set("+0s")
        healed_s = time.monotonic()
        late.go_on()
        prompt.go_on()
        took_s = seconds_to_recover(clocks, prompt, healed_s)
        late.finish()
        prompt.finish()
    account = check(clocks, [late])
    assert account.stored == account.attempted
    # A slow machine may hand a message over twice: refused while it is of the future, then stored.
    stored = stored_times(clocks.addresses["database_url"], prompt)
    assert len(stored) == len(set(stored))
    assert clocks.reasons().keys() == {"future_time"}
    refused = {prompt.time_us(int(json.loads(text)[0]["v"])) for text in clocks.refused("future_time")}
    assert refused | set(stored) == prompt.attempted
    assert clocks.school_alerts() == []
    note = f"readings of now are quarantined once log time is {FUTURE_S:g} s behind them (default 300 s)"
    record(14, "clock of ingest −1 h and back", account, took_s, note)


@pytest.mark.slow
@pytest.mark.parametrize("offset", ["+1h", "-1h"])
def test_processor_an_hour_wrong_and_right_again(clocks: TwoClocks, record: Record, offset: str) -> None:
    now_us = time.time_ns() // 1000
    [present] = gateways(clocks.addresses["database_url"])
    with publishing(clocks.broker, [present], every_s=0.125, first_us=now_us) as [device]:
        device.more(50)
        clocks.clocks["processor-1"].set(offset)
        device.more(100)
        clocks.clocks["processor-1"].set("+0s")
        device.more(50)
        device.finish()
    account = check(clocks, [device])
    assert account.stored == account.attempted
    assert clocks.school_alerts() == []
    record(
        14, f"clock of the processor {offset} and back", account, note="it decides nothing by its own clock"
    )
