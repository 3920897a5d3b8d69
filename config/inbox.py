"""The center's own inbox: a folder of messages, one file each, as a phone would have got them."""

import os
from pathlib import Path
from typing import Final

import msgspec

from config.private_file import write_private

MOST_MESSAGES: Final = 2_000
"""Older ones are deleted: a week of what a busy center tells, at some 300 a day."""


class InboxMessage(msgspec.Struct, frozen=True):
    """A message as it was kept."""

    key: str
    """Idempotency key of its notice: the name of its file, so that twice is once."""
    to: str
    """The contact."""
    at_us: int
    """Log time, µs since 1970."""
    priority: int
    """0 of one that only tries the channel out."""
    title: str
    body: str
    incident_id: str
    """Empty where it is about none, or several."""


def keep_message(folder: Path, message: InboxMessage, most: int = MOST_MESSAGES) -> bool:
    """Write a message, whole or not at all, and delete old ones; return False where it is kept already.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{message.key}.json"
    if path.exists():
        return False
    write_private(path, msgspec.json.format(msgspec.json.encode(message)).decode() + "\n")
    for old in _newest_first(folder)[most:]:
        old.unlink(missing_ok=True)
    return True


def kept_messages(folder: Path, limit: int) -> list[InboxMessage]:
    """Return at most so many messages, the latest first; what is no message is passed over."""
    found: list[InboxMessage] = []
    for path in _newest_first(folder)[:limit]:
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=InboxMessage))
        except (OSError, msgspec.MsgspecError):
            continue
    return found


def _newest_first(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            ages = [(e.stat().st_mtime_ns, e.path) for e in entries if e.name.endswith(".json")]
    except OSError:
        return []
    return [Path(path) for _, path in sorted(ages, reverse=True)]
