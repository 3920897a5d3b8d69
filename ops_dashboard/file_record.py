"""Puts on record what an operator changes in files: seen by the dashboard, once for all services."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Final

import msgspec

from config.parts import changes_between, parts_of
from config.private_file import write_private
from config.watched import (
    FOLLOWED,
    WATCHED,
    FileFound,
    Stamp,
    check_file,
    find_file,
    packaged_file,
    stamp_of,
)
from contract.errors import ConfigurationError, InfrastructureError
from contract.fleet import Fleet
from ops_dashboard.borrowing import ReaderPool, borrowed
from storage.people.files import DONE, REFUSED, FileRecord, add_file, files_on_record

LOOK_S: Final = 2.0
"""Seconds between two looks; a file that differs in both is still being written."""
_ANSWER_S: Final = 10.0
_MOST_WHY: Final = 200
"""Characters of why a file is refused; the whole sentence is in the services' logs."""
_logger: Final = logging.getLogger(__name__)


class _Note(msgspec.Struct):
    """What is in force of a file: a digest of each part, never a value."""

    sha256: str
    parts: dict[str, str]


class FileWatch:
    """Looks at the operator's files, and puts on record what is new of them."""

    def __init__(self, pool: ReaderPool, own: Path, noted: Path, fleet: Fleet) -> None:
        """Look at the folder `own`, and keep in `noted` what the next change is compared with."""
        self._pool = pool
        self._own = own
        self._noted = noted
        self._fleet = fleet
        self._seen: dict[str, Stamp] = {}
        self._settled: dict[str, Stamp] = {}
        self._notes = _read_notes(noted)

    async def run(self) -> None:
        """Look for ever; what is new while the database is away waits for it."""
        while True:
            for name in WATCHED:
                stamp = stamp_of(self._own, name)
                is_whole = name in self._seen and self._seen[name] == stamp
                self._seen[name] = stamp
                if is_whole and (name not in self._settled or self._settled[name] != stamp):
                    try:
                        await self._look_into(name)
                    except InfrastructureError as error:
                        _logger.warning("event=file_not_on_record file=%s: it waits: %s", name, error)
                        break
                    self._settled[name] = stamp
            await asyncio.sleep(LOOK_S)

    async def _look_into(self, name: str) -> None:
        found = await asyncio.to_thread(find_file, self._own, name)
        async with borrowed(self._pool, _ANSWER_S) as conn:
            known = (await files_on_record(conn)).get(name)
            if known is None and not found.is_own:
                return  # nobody ever changed it
            before = packaged_file(name).sha256 if known is None else known.taken
            refusal = await asyncio.to_thread(self._refusal, name)
            detail = refusal or self._change(name, before, found)
            result = REFUSED if refusal else DONE
            await add_file(conn, name, FileRecord(found.sha256, before), result, detail)
        if not refusal:
            self._note(name, found)

    def _refusal(self, name: str) -> str:
        try:
            check_file(self._own, name, self._fleet)
        except ConfigurationError as error:
            return f"the one before stays in force: {error}"[:_MOST_WHY]
        return ""

    def _change(self, name: str, before: str, found: FileFound) -> str:
        whose = f"of {found.owner}" if found.is_own else "the packaged one"
        when = "at once" if name in FOLLOWED else "with each service's next start"
        packaged, noted = packaged_file(name), self._notes.get(name)
        if before == found.sha256:
            return f"{whose}: the one in force again"
        if noted is not None and noted.sha256 == before:
            parts = noted.parts
        elif packaged.sha256 == before:
            parts = parts_of(packaged.text)
        else:
            return f"{whose}, in force {when}; what it was before is not here to compare"
        changes = changes_between(parts, parts_of(found.text)) if name.endswith(".toml") else ""
        return f"{whose}, in force {when}; {changes or f'{found.text.count(chr(10))} lines'}"

    def _note(self, name: str, found: FileFound) -> None:
        self._notes[name] = _Note(found.sha256, parts_of(found.text))
        text = json.dumps(msgspec.to_builtins(self._notes), indent=1, sort_keys=True)
        try:
            write_private(self._noted, text + "\n")
        except OSError as error:  # the record has the hashes; the next change lacks its names
            _logger.warning("event=file_not_on_record file=%s: its parts are not noted: %s", name, error)


def _read_notes(path: Path) -> dict[str, _Note]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, _Note])
    except (OSError, msgspec.DecodeError):
        return {}
