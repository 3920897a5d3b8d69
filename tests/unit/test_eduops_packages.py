"""What is tested is what lies in this repository, not an installed copy."""

import importlib
import subprocess
import sys
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


def test_a_start_imports_no_library_of_what_is_not_set_up() -> None:
    modules = "eduops.cli, eduops.wiring, ops_dashboard.app, ingest.gateway, stream_processor.worker"
    dear = {"authlib", "cryptography", "httpx", "joserfc", "sklearn"}  # TLS, the city's sign-in, joint rules
    told = f"import sys, {modules}; print(*{dear} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert (done.stdout.split(), done.stderr) == ([], "")
