"""The brokers in front of which the same tests run, and a dashboard over real servers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from contract.rule import Rule
from tests.conftest import TestNats
from tests.dashboard_stage import Stage, open_stage
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
async def stage(
    nats: TestNats,
    postgres_url: str,
    city: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
) -> AsyncIterator[Stage]:
    """A dashboard over a PostgreSQL and a NATS of the test's own."""
    async with open_stage(nats, postgres_url, city, catalogue, calendar, rules) as opened:
        yield opened


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of that dashboard."""
    async with httpx.AsyncClient(base_url=stage.url) as opened:
        yield opened
