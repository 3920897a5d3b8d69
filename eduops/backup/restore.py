"""`eduops restore`: a backup becomes a system of its own, in an empty data folder, and is counted again."""

import shutil
import tempfile
from pathlib import Path

from bus.jetstream import JetStreamLog
from contract.errors import ConfigurationError, InfrastructureError
from eduops.backup.file import DATABASE, Manifest, read_entries, unpack
from eduops.backup.save import describe, find_program, ledger_of
from eduops.connections import open_log, owner_url
from eduops.data_folder import DataFolder
from eduops.machine.first_start import FIXED
from eduops.machine.output import ProcessOutput
from eduops.machine.prepare import Tell
from eduops.machine.system import System
from eduops.settings import Settings
from storage.database import migrations
from storage.upkeep.backup import counted, is_empty, restore_database


async def run_restore(settings: Settings, source: Path, tell: Tell) -> Manifest:
    """Restore a backup into an empty data folder, or into configured servers without tables and logs.

    The servers run only for the restore; `eduops up` starts the restored system afterwards. What
    fails leaves no folder behind.

    Raises:
        ConfigurationError: the backup cannot be read, or the target is not empty.
        InfrastructureError: a server refuses, or what was restored is not what was saved.
    """
    folder = DataFolder(settings.data)
    if folder.path.exists() and any(folder.path.iterdir()):
        raise ConfigurationError(
            f"{folder.path} is not empty: name a new folder with --data; nothing was changed"
        )
    folder.create()
    try:
        with folder.locked(), tempfile.TemporaryDirectory(prefix="restore-", dir=folder.path) as unpacked:
            manifest = unpack(source, Path(unpacked))
            _check_schema(source, manifest)
            _check_first_start(source, manifest)
            await _restore(settings, folder, manifest, Path(unpacked), tell)
    except BaseException:
        _remove(folder)
        raise
    tell(f"restored {source} of {manifest.made_at} into {folder.path}: {describe(manifest)}")
    return manifest


def _check_schema(source: Path, manifest: Manifest) -> None:
    known = migrations()[-1].version
    if manifest.schema_version > known:
        raise ConfigurationError(
            f"{source} was made by eduops {manifest.build} at schema version {manifest.schema_version}, this "
            f"eduops knows {known}: restore it with that version or a later one"
        )


def _check_first_start(source: Path, manifest: Manifest) -> None:
    """Refuse a backup that would set more than a first start fixes: all other settings are the operator's."""
    if others := manifest.first_start.keys() - {*FIXED, "asked"}:
        raise ConfigurationError(
            f"{source} is no backup of eduops: it would set {', '.join(map(ascii, sorted(others)))}"
        )


async def _restore(
    settings: Settings, folder: DataFolder, manifest: Manifest, unpacked: Path, tell: Tell
) -> None:
    fixed = {name: value for name, value in manifest.first_start.items() if name in FIXED}
    system = System(folder, settings.but(**fixed), tell, ProcessOutput(folder.logs, quiet=True))
    try:
        await system.start_servers()
        await _fill(system.settings, manifest, unpacked)
        await _count_again(system.settings, manifest)
    finally:
        await system.supervisor.stop()
    if (unpacked / "config").is_dir():
        shutil.copytree(unpacked / "config", folder.config)
    folder.write("seed", manifest.seed)
    folder.write("first_start", manifest.first_start)


async def _fill(settings: Settings, manifest: Manifest, unpacked: Path) -> None:
    dsn = owner_url(settings)
    if not await is_empty(dsn):
        raise ConfigurationError(
            "the database has tables already: restore into an empty one; nothing was changed"
        )
    async with open_log(settings, "restore") as log:
        for name, copy in manifest.logs.items():
            await log.create_from(name, settings.log_max_bytes, copy.first_seq)
            await _append_all(log, name, unpacked / "logs" / name)
    program = find_program("pg_restore", dsn)
    await restore_database(dsn, program, unpacked / DATABASE, manifest.engine)


async def _append_all(log: JetStreamLog, name: str, path: Path) -> None:
    with path.open("rb") as file:
        for entry in read_entries(file):
            # one after the other: an entry must get the seq that it had
            seq = await log.append(name, entry.kind, entry.payload, at_us=entry.at_us, count=entry.count)
            if seq != entry.seq:
                raise InfrastructureError(
                    f"entry {entry.seq} of log {name} became {seq}: somebody else writes"
                )


async def _count_again(settings: Settings, manifest: Manifest) -> None:
    """Compare everything that can be counted with the manifest.

    Raises:
        InfrastructureError: something differs; the message names it.
    """
    tables, positions = await counted(owner_url(settings))
    wrong = [
        f"table {name} has {tables.get(name, 0):,} rows instead of {rows:,}"
        for name, rows in manifest.tables.items()
        if tables.get(name) != rows
    ]
    if ledger_of(positions) != manifest.ledger:
        wrong.append(f"the ledger is {ledger_of(positions)} instead of {manifest.ledger}")
    async with open_log(settings, "restore") as log:
        for name, copy in manifest.logs.items():
            last, readings = await log.last_seq(name), await log.pending_readings(name, copy.first_seq - 1)
            if (last, readings) != (copy.first_seq + copy.entries - 1, copy.readings):
                wrong.append(f"log {name} ends at {last} with {readings:,} readings")
    if wrong:
        raise InfrastructureError(f"what was restored is not what was saved: {'; '.join(wrong)}")


def _remove(folder: DataFolder) -> None:
    """Remove the unfinished system, its PostgreSQL too where that lives elsewhere."""
    location = folder.path / "postgres.location"
    if location.is_file():
        shutil.rmtree(Path(location.read_text().strip()), ignore_errors=True)
    shutil.rmtree(folder.path, ignore_errors=True)
