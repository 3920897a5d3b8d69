"""One system for all tests of this folder; each hands it on whole and takes gateways of its own."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.faults.checker import Gateway, gateways
from tests.running_system import RunningSystem, eventually

SCHOOLS = 18


class SharedSystem(RunningSystem):
    """A system in which no two tests publish as the same device."""

    def __init__(self, data: Path) -> None:
        super().__init__(data, "--schools", str(SCHOOLS))
        self._untaken = iter(gateways(self.addresses["database_url"], SCHOOLS))

    def take(self, wanted: int) -> list[Gateway]:
        """Return gateways on whose series nothing has been published yet."""
        taken = list(islice(self._untaken, wanted))
        assert len(taken) == wanted, "more schools are needed"
        return taken


@pytest.fixture(scope="package")
def shared_system(servers_folder: Path) -> Iterator[SharedSystem]:
    """The system, from the first test that wants it to the folder's last."""
    running = SharedSystem(servers_folder / "shared")
    yield running
    running.end()


@pytest.fixture
def system(shared_system: SharedSystem) -> SharedSystem:
    """The shared system, whole again after whatever the test before has done."""
    eventually(shared_system.is_whole, "the system is whole", seen=shared_system.status)
    return shared_system
