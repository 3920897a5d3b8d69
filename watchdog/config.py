"""What the watchdog is told at its start."""

import shlex
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bus.broker_trust import BrokerTrust
from contract.access.address import is_loopback
from contract.clock import LogClock
from contract.errors import ConfigurationError
from watchdog.senders.command import Command
from watchdog.senders.sender import Sender
from watchdog.senders.webhook import Webhook


@dataclass(frozen=True, slots=True)
class WatchdogConfig:
    """Settings of the watchdog: the addresses that any device and any browser knows, and whom to tell."""

    state: Path
    """Folder of the watchdog's own state."""
    wall_url: str
    """Address of the wall without a path, such as `http://127.0.0.1:8050`."""
    wall_token: str = field(repr=False)
    """Token by which the wall knows the watchdog."""
    partitions: int
    """Telemetry partitions; each gets a canary."""
    mqtt_addresses: Sequence[tuple[str, int]]
    """Hosts and ports of the broker's nodes, one or more."""
    mqtt_trust: BrokerTrust | None = None
    """Whose certificate counts as the broker's; None speaks in clear."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    clock: LogClock = field(default_factory=LogClock)
    after_s: float = 120.0
    """Real seconds without a fresh canary after which the alarm is raised."""
    every_s: float = 5.0
    """Real seconds between two looks."""
    repeat_s: float = 1800.0
    """Real seconds after which an alarm that goes on is said again."""
    url: str | None = field(default=None, repr=False)
    """Webhook that is told."""
    command: str | None = None
    """Command line that is told; no shell sees it."""
    command_environment: Mapping[str, str] = field(default_factory=dict)
    """The command's variables; the services' own settings are not among them."""


def wall_trust(wall_url: str) -> ssl.SSLContext | None:
    """Return whom to trust to be the wall; None where it speaks no TLS.

    On this machine nobody else listens, and a certificate for the public name says nothing there.
    """
    address = httpx.URL(wall_url)
    if address.scheme != "https":
        return None
    found = ssl.create_default_context()
    if is_loopback(address.host):
        found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    return found


def make_senders(
    url: str | None, command: str | None, command_environment: Mapping[str, str]
) -> list[Sender]:
    """Return the ways out that are configured, none or more.

    Raises:
        ConfigurationError: the webhook cannot be reached, or only over the network in the clear; or the
            command has no words.
    """
    senders: list[Sender] = []
    if url is not None:
        _check_address(url)
        senders.append(Webhook(url))
    if command is not None:
        try:
            argv = shlex.split(command)
        except ValueError as error:
            raise ConfigurationError(f"watchdog_command is {command!r}: {error}") from None
        if not argv:
            raise ConfigurationError("watchdog_command is empty: name a program and its arguments")
        senders.append(Command(argv, command_environment))
    return senders


def _check_address(url: str) -> None:
    """Refuse an address that cannot be meant, without showing it; it is read as the webhook reads it."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        raise ConfigurationError(
            "watchdog_url cannot be read; in a user's name or password write / : @ # as %2F %3A %40 %23"
        ) from None
    is_encrypted = address.scheme == "https" or (address.scheme == "http" and is_loopback(address.host))
    if not address.host or not is_encrypted:
        raise ConfigurationError(
            "watchdog_url must begin with https://, or with http:// for this machine itself: "
            "an alarm that others can read or change on its way is none"
        )
    if address.port is not None and not 0 < address.port < 65_536:
        raise ConfigurationError(f"watchdog_url has the port {address.port}; ports go from 1 to 65535")
