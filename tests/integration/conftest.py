"""The brokers in front of which the same tests run, and a dashboard over real servers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bus.device import DeviceLoop
from bus.jetstream import JetStreamLog
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.rule import Rule
from tests.asking import asking
from tests.conftest import TestNats
from tests.dashboard_stage import Stage, open_stage, program
from tests.ingest_door import LOGS, Door
from tests.mosquitto import Mosquitto


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto of the test's own."""
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(params=["nats", pytest.param("mosquitto", marks=pytest.mark.slow)])
def broker(request: pytest.FixtureRequest) -> Any:
    """The MQTT broker of the test: the nats-server that has the log, or a mosquitto."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def stage_settings() -> dict[str, Any]:
    """What the dashboard is told beside the usual; a module's own fixture of this name says more."""
    return {}


@pytest.fixture
async def stage(
    nats: TestNats,
    postgres_url: str,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
    stage_settings: dict[str, Any],
) -> AsyncIterator[Stage]:
    """A dashboard over a PostgreSQL and a NATS of the test's own."""
    async with open_stage(nats, postgres_url, city, catalogue, calendar, rules, **stage_settings) as opened:
        yield opened


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A program that may do everything, for whomever it says."""
    async with asking(timeout=60.0, base_url=stage.url, headers=await program(stage)) as opened:
        yield opened


@pytest.fixture
async def door(nats: Any, broker: Any, city: Fleet, catalogue: Catalogue) -> AsyncIterator[Door]:
    """The test's door; the session stands before the device connects."""
    async with (
        JetStreamLog.connect(nats.url, **nats.login(), name="test-ingest") as log,
        DeviceLoop(broker.mqtt_host, broker.mqtt_port) as devices,
    ):
        await log.create(LOGS, 64 << 20)
        device = devices.add(
            "device",
            generator=np.random.default_rng(1),
            user=broker.publisher_user,
            password=broker.publisher_password,
        )
        door = Door(broker, log, city, catalogue, device)
        async with door.session():
            device.connect()
        yield door
