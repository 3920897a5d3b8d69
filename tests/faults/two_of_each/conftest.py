"""A system with two ingests, two processors and a watchdog for all tests of this folder."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.running_system import RunningSystem, eventually

AFTER_S = 8.0
"""Patience of the watchdog here."""


@dataclass(frozen=True)
class Watched:
    """A running system with two processors, and what its watchdog has said."""

    system: RunningSystem
    said: Path

    def notices(self, kind: str) -> list[dict[str, Any]]:
        """Return the notices of a kind in order, every coming of it."""
        text, found = self.said.read_text() if self.said.exists() else "", []
        while text := text.lstrip():
            notice, length = json.JSONDecoder().raw_decode(text)
            text = text[length:]
            found.append(notice)
        return [notice for notice in found if notice["kind"] == kind]

    def heard(self, kind: str, count: int, patience_s: float) -> None:
        """Return when so many notices of a kind have come."""
        eventually(lambda: len(self.notices(kind)) >= count, f"{kind} number {count} is said", patience_s)


@pytest.fixture(scope="package")
def running(servers_folder: Path) -> Iterator[Watched]:
    """The system, from the first test that wants it to the folder's last."""
    said = servers_folder / "said.json"
    env = {
        "EDUOPS_INGESTS": "2",
        "EDUOPS_PROCESSORS": "2",
        "EDUOPS_WATCHDOG_COMMAND": f"/usr/bin/tee -a {said}",
        "EDUOPS_WATCHDOG_AFTER_S": f"{AFTER_S:g}",
        "EDUOPS_WATCHDOG_EVERY_S": "1",
    }
    system = RunningSystem(servers_folder / "two-of-each", env=env, watchdog=True)
    yield Watched(system, said)
    system.end()


@pytest.fixture
def watched(running: Watched) -> Watched:
    """That system, whole again after whatever the test before has done."""
    eventually(running.system.is_whole, "the system is whole", seen=running.system.status)
    return running
