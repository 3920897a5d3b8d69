"""MQTT by TLS: who is let in, whom clients trust, and another certificate while devices are connected."""

import asyncio
import itertools
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from bus.broker_trust import BrokerTrust
from bus.device import DeviceLoop
from bus.mqtt import IngestSession
from bus.mqtt_client import LoopClient
from config.tls import TlsFiles
from contract.devices.credential import DeviceName
from contract.fleet import Fleet
from eduops.data_folder import DataFolder
from eduops.machine.network import broker_trust
from eduops.machine.output import ProcessOutput
from eduops.machine.system import System
from eduops.settings import Settings, load_settings
from storage.database import connect
from storage.fleet import save_fleet
from tests.certificates import Authority
from tests.device_secrets import issue_to_fleet, running_authoriser, secret_of
from tests.running_system import PATIENCE_S, until


@dataclass
class Center:
    """An embedded broker that speaks TLS, and what is needed to reach it."""

    settings: Settings
    authority: Authority
    files: TlsFiles
    names: list[DeviceName]
    told: list[str]

    @property
    def port(self) -> int:
        return self.settings.mqtt_port

    @property
    def trust(self) -> BrokerTrust:
        """What a device out there has: the authority."""
        return BrokerTrust(self.authority.file)

    def dialling(self, name: DeviceName, trust: BrokerTrust | None) -> LoopClient:
        client = LoopClient(str(name), clean_session=True, keepalive_s=60, trust=trust)
        client.username_pw_set(str(name), secret_of(name))
        return client

    async def shown(self) -> bytes:
        """Return the certificate that a new connection is shown."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        _, writer = await asyncio.open_connection("localhost", self.port, ssl=context)
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return bytes(found)

    async def change_certificate(self) -> None:
        """Put another certificate in place and wait until new connections are shown it."""
        first = await self.shown()
        other = self.authority.sign(self.files.chain.parent.parent / "other")
        self.files.key.write_bytes(other.key.read_bytes())  # the chain is yet to come
        self.files.chain.write_bytes(other.chain.read_bytes())

        async def is_other() -> bool:
            return await self.shown() != first

        await until(is_other, "new connections are shown the new certificate", seen=lambda: self.told)


@pytest.fixture
async def center(postgres_url: str, city: Fleet, tmp_path: Path) -> AsyncIterator[Center]:
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
    await issue_to_fleet(postgres_url)
    authority, told = Authority(tmp_path), list[str]()
    files = authority.sign(tmp_path / "tls")
    folder = DataFolder(tmp_path / "data")
    folder.create()
    given = {"data": folder.path, "database_url": postgres_url, "sync_interval": "2m"}
    settings = load_settings(overrides={**given, "mqtt_tls_dir": tmp_path / "tls"})
    system = System(folder, settings, told.append, ProcessOutput(folder.logs, quiet=True))
    following = asyncio.create_task(system.follow_certificate(0.05))
    try:
        await system.start_servers()
        names = [DeviceName(*path) for path in city.device_by_path if path[1] == "gw-1"]
        opened = Center(system.settings, authority, files, names, told)
        nats = _Nats(system.settings)
        async with running_authoriser(nats, postgres_url):  # type: ignore[arg-type]  # all that it asks of one
            yield opened
    finally:
        following.cancel()
        await system.supervisor.stop()


class _Nats:
    authoriser_user = "authoriser"

    def __init__(self, settings: Settings) -> None:
        self.url = settings.nats_url
        self.authoriser_password = settings.authoriser_password


class Bought:
    """A device as one buys it: paho's own connect, loop and TLS; it numbers what it publishes."""

    def __init__(self, center: Center, name: DeviceName) -> None:
        self.topic = f"{name.topics('79')}bandwidth"
        self.acknowledged: set[bytes] = set()
        self.cuts = 0
        self._sent: dict[int, bytes] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=str(name), protocol=mqtt.MQTTv311)
        self._client.username_pw_set(str(name), secret_of(name))
        self._client.tls_set(ca_certs=str(center.authority.file))
        self._client.on_disconnect = self._on_cut
        let_in = threading.Event()
        self._client.on_connect = lambda *_: let_in.set()
        self._client.connect("localhost", center.port)
        self._client.loop_start()
        # Whoever is not let in yet while the server reads its certificate anew has to try again.
        assert let_in.wait(PATIENCE_S), f"{name} is let in"

    def _on_cut(self, *_: object) -> None:
        self.cuts += 1

    async def publish(self, payload: bytes) -> None:
        info = self._client.publish(self.topic, payload, qos=1)
        await asyncio.to_thread(info.wait_for_publish, PATIENCE_S)
        self.acknowledged.add(payload)

    async def publish_until(self, over: asyncio.Event, number: int) -> None:
        for count in itertools.count():
            await self.publish(b"%d-%d" % (number, count))
            if over.is_set():
                return

    def end(self) -> None:
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_stop()


async def test_another_certificate_cuts_nobody_off_and_loses_nothing(center: Center) -> None:
    session = IngestSession(
        center.settings.mqtt_host,
        center.port,
        client_id="eduops-ingest-of-a-test",
        user=center.settings.mqtt_user,
        password=center.settings.mqtt_password,
        trust=broker_trust(center.settings),
    )
    heard: set[bytes] = set()
    async with session, DeviceLoop("localhost", center.port, trust=center.trust) as loop:
        await session.ready()
        own = center.names[0]
        ours = loop.add(str(own), generator=np.random.default_rng(1), user=str(own), password=secret_of(own))
        ours.connect()
        await asyncio.wait_for(ours.connected(), PATIENCE_S)
        bought = [await asyncio.to_thread(Bought, center, name) for name in center.names[1:4]]
        over = asyncio.Event()

        async def hear() -> None:
            while True:
                messages = await session.receive(200, 0.1)
                heard.update(message.payload for message in messages)
                session.acknowledge(messages)

        hearing = asyncio.create_task(hear())
        publishing = [asyncio.create_task(one.publish_until(over, i)) for i, one in enumerate(bought)]
        try:
            await center.change_certificate()
            before = sum(len(one.acknowledged) for one in bought)
            await until(
                lambda: sum(len(one.acknowledged) for one in bought) > before + 30, "devices go on publishing"
            )
            over.set()
            await asyncio.gather(*publishing)
            acknowledged = set().union(*(one.acknowledged for one in bought))
            await until(lambda: acknowledged <= heard, "all that was acknowledged is heard")
            assert [one.cuts for one in bought] == [0, 0, 0]
            assert ours.is_connected
            assert loop.failures == 0
            assert session.is_connected
            assert session.lost == 0
            newcomer = center.dialling(center.names[5], broker_trust(center.settings))
            assert not await newcomer.dial(center.settings.mqtt_host, center.port, PATIENCE_S)
            newcomer.cut()
        finally:
            hearing.cancel()
            for one in bought:
                one.end()


async def test_who_is_not_meant_is_refused_with_a_sentence(center: Center, tmp_path: Path) -> None:
    name = center.names[0]
    (tmp_path / "stranger").mkdir()
    strangers = Authority(tmp_path / "stranger")
    theirs = strangers.sign(tmp_path / "stranger" / "tls")
    for file in (strangers.file, theirs.chain):  # another authority, and another broker's own certificate
        with pytest.raises(ConnectionError, match="mqtt_ca_file"):
            await center.dialling(name, BrokerTrust(file)).dial("localhost", center.port, PATIENCE_S)
    sock = socket.create_connection(("127.0.0.1", center.port))
    sock.setblocking(False)
    with pytest.raises(ConnectionError, match="mqtt_host"):
        await center.trust.secure(sock, "mqtt.city.example")
    with pytest.raises(OSError, match=r"closed|broke"):
        await center.dialling(name, None).dial("127.0.0.1", center.port, PATIENCE_S)
    nats_port = int((center.settings.nats_url or "").rpartition(":")[2])  # speaks first, and in clear
    with pytest.raises(ConnectionError, match="speaks no TLS"):
        await center.dialling(name, center.trust).dial("127.0.0.1", nats_port, PATIENCE_S)
    standing = center.dialling(name, center.trust)
    await standing.dial("127.0.0.1", center.port, PATIENCE_S)
    standing.cut()
