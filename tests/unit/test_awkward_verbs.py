"""Every verb on every awkward data folder: one sentence and exit code 1, no traceback. No server runs."""

import ctypes
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from contract.errors import ConfigurationError
from eduops.data_folder import DataFolder
from eduops.failures import sentences
from eduops.machine.supervisor import began
from tests.unit.conftest import Run

ROOT = Path(__file__).parents[2]
NOBODY = 65534
CAPABILITY_VERSION_3 = 0x20080522
WRITE_ANYTHING = 1 << 1 | 1 << 3
"""CAP_DAC_OVERRIDE and CAP_FOWNER. Source: Linux, include/uapi/linux/capability.h."""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A long CSV that `replay` reads."""
    file = tmp_path / "recorded.csv"
    file.write_text("time,school,metric,value\n2026-11-25T01:00:00Z,a-school,down_bps,1.0\n")
    return file


VERBS = {
    "status": ["status"],
    "doctor": ["doctor"],
    "quarantine": ["quarantine"],
    "clear": ["broker", "clear"],
    "export": ["fleet", "export"],
    "import": ["fleet", "import", "RECORDING"],
    "backup": ["backup", "NEW"],
    "restore": ["restore", "RECORDING"],
    "rules": ["rules", "test", "RECORDING"],
    "tune": ["rules", "tune"],
    "routes": ["routes", "test", "--incident", "0123456789abcdef"],
    "feedback": ["feedback", "export", "NEW"],
    "simulate": ["simulate", "--fault", "isp-outage"],
    "restart": ["restart"],
    "migrate": ["migrate"],
    "prepare": ["prepare"],
    "ingest": ["ingest"],
    "process": ["process"],
    "authorise": ["authorise"],
    "issue": ["device", "issue", "--missing", "--out", "NEW"],
    "rotate": ["device", "rotate", "s/gw-1"],
    "revoke": ["device", "revoke", "s/gw-1"],
    "list": ["device", "list"],
    "export-devices": ["device", "export", "NEW"],
    "import-devices": ["device", "import", "RECORDING"],
    "claim-code": ["device", "claim-code", "s/gw-1"],
    "mosquitto": ["device", "mosquitto", "NEW"],
    "dashboard": ["dashboard"],
    "replay": ["replay", "RECORDING"],
    "up": ["up"],
}
ASKS_THE_RUNNING = ("restart", "newer")
"""Needs nothing of what another version wrote, and waits for an answer."""


def a_file(folder: Path) -> None:
    folder.write_text("no folder")


def read_only(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o555)


def of_a_newer_version(folder: Path) -> None:
    folder.mkdir()
    held = DataFolder(folder)
    held.write("addresses", {"database_url": "postgresql://h/d", "of_next_year": 1})
    held.write("first_start", {"clock": {"origin": 1}})


def damaged(folder: Path) -> None:
    folder.mkdir()
    for name in ("state", "addresses", "first_start", "replay"):
        (folder / f"{name}.json").write_bytes(b"\xff\xfe{")


def with_broken_settings(folder: Path) -> None:
    folder.mkdir()
    (folder / "eduops.toml").write_bytes(b"port = \xff\n")


def with_a_broken_calendar(folder: Path) -> None:
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "calendar.toml").write_bytes(b'timezone = "\xff"\n')


def with_a_folder_for_a_file(folder: Path) -> None:
    (folder / "config" / "rules.toml").mkdir(parents=True)


@contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """Of root's rights without those to write whatever belongs to others; Python's modules it still may read.

    They are the calling thread's and of threads that it starts. Source: capabilities(7), capset(2).
    """
    if os.getuid() != 0:
        yield
        return
    os.chown(folder, NOBODY, NOBODY)
    libc, header = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3)
    before = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, before) == 0, os.strerror(ctypes.get_errno())
    fewer = (ctypes.c_uint32 * 6)(before[0] & ~WRITE_ANYTHING, *before[1:])
    assert libc.capset(header, fewer) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        assert libc.capset(header, before) == 0, os.strerror(ctypes.get_errno())


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """No file of this process takes another byte: the same answers as a disk without room (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """A process of `eduops up` lives on the folder, as far as its files say."""
    with subprocess.Popen(["sleep", "60"]) as lives:
        process = {"pid": lives.pid, "began": began(lives.pid), "restarts": 0, "port": None}
        DataFolder(folder).write("state", {"processes": {"nats": process}})
        try:
            yield
        finally:
            lives.kill()


def in_peace(folder: Path) -> AbstractContextManager[None]:
    return nullcontext()


def locked(folder: Path) -> AbstractContextManager[None]:
    return DataFolder(folder).locked()


FOLDERS: dict[str, tuple[Callable[[Path], None], Callable[[Path], AbstractContextManager[None]], str]] = {
    "a file": (a_file, in_peace, "data folder .* cannot be used|settings file|File exists|Not a directory"),
    "read-only": (read_only, unprivileged, "Permission denied|cannot be used|no eduops runs"),
    "full": (Path.mkdir, full_disk, "File too large|no eduops runs"),
    "newer": (of_a_newer_version, running, "of another version|not empty|belongs to a live system"),
    "damaged": (damaged, in_peace, "damaged|not empty"),
    "broken settings": (with_broken_settings, in_peace, "eduops.toml is not UTF-8 at byte 7"),
    "broken calendar": (with_a_broken_calendar, in_peace, "no eduops runs|calendar.toml is no|not empty"),
    "a folder for a file": (with_a_folder_for_a_file, in_peace, "no eduops runs|rules.toml cannot|not empty"),
    "in use": (Path.mkdir, locked, "another eduops|no eduops runs|not empty"),
}


@pytest.mark.parametrize(
    ("verb", "kind"), [(v, k) for v in VERBS for k in FOLDERS if (v, k) != ASKS_THE_RUNNING]
)
def test_a_verb_ends_in_a_sentence(
    tmp_path: Path, servers_folder: Path, recording: Path, run: Run, verb: str, kind: str
) -> None:
    make, during, says = FOLDERS[kind]
    folder = servers_folder / f"{verb} {kind}"
    make(folder)
    given = {"RECORDING": str(recording), "NEW": str(tmp_path / "new.zip")}
    words = [given.get(word, word) for word in VERBS[verb]]
    with during(folder):
        said = run(*words, "--data", str(folder))
    assert "Traceback" not in said.err
    if verb == "doctor" and said.out:
        assert said.code == 0 if "WRONG" not in said.out else said.code == 1
        return
    assert said.code == 1
    assert len(said.sentences) == 1, said.err
    assert re.search(says, said.sentences[0])


def test_a_port_that_is_taken(run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = run("up", "--port", port, "--data", str(tmp_path))
    assert said.code == 1
    assert said.sentences == [
        f"port {port} is taken: choose another with --port, or leave it out for a free one"
    ]


@pytest.mark.parametrize(
    "locale",
    [{"LC_ALL": "C"}, {"LC_ALL": "xx_YY.UTF-8"}, {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}],
    ids=str,
)
def test_a_terminal_without_our_letters(tmp_path: Path, locale: dict[str, str]) -> None:
    words = ["doctor", "--data", str(tmp_path / "Dữ liệu")]
    env = {name: value for name, value in os.environ.items() if not name.startswith("LC_")} | locale
    argv = [sys.executable, "-m", "eduops", *words]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    assert b"nothing runs on this data folder" in done.stdout


def test_a_bug_is_no_sentence() -> None:
    full = OSError(28, "No space left on device", "/data/x")
    ours = ConfigurationError("so it is")
    assert sentences(ExceptionGroup("", [full, ExceptionGroup("", [ours, ours])])) == [
        "/data/x: No space left on device",
        "so it is",
    ]
    assert sentences(ExceptionGroup("", [full, KeyError("x")])) is None
    assert sentences(ValueError("x")) is None
