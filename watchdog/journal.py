"""What the watchdog must not forget: its alarm, and the notices that have not arrived everywhere."""

import logging
from pathlib import Path
from typing import Final

import msgspec

from config.private_file import write_private
from watchdog.watch import Alarm

_logger: Final = logging.getLogger(__name__)


class AlarmNotice(msgspec.Struct, frozen=True):
    """What somebody outside is told; with `to` left out it is the body of the message."""

    key: str
    """The same on every attempt; whoever has seen it need not act again."""
    alarm: str
    """Identity of the alarm; its repetitions and its end carry it too."""
    kind: str
    """alarm, repeat or recovery."""
    at: str
    """When it was decided, ISO 8601, UTC."""
    since: str
    """Last sign of life before the alarm, ISO 8601, UTC."""
    suspects: tuple[str, ...]
    """Where to look: wall, page, broker, feed, pipeline or owner."""
    late_partitions: tuple[int, ...]
    partitions: int
    """How many there are."""
    silent_s: float
    """Seconds since the last sign of life."""
    text_vi: str
    text_en: str
    to: tuple[str, ...] = ()
    """Senders that have not handed it over yet."""


def notice_body(notice: AlarmNotice) -> bytes:
    """Return the JSON that goes out."""
    fields = msgspec.structs.asdict(notice)
    del fields["to"]
    return msgspec.json.encode(fields)


class _Kept(msgspec.Struct):
    alarm: Alarm | None = None
    pending: list[AlarmNotice] = []
    province: str = ""


class Journal:
    """A file of the watchdog's own, written whole or not at all before anything is sent."""

    def __init__(self, folder: Path) -> None:
        """Read what an earlier watchdog left; a damaged file is put aside, for watching matters more."""
        self._path = folder / "state.json"
        self._kept = _Kept()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            _logger.error("event=journal_unreadable file=%s: starting without it: %s", self._path, error)
            self._put_aside()

    @property
    def alarm(self) -> Alarm | None:
        """The alarm that is raised."""
        return self._kept.alarm

    @property
    def province(self) -> str:
        """Token of the province in topics, as the wall last told it; empty before."""
        return self._kept.province

    def first_for(self, sender: str) -> AlarmNotice | None:
        """Return the oldest notice that a sender has not handed over."""
        return next((notice for notice in self._kept.pending if sender in notice.to), None)

    @property
    def is_told(self) -> bool:
        """Whether everything has arrived everywhere."""
        return not self._kept.pending

    def learn_province(self, province: str) -> None:
        """Keep the province for the next start."""
        if province != self._kept.province:
            self._kept.province = province
            self._save()

    def add(self, alarm: Alarm | None, notice: AlarmNotice) -> None:
        """Keep a new notice together with the alarm as it stands after it."""
        self._kept.alarm = alarm
        if notice.to:
            self._kept.pending.append(notice)
        self._save()

    def note_handed_over(self, sender: str, key: str) -> None:
        """Forget a notice for one sender."""
        pending = [
            msgspec.structs.replace(notice, to=tuple(name for name in notice.to if name != sender))
            if notice.key == key
            else notice
            for notice in self._kept.pending
        ]
        self._kept.pending = [notice for notice in pending if notice.to]
        self._save()

    def keep_senders(self, names: frozenset[str]) -> None:
        """Forget notices for senders that are no longer configured."""
        for notice in list(self._kept.pending):
            for name in set(notice.to) - names:
                self.note_handed_over(name, notice.key)

    def _save(self) -> None:
        try:
            write_private(self._path, msgspec.json.format(msgspec.json.encode(self._kept)).decode() + "\n")
        except OSError as error:
            # Said once too often after a crash is better than not said at all.
            _logger.error("event=journal_not_written file=%s: %s", self._path, error)

    def _put_aside(self) -> None:
        try:
            self._path.replace(self._path.with_suffix(".damaged"))
        except OSError as error:
            _logger.error("event=journal_not_put_aside file=%s: %s", self._path, error)
