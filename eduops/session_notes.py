"""What ingest notes of its session in the data folder, so that a loss is noticed after a restart too."""

from dataclasses import dataclass
from typing import Any, Final

from bus.mqtt_store import MqttStore
from eduops.data_folder import DataFolder

_FILE: Final = "session-"


@dataclass(frozen=True, slots=True)
class Losses:
    """What is on record of lost sessions, of all ingests of a data folder."""

    sessions: int = 0
    """How often the broker had forgotten a session."""
    messages: int = 0
    """What the broker took in while none stood, at most: also what was acknowledged in the last seconds."""


class SessionNotes:
    """The notes of one ingest process."""

    def __init__(self, folder: DataFolder, process: str, client_id: str, store: MqttStore | None) -> None:
        """Take whose notes these are.

        Args:
            folder: Where they are kept.
            process: Name of the ingest process.
            client_id: Under which the broker keeps its session.
            store: What the broker keeps; None where that cannot be seen, then no messages are counted.
        """
        self._folder = folder
        self._file = f"{_FILE}{process}"
        self._client_id = client_id
        self._store = store
        self._lost_before = self._read()["sessions"]

    @property
    def is_known(self) -> bool:
        """Whether this session stood before."""
        return bool(self._read()["client_id"] == self._client_id)

    async def look(self, lost: int) -> None:
        """Note how far the session is, and what was missed where it was lost.

        Args:
            lost: How often it was lost since this object was made.

        Raises:
            InfrastructureError: the broker's store is out of reach.
        """
        noted = self._read()
        floor = 0 if self._store is None else await self._store.floor(self._client_id)
        if floor is None:
            return
        sessions, messages = self._lost_before + lost, noted["messages"]
        if sessions > noted["sessions"] and noted["client_id"] == self._client_id:
            messages += max(0, floor - noted["floor"])
        now = {"client_id": self._client_id, "floor": floor, "sessions": sessions, "messages": messages}
        if now != noted:
            self._folder.write(self._file, now)

    def _read(self) -> dict[str, Any]:
        return {"client_id": "", "floor": 0, "sessions": 0, "messages": 0} | self._folder.read(self._file)


def read_losses(folder: DataFolder) -> Losses:
    """Return what is on record in a data folder."""
    noted = [folder.read(path.stem) for path in sorted(folder.path.glob(f"{_FILE}*.json"))]
    return Losses(sum(n["sessions"] for n in noted), sum(n["messages"] for n in noted))
