"""A device's name and secret: how both are written, and what is kept of the secret."""

import base64
import hashlib
import hmac
import re
from enum import StrEnum
from typing import Final, NamedTuple

from contract.fleet import Fleet
from contract.topic import PREFIX

SECRET_BYTES: Final = 32
"""256 bits of chance: no guess finds them, so one SHA-256 keeps them as well as a slow hash would (a slow
one would cap how many devices come back in a second)."""
_TOKEN: Final = r"[A-Za-z0-9_-]{1,48}"
_NAME: Final = re.compile(rf"(?P<school>{_TOKEN})/(?P<device>{_TOKEN})")


class DeviceName(NamedTuple):
    """Name of a device at the broker: user and client id, `SCHOOL/DEVICE` with the codes of its topics."""

    school: str
    device: str

    def __str__(self) -> str:
        return f"{self.school}/{self.device}"

    def topics(self, province: str) -> str:
        """Return how every topic begins that is this device's own."""
        return f"{PREFIX}/{province}/{self.school}/{self.device}/"


class Origin(StrEnum):
    """How a credential came about."""

    ISSUED = "issued"
    """By an operator: one, or many from a file."""
    CLAIMED = "claimed"
    """By the device itself, with a code of its school."""
    SIMULATED = "simulated"
    """For the invented city or a recording; whoever issues one for a real device takes its place."""


class Credential(NamedTuple):
    """What is kept of a device's secret."""

    name: DeviceName
    digest: bytes
    """SHA-256 of the secret that is valid now."""
    issued_us: int = 0
    """When that secret was drawn, real time, µs since 1970."""
    former_digest: bytes | None = None
    """SHA-256 of the secret before the last rotation, while it is valid; None for none."""
    former_until_us: int = 0
    """Until when, real time, µs since 1970; 0 without one."""
    revoked: bool = False

    def lets_stay(self, started_us: int, now_us: int) -> bool:
        """Return whether a connection may stay that its device began then, both real time, µs since 1970.

        One that is older than the secret began with a former one, and stays as long as that is valid.
        """
        return not self.revoked and (started_us >= self.issued_us or now_us < self.former_until_us)


def parse_device_name(text: str) -> DeviceName | None:
    """Return the two codes of a name, or None where it is none."""
    match = _NAME.fullmatch(text)
    return None if match is None else DeviceName(match["school"], match["device"])


def fleet_names(fleet: Fleet) -> list[DeviceName]:
    """Return the names of all devices of a fleet."""
    return [DeviceName(*path) for path in fleet.device_by_path]


def write_secret(drawn: bytes) -> str:
    """Return a drawn secret as it is typed: base32 (RFC 4648) without padding, 52 letters and digits."""
    return base64.b32encode(drawn).decode().rstrip("=")


def digest_of(secret: str) -> bytes:
    """Return what is kept of a secret: its SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


def mosquitto_hash(secret: str) -> str:
    """Return what mosquitto's password file keeps of a secret: PBKDF2 with SHA-512, one round.

    One, and the salt is the secret's own digest: it has chance enough, and a whole city's file is written at
    once. Source: eclipse/mosquitto, lib/password_mosq.c.
    """
    salt = digest_of(f"mosquitto {secret}")[:12]
    kept = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, 1)
    return f"$7$1${base64.b64encode(salt).decode()}${base64.b64encode(kept).decode()}"


def derived_secret(key: bytes, name: DeviceName) -> str:
    """Return a device's secret of one key: so a whole simulated city needs one file, and is the same anew.

    HMAC-SHA-256 (RFC 2104); without the key as hard to guess as a drawn one.
    """
    return write_secret(hmac.digest(key, str(name).encode(), "sha256"))
