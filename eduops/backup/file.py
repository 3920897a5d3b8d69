"""The file of a backup: one zip with a manifest, the database, the logs' entries and the operator's files."""

import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from contract.entry import EntryKind, RawEntry
from contract.errors import ConfigurationError

FORMAT: Final = 1
"""Version of the layout; a reader refuses a later one."""
DATABASE: Final = "database.dump"
MANIFEST: Final = "manifest.json"
_LENGTH: Final = struct.Struct(">I")
_PIECE_BYTES: Final = 1 << 20
_MANIFEST_BYTES: Final = 1 << 24
"""A manifest has some ten kB; one that unpacks to more is none."""
_UNREADABLE: Final = (OSError, EOFError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error)
"""What reading a zip raises: RuntimeError for one that is encrypted, compressed in an unknown way, or too
deep; ValueError for names that no file has."""


class LogCopy(msgspec.Struct, frozen=True):
    """The entries of one log in a backup."""

    first_seq: int
    """The restored log begins here: everything before is in the database."""
    entries: int
    readings: int
    """Sum of the entries' counts."""


class Ledger(msgspec.Struct, frozen=True):
    """Position and counts of one log's owner at the moment of the backup."""

    seq: int
    received: int
    stored: int
    duplicate: int
    quarantined: int
    corrected: int = 0


class Member(msgspec.Struct, frozen=True):
    """One file inside the backup."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds, and what must be found again after a restore."""

    format: int
    made_at: str
    """ISO 8601, UTC."""
    build: str
    """Version of eduops that made it."""
    engine: str
    """plain or timescale."""
    schema_version: int
    log_time_us: int
    """Log time of the newest committed entry, µs since 1970."""
    first_start: dict[str, Any]
    """Partitions and clock, which a data folder's first start fixes."""
    seed: dict[str, Any]
    """How far the simulated history of the first start had come."""
    tables: dict[str, int]
    """Rows of each table."""
    ledger: dict[str, Ledger]
    logs: dict[str, LogCopy]
    members: dict[str, Member]


def write_entries(file: IO[bytes], entries: Iterable[RawEntry]) -> None:
    """Append entries to a file: each a length (4 bytes, big-endian) and a MessagePack array."""
    for entry in entries:
        packed = msgspec.msgpack.encode(
            (entry.seq, entry.kind.value, entry.at_us, entry.count, entry.payload)
        )
        file.write(_LENGTH.pack(len(packed)) + packed)


def read_entries(file: IO[bytes]) -> Iterator[RawEntry]:
    """Yield what `write_entries` wrote.

    Raises:
        ConfigurationError: somebody else wrote it.
    """
    decoder = msgspec.msgpack.Decoder(tuple[int, str, int, int, bytes])
    while head := file.read(_LENGTH.size):
        try:
            seq, kind, at_us, count, payload = decoder.decode(file.read(_LENGTH.unpack(head)[0]))
            entry = RawEntry(seq, EntryKind(kind), at_us, count, payload)
        except (struct.error, ValueError) as error:  # ValueError: msgspec's, and a kind that is none
            raise ConfigurationError(f"the entries of a log are not what was saved: {error}") from error
        yield entry


def pack(target: Path, members: dict[str, Path], manifest: Manifest) -> Manifest:
    """Write a backup, whole or not at all, readable by its owner only; return its completed manifest.

    Args:
        target: The file to write; it must not exist.
        members: Files by their name inside.
        manifest: Everything but the members' checksums.
    """
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
                found = {name: _add(archive, name, path) for name, path in members.items()}
                manifest = msgspec.structs.replace(manifest, members=found)
                text = json.dumps(msgspec.to_builtins(manifest), indent=1, sort_keys=True)
                archive.writestr(MANIFEST, text)
            raw.flush()
            os.fsync(raw.fileno())
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def unpack(source: Path, folder: Path) -> Manifest:
    """Check a backup, write its members into a folder and return its manifest.

    Raises:
        ConfigurationError: the file is no backup, is damaged, or of a format that this version cannot read.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            with archive.open(MANIFEST) as file:
                manifest = _manifest(source, file.read(_MANIFEST_BYTES))
            for name, wanted in manifest.members.items():
                if _extract(archive, name, folder, wanted.bytes) != wanted:
                    raise ConfigurationError(f"{source} is damaged: {name} is not what was saved")
    except _UNREADABLE as error:
        raise ConfigurationError(f"{source} is no readable backup of eduops: {error}") from error
    return manifest


def _manifest(source: Path, text: bytes) -> Manifest:
    try:
        found = json.loads(text)
        if found["format"] > FORMAT:
            raise ConfigurationError(
                f"{source} has format {found['format']}, this eduops reads {FORMAT}: restore it with the "
                f"version that made it ({found.get('build', '?')}) or a later one"
            )
        return msgspec.convert(found, Manifest)
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{source} is no readable backup of eduops: {error}") from error


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> Member:
    digest, size = hashlib.sha256(), 0
    # pg_dump has compressed its archive already
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_STORED if name == DATABASE else zipfile.ZIP_DEFLATED
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as sink:
        while piece := source.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
            sink.write(piece)
    return Member(size, digest.hexdigest())


def _extract(archive: zipfile.ZipFile, name: str, folder: Path, most: int) -> Member:
    """Write a member and return what it is; of one that unpacks to more than `most` bytes not all."""
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ConfigurationError(f"the backup names a file outside its folder: {name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with archive.open(name) as source, target.open("wb") as sink:
        while size <= most and (piece := source.read(_PIECE_BYTES)):
            digest.update(piece)
            size += len(piece)
            sink.write(piece)
    return Member(size, digest.hexdigest())
