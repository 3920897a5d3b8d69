"""The brokers in front of which the same tests run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
