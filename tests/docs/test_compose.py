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
from eduops.machine.system import VERBS
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


def resolved(text: str) -> str:
    """Return text as compose reads it where no variable is set but the passwords, which are `x`."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return re.sub(r"\$\{\w+:\?[^}]*\}", "x", text).replace("$$", "$")


OURS = [
    "issuer", "prepare", "demo", "eduops", "ingest", "authorise", "process", "dashboard", "notify", "watch",
    "simulate",
]  # fmt: skip


def test_ours_are_all_ours(compose: dict[str, Any]) -> None:
    assert set(OURS) == {n for n, s in compose["services"].items() if s["image"].startswith("eduops")}


def test_nothing_is_invented_without_the_profile(compose: dict[str, Any]) -> None:
    invents = {n for n, s in compose["services"].items() if {"simulate", "--demo"} & set(s["command"])}
    assert invents == {"demo", "simulate"}
    for name, service in compose["services"].items():
        assert (service.get("profiles") == ["demo"]) is (name in invents)
        if "profiles" not in service:  # what is left out must not be needed
            assert all(
                "profiles" not in compose["services"][other] or how.get("required") is False
                for other, how in service.get("depends_on", {}).items()
            )


def test_every_service_is_bounded_and_whatever_stays_is_watched(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert float(resolved(limits["cpus"])) >= 1
        assert re.fullmatch(r"[1-9]g", resolved(limits["memory"]))
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}
        stays = service["restart"] == "unless-stopped"
        assert stays is (name not in ("issuer", "prepare", "demo", "eduops"))
        assert ("healthcheck" in service) is stays


def test_the_database_is_ready_only_when_it_listens_to_others(compose: dict[str, Any]) -> None:
    assert compose["services"]["db"]["healthcheck"]["test"][1:4] == ["pg_isready", "-h", "127.0.0.1"]


def test_no_image_is_a_first_release(compose: dict[str, Any]) -> None:
    for name in ("db", "nats"):
        version = re.search(r":(\d+)\.(\d+)\.(\d+)-", compose["services"][name]["image"])
        assert version is not None
        assert int(version[3]) > 0


@pytest.mark.parametrize("service", [name for name in OURS if name != "eduops"])
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


def test_every_own_health_check_asks_for_the_process_of_its_service(compose: dict[str, Any]) -> None:
    services = {verb: service for service, verb in VERBS.items()}
    asked = {
        name: service["healthcheck"]["test"]
        for name, service in compose["services"].items()
        if name in services and name != "dashboard"
    }
    assert asked == {name: ["CMD", "eduops", "ready", services[name]] for name in asked}
    assert len(asked) == 6


def test_the_brokers_of_both_ways_agree(compose: dict[str, Any], tmp_path: Path) -> None:
    prepare_nats(tmp_path)
    embedded = (tmp_path / "nats" / "nats.conf").read_text()
    written = resolved(compose["configs"]["nats"]["content"])
    assert sorted(re.findall(r"\$SYS\.[\w.*]+", embedded)) == sorted(re.findall(r"\$SYS\.[\w.*]+", written))
    for pattern in (
        r"  timeout: \d+",
        r"max_payload: \d+",
        r"sync_interval: \S+",
        r"ack_wait: \S+",
        r"max_ack_pending: \d+",
    ):
        mine, theirs = re.search(pattern, embedded), re.search(pattern, written)
        assert mine
        assert theirs
        assert mine[0] == theirs[0]


@pytest.mark.parametrize("password", ["123", "12e3", "true"])
def test_the_broker_reads_any_password_as_text(
    compose: dict[str, Any], tmp_path: Path, password: str
) -> None:
    config = tmp_path / "nats.conf"
    config.write_text(resolved(compose["configs"]["nats"]["content"]))
    (tmp_path / "issuer").mkdir()
    issuer = [sys.executable, "-m", "eduops", *compose["services"]["issuer"]["command"][:2]]
    done = subprocess.run(
        [*issuer, str(tmp_path / "issuer" / "issuer.conf")],
        env={**os.environ, "EDUOPS_AUTHORISER_PASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    given = {
        name: re.sub(r"\$\{[^}]*\}", password, value)
        for name, value in compose["services"]["nats"]["environment"].items()
    }
    check = [str(find_nats()), "-t", "-c", str(config)]
    done = subprocess.run(check, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
