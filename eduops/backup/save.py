"""`eduops backup`: everything of a running system as it stands at one moment, in one file.

The database is cut in one snapshot. The logs are copied from what that snapshot still needs to their
ends: a restored processor loads its state and folds on, as after any restart.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Final

from bus.jetstream import JetStreamLog
from bus.log import LogReader
from config.files import EDITABLE
from contract.commit import Counts, Position
from contract.entry import ALERTS_LOG, QUARANTINE_LOG
from contract.errors import ConfigurationError, InfrastructureError
from eduops.backup.file import (
    DATABASE,
    FORMAT,
    Ledger,
    LogCopy,
    Manifest,
    pack,
    read_entries,
    write_entries,
)
from eduops.connections import all_logs, build_id, open_log, owner_url
from eduops.data_folder import DataFolder
from eduops.machine.first_start import FIXED
from eduops.machine.prepare import Tell
from eduops.machine.servers.postgres_binaries import find_binaries
from eduops.settings import Settings
from storage.upkeep.backup import Cut, hold_cut, positions_now

TRIES: Final = 3
"""A processor may drop what a newer snapshot covers between our look at its position and our read."""
PATIENCE_S: Final = 30.0


def find_program(name: str, dsn: str) -> Path:
    """Return pg_dump or pg_restore for a database.

    The wheel's programs speak to the embedded server through its socket. They know no TLS, so for a
    server elsewhere those on the path come first; they must not be older than the server.

    Raises:
        ConfigurationError: there is none.
    """
    elsewhere = which(name)
    embedded = "host=%2F" in dsn or "host=/" in dsn
    if elsewhere is not None and not embedded:
        return Path(elsewhere)
    beside = find_binaries().bin / name
    if beside.is_file():
        return beside
    if elsewhere is not None:
        return Path(elsewhere)
    raise ConfigurationError(f"no {name} found: install PostgreSQL's client programs (postgresql-client)")


def keep_after(log: str, position: Position | None) -> int:
    """Return the entry up to which a log is not needed any more, given its owner's position.

    A telemetry log's owner folds on from its snapshot; the others' whole state is in the tables.
    """
    if position is None:
        return 0
    return position.seq if log in (ALERTS_LOG, QUARANTINE_LOG) else position.snapshot_seq


def run_backup(settings: Settings, target: Path, tell: Tell) -> Manifest:
    """Write a backup of the running system.

    Raises:
        ConfigurationError: the file exists, or there is no pg_dump.
        InfrastructureError: a server is out of reach, or pg_dump fails.
    """
    beside = target.absolute().parent
    if target.exists():
        raise ConfigurationError(f"{target} exists already: choose another name, or move it away")
    if not beside.is_dir():
        raise ConfigurationError(f"the folder {beside} does not exist; create it first")
    program = find_program("pg_dump", owner_url(settings))
    with tempfile.TemporaryDirectory(prefix=".eduops-backup-", dir=beside) as name:
        folder = Path(name)
        manifest = asyncio.run(_gather(settings, program, folder))
        members = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
        manifest = pack(target, members, manifest)
    tell(f"wrote {target} ({target.stat().st_size / 1e6:.1f} MB): {describe(manifest)}")
    return manifest


def describe(manifest: Manifest) -> str:
    """Return a manifest in a sentence, with the sum that must come out."""
    counts = total(manifest)
    waiting = sum(copy.readings for copy in manifest.logs.values())
    entries = sum(copy.entries for copy in manifest.logs.values())
    sign = "=" if counts.received == counts.accounted else "IS NOT"
    return (
        f"{sum(manifest.tables.values()):,} rows in {len(manifest.tables)} tables and "
        f"{entries:,} log entries with {waiting:,} readings; received {counts.received:,} {sign} "
        f"stored {counts.stored:,} + duplicate {counts.duplicate:,} + "
        f"corrected {counts.corrected:,} + quarantined {counts.quarantined:,}"
    )


def total(manifest: Manifest) -> Counts:
    """Return the counts of all logs together."""
    counts = Counts()
    for own in manifest.ledger.values():
        counts = counts.plus(Counts(own.received, own.stored, own.duplicate, own.quarantined, own.corrected))
    return counts


def ledger_of(positions: Mapping[str, Position]) -> dict[str, Ledger]:
    """Return positions as a manifest has them."""
    return {name: Ledger(p.seq, *p.counts) for name, p in positions.items()}


async def _gather(settings: Settings, program: Path, folder: Path) -> Manifest:
    dsn = owner_url(settings)
    async with open_log(settings, "backup") as log:
        copies = await _start_copies(settings, log, folder)
        try:
            async with hold_cut(dsn) as cut:
                for copy in copies.values():
                    await copy.to_the_end()
                logs = {
                    name: copy.cut_from(keep_after(name, cut.positions.get(name)))
                    for name, copy in copies.items()
                }
                await cut.dump(program, folder / DATABASE)
                _copy_config(settings, folder)
                return await _manifest(settings, cut, logs)
        finally:
            for copy in copies.values():
                await copy.close()


async def _manifest(settings: Settings, cut: Cut, logs: dict[str, LogCopy]) -> Manifest:
    own = DataFolder(settings.data)
    first_start = own.read("first_start") or {
        **{name: getattr(settings, name) for name in FIXED},
        "asked": {},
    }
    return Manifest(
        format=FORMAT,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        build=build_id(),
        engine=await cut.engine(),
        schema_version=await cut.schema_version(),
        log_time_us=max((p.log_time_us for p in cut.positions.values()), default=0),
        first_start=first_start,
        seed=own.read("seed") or {"done": True},
        tables=await cut.rows(),
        ledger=ledger_of(cut.positions),
        logs=logs,
        members={},
    )


def _copy_config(settings: Settings, folder: Path) -> None:
    own = DataFolder(settings.data).config
    for name in EDITABLE:
        if (own / name).is_file():
            (folder / "config").mkdir(exist_ok=True)
            (folder / "config" / name).write_bytes((own / name).read_bytes())


async def _start_copies(settings: Settings, log: JetStreamLog, folder: Path) -> dict[str, "_Copy"]:
    """Begin to copy every log before the database is cut, so that nothing needed is dropped meanwhile."""
    (folder / "logs").mkdir()
    for left in reversed(range(TRIES)):
        positions = await positions_now(owner_url(settings))
        copies: dict[str, _Copy] = {}
        try:
            for name in all_logs(settings.partitions):
                after = keep_after(name, positions.get(name))
                copies[name] = _Copy(log, name, await log.reader(name, after), after, folder / "logs" / name)
                await copies[name].to_the_end()
        except InfrastructureError:
            for copy in copies.values():
                await copy.close()
            if left == 0:
                raise
        else:
            return copies
    raise AssertionError("unreachable")


class _Copy:
    """The copy of one log, in a file that grows with it."""

    def __init__(self, log: JetStreamLog, name: str, reader: LogReader, after: int, path: Path) -> None:
        self._log = log
        self._name = name
        self._reader = reader
        self._seq = after
        self._path = path
        self._path.write_bytes(b"")

    async def to_the_end(self) -> None:
        """Copy what the log holds by now."""
        last = await self._log.last_seq(self._name)
        with self._path.open("ab") as file:
            while self._seq < last:
                entries = await self._reader.fetch(1000, PATIENCE_S)
                if not entries:
                    raise InfrastructureError(f"log {self._name} stopped answering at entry {self._seq}")
                write_entries(file, entries)
                self._seq = entries[-1].seq

    def cut_from(self, after: int) -> LogCopy:
        """Leave only the entries after a position in the file and return what they are."""
        whole = self._path.with_suffix(".whole")
        self._path.rename(whole)
        entries = readings = 0
        with whole.open("rb") as source, self._path.open("wb") as sink:
            for entry in read_entries(source):
                if entry.seq > after:
                    write_entries(sink, [entry])
                    entries, readings = entries + 1, readings + entry.count
        whole.unlink()
        return LogCopy(after + 1, entries, readings)

    async def close(self) -> None:
        """Let go of the log."""
        await self._reader.close()
