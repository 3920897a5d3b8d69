"""What is tested is what lies in this repository, not an installed copy."""

import importlib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = (
    "alerting",
    "anomaly",
    "bus",
    "config",
    "contract",
    "device_simulator",
    "eduops",
    "evaluation",
    "ingest",
    "ops_dashboard",
    "storage",
    "stream_processor",
    "watchdog",
)


@pytest.mark.parametrize("name", PACKAGES)
def test_package_lies_in_this_repository(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().is_relative_to(REPOSITORY)
