"""What the broker refuses by itself, from its log: the only place where it tells.

It closes the connection of a device whose topic has a blank, and the device sends the same again for
ever; it acknowledges and drops what a device has no right to publish.
"""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

_LINE: Final = re.compile(r'\[ERR\] \S+ - mid:\d+ - "(?P<client>.*?)" - (?P<what>.+)')
"""An error of an MQTT client in nats-server's log."""
_TIME: Final = re.compile(r"\[\d+\] (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)")
"""How each of its lines begins; `logtime_utc` of its configuration makes it UTC."""
_TIME_FORMAT: Final = "%Y/%m/%d %H:%M:%S"
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
_WHY: Final = (
    ("publish violation", "publishes where it has no right to"),
    ("character not supported", "has a blank or another character in a topic that no topic may have"),
    ("wildcards not allowed", "has + or # in the topic of a message"),
    ("utf8 for topic", "has a topic that is not UTF-8"),
    ("null character in topic", "has a NUL in a topic"),
    ("topic cannot be empty", "has a message without a topic"),
    ("character in client id", "has a blank, a dot, a star or another character that no client id may have"),
    (
        "unable to store retained",
        "sends retained messages, for which there is no room: `eduops broker clear`",
    ),
    ("unable to persist session", "is one client too many for the broker: `eduops broker clear` makes room"),
    ("maximum bytes exceeded", "sends more than the broker has room for: see that ingest runs"),
    ("ack pipeline stopped", "sends more than the broker has room for: see that ingest runs"),
    ("authentication error", "is not let in: `eduops device list --trouble` says why"),
    ("authorization violation", "is not let in: `eduops device list --trouble` says why"),
    ("maximum payload", "sends a message that is too long"),
)
_CLIENT_CHARACTERS: Final = 48
LOOK_BYTES: Final = 1 << 20
"""Read of the log at one look; what a flood wrote above it is not counted."""


class BrokerRefusal(NamedTuple):
    """Who was refused, and why."""

    client: str
    """MQTT client id, as far as it can be shown."""
    why: str
    """Continues a sentence that begins with the client."""


def parse_refusal(line: str) -> BrokerRefusal | None:
    """Return what a line of the broker's log says of a client, None for any other line."""
    found = _LINE.search(line)
    if found is None:
        return None
    what = found["what"].lower()
    why = next((why for words, why in _WHY if words in what), "broke the protocol")
    return BrokerRefusal(_UNPRINTABLE.sub("?", found["client"])[:_CLIENT_CHARACTERS], why)


def written_at(line: str) -> str:
    """Return when a line was written, UTC, in a form that sorts; "" if it does not say."""
    found = _TIME.match(line)
    return "" if found is None else found[1]


def count_refusals(lines: Iterable[str]) -> Counter[BrokerRefusal]:
    """Return how often each client was refused for each reason."""
    return Counter(refusal for line in lines if (refusal := parse_refusal(line)) is not None)


def read_refusals(logs: Path, since: datetime | None = None) -> Counter[BrokerRefusal]:
    """Return what the files of the broker's log tell, two times ten megabytes at most.

    Args:
        logs: The folder with `nats.log`, and `nats.log.…` of before.
        since: Only of lines that were written later; None for all.
    """
    first = "" if since is None else since.astimezone(UTC).strftime(_TIME_FORMAT)
    total: Counter[BrokerRefusal] = Counter()
    for path in logs.glob("nats.log*"):
        with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
            total += count_refusals(line for line in file if written_at(line) >= first)
    return total


def refused_today(logs: Path) -> dict[str, int]:
    """Return how often each client was refused within the last day."""
    clients: Counter[str] = Counter()
    for refusal, count in read_refusals(logs, datetime.now(UTC) - timedelta(days=1)).items():
        clients[refusal.client] += count
    return dict(clients)


class RefusalFollower:
    """Counts refusals while they are written."""

    def __init__(self, logs: Path) -> None:
        self._path = logs / "nats.log"
        self._read_to = self._size()
        self._total = 0

    def total(self) -> int:
        """Return the refusals since this object was made; reads what the log has got since the last call."""
        with suppress(OSError):  # the file is put aside at this moment
            self._read_on()
        return self._total

    def _read_on(self) -> None:
        size = self._size()
        start = self._read_to if size >= self._read_to else 0  # a fresh file took its place
        if size > start:
            with self._path.open("rb") as file:
                file.seek(max(start, size - LOOK_BYTES))
                lines = file.read(LOOK_BYTES)
            whole, newline, _ = lines.rpartition(b"\n")
            self._total += count_refusals(whole.decode(errors="replace").splitlines()).total()
            size -= len(lines) - len(whole) - len(newline)
        self._read_to = size

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0
