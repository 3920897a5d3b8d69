"""docker-compose.yml: valid, without default passwords, and every command in it exists."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from eduops.machine.embedded_nats import find_nats, prepare_nats
from eduops.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return loaded


def test_it_follows_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    check.append(str(COMPOSE))
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_password_has_a_default() -> None:
    used = re.findall(r"\$\{([A-Z_]*PASSWORD)([^}]*)\}", COMPOSE.read_text("utf-8"))
    assert used
    assert all(rest.startswith(":?") for _, rest in used)


def test_make_env_writes_every_password_once(tmp_path: Path, compose: dict[str, Any]) -> None:
    make = ["make", "-f", str(ROOT / "Makefile"), "env", f"ENV_FILE={tmp_path / '.env'}"]
    subprocess.run(make, cwd=ROOT, check=True, capture_output=True)
    written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines() if line)
    wanted = set(re.findall(r"\$\{([A-Z_]*PASSWORD)", COMPOSE.read_text("utf-8")))
    assert wanted <= set(written)
    assert all(len(written[name]) >= 32 for name in wanted)
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    before = (tmp_path / ".env").read_text()
    subprocess.run(make, cwd=ROOT, check=True, capture_output=True)
    assert (tmp_path / ".env").read_text() == before


def test_every_variable_is_a_setting(compose: dict[str, Any]) -> None:
    names = {name.removeprefix("EDUOPS_").lower() for name in compose["x-eduops"]["environment"]}
    assert names <= set(Settings.model_fields)


@pytest.mark.parametrize("service", ["prepare", "ingest", "process", "dashboard", "watch", "simulate"])
def test_every_command_is_a_verb_with_those_options(compose: dict[str, Any], service: str) -> None:
    verb, *options = compose["services"][service]["command"]
    shown = subprocess.run(
        [sys.executable, "-m", "eduops", verb, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "200"},
    ).stdout
    assert all(option in shown for option in options if option.startswith("--"))


def test_the_brokers_of_both_ways_agree(compose: dict[str, Any], tmp_path: Path) -> None:
    prepare_nats(tmp_path)
    embedded = (tmp_path / "nats" / "nats.conf").read_text()
    written = compose["configs"]["nats"]["content"]
    for pattern in (r"max_payload: \d+", r"sync_interval: \S+", r"ack_wait: \S+", r"max_ack_pending: \d+"):
        mine, theirs = re.search(pattern, embedded), re.search(pattern, written)
        assert mine
        assert theirs
        assert mine[0] == theirs[0]


@pytest.mark.parametrize("password", ["123", "12e3", "true"])
def test_the_broker_reads_any_password_as_text(
    compose: dict[str, Any], tmp_path: Path, password: str
) -> None:
    config = tmp_path / "nats.conf"
    config.write_text(compose["configs"]["nats"]["content"].replace("$$", "$"))
    given = {
        name: re.sub(r"\$\{[^}]*\}", password, value)
        for name, value in compose["services"]["nats"]["environment"].items()
    }
    check = [str(find_nats()), "-t", "-c", str(config)]
    done = subprocess.run(check, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
