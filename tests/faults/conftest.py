"""Systems that may be broken; `record` comes from tests/fault_table.py and is known in every folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running_system import RunningSystem

Start = Callable[..., RunningSystem]
"""`start(*options, env=None, watchdog=False)`: eight schools, a folder of its own, ended after the module."""


@pytest.fixture(scope="module")
def start(servers_folder: Path, request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts systems and ends them after the module's tests."""
    running: list[RunningSystem] = []
    module = Path(str(request.path)).stem.removeprefix("test_")

    def begin(*options: str, **more: Any) -> RunningSystem:
        system = RunningSystem(servers_folder / f"{module}-{len(running)}", *options, **more)
        running.append(system)
        return system

    yield begin
    for system in running:
        system.end()
