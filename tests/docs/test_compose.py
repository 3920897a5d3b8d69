"""docker-compose.yml: valid, without default passwords, and every command in it exists."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bus.rights import BrokerUser, password_variable, users_of_the_server
from contract.entry import DEFAULT_PARTITIONS
from eduops.cli import app
from eduops.machine.servers.embedded_nats import find_nats, prepare_nats
from eduops.machine.system import VERBS
from eduops.settings import SECRETS, Settings
from storage.rights.table import DatabaseRole

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
BROKER = ROOT / "docker-nats.conf"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return loaded


def test_it_follows_the_compose_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    check.append(str(COMPOSE))
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def make_secrets(folder: Path, former: str = "") -> dict[str, str]:
    """Let `make env` write its files beside an older `.env`, and return what they hold."""
    (folder / ".env").write_text(former)
    make = ["make", "-f", str(ROOT / "Makefile"), "env", f"ENV_FILE={folder / '.env'}"]
    subprocess.run([*make, f"SECRETS_DIR={folder / 'secrets'}"], cwd=ROOT, check=True, capture_output=True)
    return {path.name: path.read_text() for path in (folder / "secrets").iterdir()}


def test_make_env_writes_every_secret_once(tmp_path: Path, compose: dict[str, Any]) -> None:
    written = make_secrets(tmp_path, "POSTGRES_PASSWORD=of before\nNATS_INGEST_PASSWORD=too\n")
    assert written.keys() == compose["secrets"].keys()
    assert (written.pop("eduops"), written.pop("nats_ingest"), written.pop("watchdog_url")) == (
        "of before", "too", ""
    )  # fmt: skip
    assert all(len(text) >= 32 for text in written.values())
    assert len(set(written.values())) == len(written)
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    again = make_secrets(tmp_path)
    assert {name: again[name] for name in written} == written


def test_no_secret_is_in_the_file_or_in_an_environment(compose: dict[str, Any]) -> None:
    for name, secret in compose["secrets"].items():
        assert resolved(secret["file"]) == f"./secrets/{name}"
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if name.endswith(("PASSWORD_FILE", "_URL_FILE")):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            else:
                assert not re.search("PASSWORD$|SECRET|TOKEN", name)
                assert "@" not in value.partition("//")[2].partition("@")[0]


def test_each_service_knows_its_own_role_and_no_other(compose: dict[str, Any]) -> None:
    known = {
        name: {s for s in service.get("secrets", []) if isinstance(s, str) and s.startswith("eduops")}
        for name, service in compose["services"].items()
    }
    everything = {"eduops", *DatabaseRole}
    services = {verb: service for service, verb in VERBS.items() if service != "watchdog"}
    own = {name: {DatabaseRole[services[name].upper()].value} for name in services}
    owners = {"db": {"eduops"}, "prepare": everything, "demo": everything}
    assert known == {
        **own, **owners, "eduops": {DatabaseRole.OPERATOR}, "nats": set(), "issuer": set(), "watch": set()
    }  # fmt: skip
    for name in own:
        url = compose["services"][name]["environment"]["EDUOPS_DATABASE_URL"]
        assert url.startswith(f"postgresql://{own[name].copy().pop()}@db")


def test_no_container_is_root_or_may_do_what_it_need_not(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["user"] in ("10001:10001", "postgres"), name
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "/tmp" in service["tmpfs"]
        assert "cap_add" not in service
        assert "privileged" not in service
    # Into a container whose files are read-only docker mounts files, and cannot copy any.
    assert all(set(config) == {"file"} for config in compose["configs"].values())
    image = (ROOT / "Dockerfile").read_text("utf-8")
    assert "--uid 10001" in image
    for folder in (
        "/data",
        "/issuer",
        "/store",
        "/log",
    ):  # a new volume gets the owner that the folder has there
        assert re.search(rf"install -d -o eduops -g eduops .*{folder}\b", image)


def test_every_variable_is_a_setting(compose: dict[str, Any]) -> None:
    names = {
        name.removeprefix("EDUOPS_").lower()
        for service in OURS
        for name in compose["services"][service]["environment"]
    }
    secrets = {f"{name}_file" for name in SECRETS}
    assert names <= set(Settings.model_fields) | secrets


def resolved(text: str) -> str:
    """Return text as compose reads it where no variable is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


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


def test_whoever_tells_of_refused_devices_reads_the_broker_s_log(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("ingest", "dashboard", "eduops"):
        own = [resolved(volume) for volume in services[name]["volumes"]]
        usual = [resolved(volume) for volume in services["process"]["volumes"]]
        assert own == [*usual, "nats-log:/data/logs:ro"]
        assert services[name]["environment"]["EDUOPS_DATA"] == "/data"
    assert all("nats-log:/log" in services[name]["volumes"] for name in ("nats", "issuer"))
    assert 'log_file: "/log/nats.log"' in BROKER.read_text("utf-8")


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
    interval = resolved(compose["services"]["nats"]["environment"]["SYNC_INTERVAL"])
    written = BROKER.read_text("utf-8").replace("$SYNC_INTERVAL", interval)
    assert sorted(re.findall(r"\$SYS\.[\w.*]+", embedded)) == sorted(re.findall(r"\$SYS\.[\w.*]+", written))
    for pattern in (
        r"  timeout: \d+",
        r"logtime_utc: true",
        r"max_payload: \d+",
        r"sync_interval: \S+",
        r"ack_wait: \S+",
        r"max_ack_pending: \d+",
    ):
        mine, theirs = re.search(pattern, embedded), re.search(pattern, written)
        assert mine
        assert theirs
        assert mine[0] == theirs[0]


def named(secret: str | dict[str, str]) -> str:
    """Return the name of a service's secret, which may have another path than the usual."""
    return secret if isinstance(secret, str) else secret["source"]


def test_the_broker_of_compose_has_the_users_of_the_table(compose: dict[str, Any]) -> None:
    written = BROKER.read_text("utf-8")
    assert users_of_the_server(DEFAULT_PARTITIONS, password_variable) in written
    assert f"auth_users: [{', '.join(BrokerUser)}]" in written
    shown = CliRunner().invoke(app, ["broker", "users"]).output
    assert shown in written
    known = {
        name: {
            s.removeprefix("nats_") for s in map(named, service.get("secrets", [])) if s.startswith("nats_")
        }
        for name, service in compose["services"].items()
    }
    services: dict[str, set[str]] = {verb: {service} for service, verb in VERBS.items()}
    tools = {"prepare": {"operator"}, "demo": {"operator"}, "eduops": {"operator"}, "issuer": {"authoriser"}}
    assert known == {
        **services, **tools, "ingest": {"ingest", "ingest_log"}, "nats": {"passwords.conf"}, "db": set()
    }  # fmt: skip
    for name, service in compose["services"].items():
        user = service.get("environment", {}).get("EDUOPS_NATS_USER")
        assert user is None or user in known[name], name


@pytest.mark.parametrize("password", ["123", "12e3", "true"])
def test_the_broker_reads_any_password_as_text(
    compose: dict[str, Any], tmp_path: Path, password: str
) -> None:
    former = [f"{password_variable(user).removeprefix('$')}={password}" for user in BrokerUser]
    made = make_secrets(tmp_path, "\n".join(former))
    config = tmp_path / "nats.conf"
    config.write_bytes(BROKER.read_bytes())
    (tmp_path / "passwords.conf").write_text(made["nats_passwords.conf"])
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
    given = {k: resolved(v) for k, v in compose["services"]["nats"]["environment"].items()}
    check = [str(find_nats()), "-t", "-c", str(config)]
    done = subprocess.run(check, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
