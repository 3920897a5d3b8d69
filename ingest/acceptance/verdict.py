"""Whether a device is let in, and with which rights. Pure."""

import hmac
from enum import StrEnum

from contract.devices.connecting import ConnectRequest, DeviceRights
from contract.devices.credential import Credential, DeviceName, digest_of


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
    OVER_SHARE = "over_share"
    """It has sent more than its share, and has to wait."""


def judge(
    request: ConnectRequest, credential: Credential | None, province: str, now_us: int
) -> DeviceRights | ConnectDenial:
    """Return what a client may do, or why it may not come in.

    Args:
        request: Who wants to come in.
        credential: What was issued to the device of that name; None where nothing was.
        province: In which the fleet's topics are.
        now_us: Real time, µs since 1970.
    """
    if credential is None:
        return ConnectDenial.UNKNOWN
    given, former = digest_of(request.secret), credential.former_digest
    until_s = None
    if not hmac.compare_digest(given, credential.digest):
        is_former = former is not None and hmac.compare_digest(given, former)
        if not is_former or now_us >= credential.former_until_us:
            return ConnectDenial.WRONG_SECRET
        until_s = credential.former_until_us // 1_000_000
    if credential.revoked:  # said only to who knows the secret
        return ConnectDenial.REVOKED
    if request.client_id != str(credential.name):
        return ConnectDenial.FOREIGN_CLIENT_ID
    return DeviceRights(own_subjects(credential.name, province), until_s)


def own_subjects(name: DeviceName, province: str) -> tuple[str, ...]:
    """Return the subjects of a device's own topics, also where the broker puts a slice in front."""
    own = f"{name.topics(province).replace('/', '.')}>"
    return own, f"slice.*.{own}"
