"""Services with the very command, environment and health check that docker-compose.yml gives them."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from contract.errors import InfrastructureError
from eduops.machine.ports import free_ports
from eduops.machine.prepare import run_prepare
from eduops.settings import load_settings
from storage.rights.roles import as_role
from tests.conftest import TestNats as RunningNats
from tests.running_system import eventually, until

ROOT = Path(__file__).parents[2]
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


class Compose:
    """The services of the file as processes on this machine: only the servers' addresses differ."""

    def __init__(self, data: Path, database_url: str, nats: RunningNats) -> None:
        file: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        self.services = file["services"]
        self.secrets = data.with_name("secrets")
        self.secrets.mkdir()
        known = {f"nats_{user}": password for user, password in nats.passwords.items()}
        for name in file["secrets"]:
            (self.secrets / name).write_text(known.get(name, f"of {name}"))
        self.database_url = database_url
        self.here = {
            "EDUOPS_NATS_URL": nats.url,
            "EDUOPS_MQTT_HOST": nats.mqtt_host,
            "EDUOPS_MQTT_PORT": str(nats.mqtt_port),
            "EDUOPS_DATA": str(data),
            "EDUOPS_METRICS_PORT": str(free_ports(1)[0]),
        }

    def start(self, name: str, words: list[str], **changes: str) -> subprocess.Popen[str]:
        """Start a command as in the container of a service."""
        given = {
            k: DEFAULT.sub(r"\1", v).replace("/run/secrets", str(self.secrets))
            for k, v in self.services[name]["environment"].items()
        }
        user = conninfo_to_dict(given["EDUOPS_DATABASE_URL"])["user"]
        given["EDUOPS_DATABASE_URL"] = as_role(self.database_url, str(user))
        env = {"PATH": os.environ["PATH"], **given, **self.here, **changes}
        argv = [sys.executable, "-m", "eduops", *words]
        return subprocess.Popen(
            argv, env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self, name: str, words: list[str], **changes: str) -> tuple[int, str]:
        """Run a command to its end and return its exit code and what it said."""
        with self.start(name, words, **changes) as process:
            said = process.communicate()[0]
        return process.returncode, said

    def is_healthy(self, name: str) -> bool:
        """Ask the health check of a service."""
        how, program, *words = self.services[name]["healthcheck"]["test"]
        assert (how, program) == ("CMD", "eduops")
        return self.run(name, words)[0] == 0


def test_prepare_demo_and_ingest(tmp_path: Path, empty_postgres_url: str, nats: RunningNats) -> None:
    compose = Compose(tmp_path / "data", empty_postgres_url, nats)
    prepare, ingest = (compose.services[name]["command"] for name in ("prepare", "ingest"))
    code, said = compose.run("prepare", prepare)
    assert (code, "there is no fleet yet: `eduops fleet import FILE`" in said) == (0, True), said
    code, said = compose.run("ingest", ingest)
    assert (code, said.count("\n")) == (1, 1)
    assert "the database has no fleet: run `eduops fleet import FILE`" in said
    code, said = compose.run(
        "demo", compose.services["demo"]["command"], EDUOPS_SCHOOLS="8", EDUOPS_SEED_DAYS="0"
    )
    assert (code, "8 schools" in said) == (0, True), said
    assert not compose.is_healthy("ingest")
    with compose.start("ingest", ingest) as process:
        try:
            eventually(
                lambda: compose.is_healthy("ingest") or process.poll() is not None, "ingest is healthy"
            )
            assert process.poll() is None, process.communicate()[0]
        finally:
            process.kill()
    assert not compose.is_healthy("ingest")


async def test_prepare_waits_for_its_servers(tmp_path: Path, postgres_url: str, nats: RunningNats) -> None:
    given = {
        "data": tmp_path / "data",
        "database_url": postgres_url,
        "nats_url": nats.url,
        "nats_user": nats.operator_user,
        "nats_password": nats.operator_password,
    }
    settings, said = load_settings(overrides=given), list[str]()
    nats.stop()
    preparing = asyncio.create_task(run_prepare(settings, said.append))
    waits = "it is tried again for"
    await until(lambda: preparing.done() or any(waits in line for line in said), "prepare says that it waits")
    assert not preparing.done(), (said, preparing)
    await asyncio.to_thread(nats.start)
    await preparing
    assert "database and logs are ready" in said[-1]


async def test_prepare_gives_up_and_says_after_how_long(tmp_path: Path) -> None:
    nowhere = f"postgresql://eduops@127.0.0.1:{free_ports(1)[0]}/eduops"
    settings = load_settings(
        overrides={"data": tmp_path, "database_url": nowhere, "nats_url": "nats://127.0.0.1:1"}
    )
    said: list[str] = []
    with pytest.raises(InfrastructureError, match=r"cannot be prepared: .*\(tried for 0.1 s\)"):
        await run_prepare(settings, said.append, patience_s=0.1)
    assert len(said) == 1
