"""What the watchdog is told at its start."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from alerting.senders.senders import Command, Sender, Webhook
from contract.address import is_loopback
from contract.clock import LogClock
from contract.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class WatchdogConfig:
    """Settings of the watchdog: the addresses that any device and any browser knows, and whom to tell."""

    state: Path
    """Folder of the watchdog's own state."""
    wall_url: str
    """Address of the wall without a path, such as `http://127.0.0.1:8050`."""
    partitions: int
    """Telemetry partitions; each gets a canary."""
    mqtt_addresses: Sequence[tuple[str, int]]
    """Hosts and ports of the broker's nodes, one or more."""
    device_user: str | None = None
    device_password: str | None = field(default=None, repr=False)
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


def make_senders(url: str | None, command: str | None) -> list[Sender]:
    """Return the ways out that are configured, none or more.

    Raises:
        ConfigurationError: the webhook would go over the network in the clear, or the command has no words.
    """
    senders: list[Sender] = []
    if url is not None:
        parts = urlsplit(url)
        if not parts.hostname or (parts.scheme == "http" and not is_loopback(parts.hostname)):
            raise ConfigurationError(
                "watchdog_url must begin with https://, or with http:// for this machine itself: "
                "an alarm that others can read or change on its way is none"
            )
        senders.append(Webhook(url))
    if command is not None:
        try:
            argv = shlex.split(command)
        except ValueError as error:
            raise ConfigurationError(f"watchdog_command is {command!r}: {error}") from None
        if not argv:
            raise ConfigurationError("watchdog_command is empty: name a program and its arguments")
        senders.append(Command(argv))
    return senders
