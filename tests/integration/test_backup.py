"""A backup under load becomes a system that counts the same, takes new readings and knows the old ones."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from paho.mqtt import publish

from contract.entry import EntryKind, RawEntry
from contract.errors import ConfigurationError
from eduops.backup.file import DATABASE, MANIFEST, Manifest, pack, read_entries, unpack, write_entries
from tests.faults.checker import (
    STEP_US,
    Broker,
    NumberedDevice,
    assert_balanced,
    check,
    gateways,
    publishing,
    stored_times,
)
from tests.running_system import ROOT, RunningSystem, eventually

SCHOOLS = 8
SPEED = "3"
"""Log seconds a second: the pause between backup and restored start is a gap that the fold must notice."""
PACK = 40
"""Readings in a message."""
BACKLOG = {"every_s": 0.1, "pack": PACK}
"""Times that run much faster than the log's, as a backlog's do, also where a busy machine lets fewer messages
through: at the log's own pace, or where the first times of a second run meet the last of the first, a wrong
clock."""


def _manifest(file: Path) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        found: dict[str, Any] = json.loads(archive.read(MANIFEST))
    return found


def _restore(file: Path, data: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "eduops", "restore", str(file), "--data", str(data)]
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)


def _alerts(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT rule FROM alert").fetchall()]


def _empty_manifest() -> Manifest:
    return Manifest(
        format=1,
        made_at="2026-11-24T08:30:00+00:00",
        build="0",
        engine="plain",
        schema_version=1,
        log_time_us=0,
        first_start={},
        seed={},
        tables={},
        ledger={},
        logs={},
        members={},
    )


@pytest.fixture
def folder(servers_folder: Path) -> Path:
    """A folder for systems and backups."""
    made = servers_folder / "backup"
    made.mkdir()
    return made


@pytest.fixture
def original(folder: Path) -> Iterator[RunningSystem]:
    """The system that is backed up."""
    running = RunningSystem(folder / "a", "--speed", SPEED)
    yield running
    running.end()


def test_a_backup_under_load_becomes_the_same_system(original: RunningSystem, folder: Path) -> None:
    file, copy = folder / "saved.eduops", folder / "b"
    url = original.addresses["database_url"]
    with publishing(Broker.of(original.addresses), gateways(url, SCHOOLS), **BACKLOG) as devices:
        devices[0].more(100)
        said = original.command("backup", str(file))
        assert said.returncode == 0, said.stderr
        assert "received" in said.stdout
        assert file.stat().st_mode & 0o077 == 0
        devices[0].more(50)
    refused = original.command("restore", str(file))
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr
    assert _alerts(url) == []
    assert original.stop() == 0

    done = _restore(file, copy)
    assert done.returncode == 0, done.stderr
    restored = RunningSystem(copy)
    try:
        _goes_on(restored, _manifest(file), devices)
    finally:
        restored.end()


def _goes_on(restored: RunningSystem, saved: dict[str, Any], before: list[NumberedDevice]) -> None:
    url = restored.addresses["database_url"]
    eventually(lambda: restored.status().get("in_flight") == 0, "the restored logs are folded")
    ledger = restored.status()
    committed = sum(own["received"] for own in saved["ledger"].values())
    assert ledger["received"] >= committed, "the watchdog's own readings may have come meanwhile"
    assert_balanced(ledger)
    kept = [stored_times(url, device) for device in before]
    assert len(kept[0]) >= 100
    assert all(len(times) == len(set(times)) for times in kept)
    assert all(set(times) <= device.attempted for times, device in zip(kept, before, strict=True))

    broker = Broker.of(restored.addresses)
    with publishing(broker, [device.gateway for device in before], **BACKLOG) as new:
        _send_again(broker, before[0], kept[0])
        new[0].more(100)
        for device in new:
            device.finish()
        account = check(restored, new)
    assert account.stored == sum(len(device.attempted) for device in new)
    assert restored.status()["duplicate"] - ledger["duplicate"] >= len(kept[0]), (
        "the tables know the old ones"
    )
    assert sorted(stored_times(url, before[0])) == sorted(kept[0])
    alerts = _alerts(url)
    assert set(alerts) <= {"log_gap"}, "a storm after the restore"
    assert len(alerts) <= restored.addresses["partitions"], "one a partition; the wall shows them as one line"


def _send_again(broker: Broker, device: NumberedDevice, times_us: list[int]) -> None:
    """Publish readings of a device once more, as it does that lost an acknowledgement."""
    packs = [
        [
            {"n": "down_bps", "u": "bit/s", "v": float((t - device.first_us) // STEP_US), "t": t / 1e6}
            for t in times_us[first : first + PACK]
        ]
        for first in range(0, len(times_us), PACK)
    ]
    publish.multiple(
        [(device.gateway.topic, json.dumps(pack), 1, False) for pack in packs],
        hostname=broker.host,
        port=broker.port,
        client_id="again",
        auth={"username": broker.user, "password": broker.password},
    )


def test_what_is_no_backup_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "database"
    source.write_bytes(b"rows" * 1000)
    file = tmp_path / "saved"
    pack(file, {DATABASE: source}, _empty_manifest())
    assert unpack(file, tmp_path / "out").members[DATABASE].bytes == 4000
    assert (tmp_path / "out" / DATABASE).read_bytes() == source.read_bytes()

    damaged = bytearray(file.read_bytes())
    damaged[damaged.index(b"rowsrows")] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    with pytest.raises(ConfigurationError, match="damaged"):
        unpack(tmp_path / "damaged", tmp_path / "out2")
    with pytest.raises(ConfigurationError, match="no readable backup"):
        unpack(source, tmp_path / "out3")


def test_whatever_is_changed_in_a_backup_is_refused_by_a_sentence(tmp_path: Path) -> None:
    source = tmp_path / "alerts"
    source.write_bytes(b"a backup's log of alerts, compressed" * 30)
    pack(tmp_path / "saved", {"logs/alerts": source}, _empty_manifest())
    whole = (tmp_path / "saved").read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            unpack(tmp_path / "damaged", tmp_path / "out")
        except ConfigurationError:
            continue
        assert (tmp_path / "out/logs/alerts").read_bytes() == source.read_bytes(), place
    for end in range(0, len(whole), 7):
        (tmp_path / "damaged").write_bytes(whole[:end])
        with pytest.raises(ConfigurationError):
            unpack(tmp_path / "damaged", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content"),
    [(MANIFEST, b"[" * 100_000), (MANIFEST, b" " * (1 << 25)), (MANIFEST, b"null"), ("x", b"")],
)
def test_a_zip_that_is_made_up_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "made", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    with pytest.raises(ConfigurationError, match="no readable backup"):
        unpack(tmp_path / "made", tmp_path / "out")


def test_a_member_fills_no_more_than_it_says(tmp_path: Path) -> None:
    said = {**msgspec.to_builtins(_empty_manifest()), "members": {"bomb": {"bytes": 10, "sha256": ""}}}
    with zipfile.ZipFile(tmp_path / "saved", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, json.dumps(said))
        archive.writestr("bomb", bytes(20 << 20))
    with pytest.raises(ConfigurationError, match="damaged"):
        unpack(tmp_path / "saved", tmp_path / "out")
    assert (tmp_path / "out/bomb").stat().st_size <= 1 << 20


def test_a_backup_sets_what_a_first_start_fixes_and_nothing_else(tmp_path: Path) -> None:
    asked = {"partitions": 2, "watchdog_command": "touch /tmp/x"}
    pack(tmp_path / "saved", {}, msgspec.structs.replace(_empty_manifest(), first_start=asked))
    done = _restore(tmp_path / "saved", tmp_path / "new")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "it would set 'watchdog_command'" in done.stderr
    assert not (tmp_path / "new").exists()


def test_entries_that_somebody_made_up_are_refused(tmp_path: Path) -> None:
    for made in (b"\0", b"\0\0\0\1", b"\0\0\0\1\xc0", b"\xff\xff\xff\xff\x00"):
        (tmp_path / "log").write_bytes(made)
        with (tmp_path / "log").open("rb") as file, pytest.raises(ConfigurationError, match="of a log"):
            list(read_entries(file))


def test_a_backup_of_a_later_format_is_refused_by_name(tmp_path: Path) -> None:
    later = {**msgspec.to_builtins(_empty_manifest()), "format": 99}
    with zipfile.ZipFile(tmp_path / "later", "w") as archive:
        archive.writestr(MANIFEST, json.dumps(later))
    with pytest.raises(ConfigurationError, match="format 99"):
        unpack(tmp_path / "later", tmp_path / "out")


def test_a_member_may_not_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "inside").write_text("x")
    pack(tmp_path / "saved", {"../outside": tmp_path / "inside"}, _empty_manifest())
    with pytest.raises(ConfigurationError, match="outside its folder"):
        unpack(tmp_path / "saved", tmp_path / "out")
    assert not (tmp_path / "outside").exists()


def test_entries_come_back_as_they_were_written(tmp_path: Path) -> None:
    entries = [
        RawEntry(7, EntryKind.READINGS, 123, 5, bytes(range(256))),
        RawEntry(8, EntryKind.DEAF, -1, 0, b""),
    ]
    with (tmp_path / "log").open("wb") as file:
        write_entries(file, entries)
    with (tmp_path / "log").open("rb") as file:
        assert list(read_entries(file)) == entries
