"""Whether a device is let in, and with which rights. Pure."""

import hmac
from enum import StrEnum
from typing import Final

from contract.devices.connecting import ConnectRequest, DeviceRights
from contract.devices.credential import Credential, DeviceName, digest_of

STAY_S: Final = 7 * 86_400
"""Least length of a connection. A revoked device is thrown out at once; this is for whatever that misses."""
JITTER: Final = 1.0
"""Share of `STAY_S` by which connections differ at most, so that a city does not come back in one hour."""


class ConnectDenial(StrEnum):
    """Why a device is not let in."""

    NO_DEVICE = "no_device"
    """The user is not `SCHOOL/DEVICE`, or does not speak MQTT."""
    UNKNOWN = "unknown"
    """No credential was issued to that name."""
    WRONG_SECRET = "wrong_secret"
    FOREIGN_CLIENT_ID = "foreign_client_id"
    """The secret is right and the client id is somebody else's."""
    REVOKED = "revoked"


def judge(
    request: ConnectRequest, credential: Credential | None, province: str, now_us: int, share: float
) -> DeviceRights | ConnectDenial:
    """Return what a client may do, or why it may not come in.

    Args:
        request: Who wants to come in.
        credential: What was issued to the device of that name; None where nothing was.
        province: In which the fleet's topics are.
        now_us: Real time, µs since 1970.
        share: Drawn evenly from 0 to 1, for how long the connection may stand.
    """
    if credential is None:
        return ConnectDenial.UNKNOWN
    matches = hmac.compare_digest(digest_of(request.secret), credential.digest)
    until_s = now_us // 1_000_000 + round(STAY_S * (1 + JITTER * share))
    former = credential.former_digest
    if not matches and former is not None and now_us < credential.former_until_us:
        matches = hmac.compare_digest(digest_of(request.secret), former)
        until_s = min(until_s, credential.former_until_us // 1_000_000)
    if not matches:
        return ConnectDenial.WRONG_SECRET
    if credential.revoked:  # said only to who knows the secret
        return ConnectDenial.REVOKED
    if request.client_id != str(credential.name):
        return ConnectDenial.FOREIGN_CLIENT_ID
    return DeviceRights(request.user, own_subjects(credential.name, province), until_s)


def own_subjects(name: DeviceName, province: str) -> tuple[str, ...]:
    """Return the subjects of a device's own topics, also where the broker puts a slice in front."""
    own = f"{name.topics(province).replace('/', '.')}>"
    return own, f"slice.*.{own}"
