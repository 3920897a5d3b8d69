"""Mosquitto as docs/mosquitto.md configures it, for the tests that run over both brokers."""

import getpass
import os
import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from eduops.machine.ports import free_ports
from eduops.machine.process import ProcessSpec, Server
from eduops.machine.servers.embedded_nats import accepts
from eduops.verbs.devices.mosquitto import rights
from tests.running_system import ROOT

BINARY = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PASSWD = shutil.which("mosquitto_passwd")


class Mosquitto:
    """A broker that a test may stop, kill and start again on the same port and store."""

    operator_user = "service"
    publisher_user = "device"

    def __init__(self, folder: Path) -> None:
        if BINARY is None or PASSWD is None:
            pytest.skip("no mosquitto here: install Debian's package mosquitto")
        self.mqtt_host = "127.0.0.1"
        self.device_port, self.mqtt_port = free_ports(2)
        self.ingest_user = self.operator_user
        self.operator_password, self.publisher_password = secrets.token_hex(8), secrets.token_hex(8)
        self.ingest_password = self.operator_password
        self.folder = folder
        folder.mkdir()
        self._configure(folder, PASSWD)
        argv = [BINARY, "-c", str(folder / "mosquitto.conf")]
        spec = ProcessSpec("mosquitto", argv, ready=self._answers, cwd=folder, port=self.mqtt_port)
        self._server = Server(spec, folder / "mosquitto.log")

    def start(self) -> None:
        """Start it (again)."""
        self._server.start()

    def stop(self) -> None:
        """Stop it gently: it writes its store once more."""
        self._server.stop()

    def kill(self) -> None:
        """Kill it at once: what it has not written is gone."""
        self._server.kill()

    def restart(self) -> None:
        """Stop it gently and start it again."""
        self.stop()
        self.start()

    def reload(self) -> None:
        """Have it read its files anew (SIGHUP), as docs/mosquitto.md says."""
        assert self._server.pid is not None
        os.kill(self._server.pid, signal.SIGHUP)

    def _configure(self, folder: Path, passwd: str) -> None:
        config = configuration()
        paths = {
            "listener 1883": f"listener {self.device_port} 127.0.0.1",
            "listener 1884": f"listener {self.mqtt_port}",
            "/etc/mosquitto": str(folder),
            "/var/lib/mosquitto/": f"{folder}/",
        }
        for documented, ours in paths.items():
            assert documented in config
            config = config.replace(documented, ours)
        # as root it would become the user mosquitto, who cannot reach a test's folder
        (folder / "mosquitto.conf").write_text(f"user {getpass.getuser()}\n{config}")
        # and one who speaks for every device, for tests of what comes after the broker
        speaker = f"user {self.publisher_user}\ntopic write #\n"
        (folder / "eduops.acl").write_text(f"{rights(self.operator_user, '79', [])}\n{speaker}")
        users = ((self.operator_user, self.operator_password), (self.publisher_user, self.publisher_password))
        (folder / "eduops.passwd").touch(mode=0o600)
        for user, password in users:
            subprocess.run([passwd, "-b", str(folder / "eduops.passwd"), user, password], check=True)

    def _answers(self) -> bool:
        return accepts(self.mqtt_port)


def configuration() -> str:
    """Return the broker's configuration as the documentation gives it."""
    text = (ROOT / "docs" / "mosquitto.md").read_text(encoding="utf-8")
    (config,) = re.findall(r"^```conf\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(config)
