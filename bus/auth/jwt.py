"""The signed tokens in which a NATS server asks who a client is and is answered.

Source: NATS ADR-26 (auth callout); nats-io/jwt, version 2; nats-io/nkeys.
"""

import base64
import hashlib
from typing import Any, Final

import msgspec
import nkeys

from contract.devices.connecting import ConnectRequest, DeviceRights

_MQTT: Final = "mqtt"
DEVICE_USER: Final = "device"
"""What the server calls every client that it let in. It must be a user of its configuration: at each reload
the server cuts off whoever's user is not there, and asks about the others again."""


class _Options(msgspec.Struct):
    user: str = ""
    password: str = msgspec.field(default="", name="pass")


class _Client(msgspec.Struct):
    host: str = ""
    type: str = ""
    mqtt_id: str = ""


class _Server(msgspec.Struct):
    id: str


class _Asked(msgspec.Struct):
    server_id: _Server
    user_nkey: str
    client_info: _Client
    connect_opts: _Options


class _Token(msgspec.Struct):
    nats: _Asked


_asked: Final = msgspec.json.Decoder(_Token)


class CalloutQuestion:
    """One request of the server, and how it is answered."""

    def __init__(self, token: bytes) -> None:
        """Read the token; it came over our own connection, so its signature is not looked at.

        Raises:
            msgspec.MsgspecError: it is no such request.
        """
        _, _, rest = token.partition(b".")
        body = rest.partition(b".")[0]
        self._asked = _asked.decode(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4))).nats

    @property
    def request(self) -> ConnectRequest:
        """Who wants to come in; of one that is in already, who has the client id is asked."""
        options, client = self._asked.connect_opts, self._asked.client_info
        user = client.mqtt_id if options.user == DEVICE_USER else options.user
        return ConnectRequest(user, options.password, client.mqtt_id, client.host, client.type == _MQTT)

    def answer(self, signer: "TokenSigner", grant: DeviceRights | None, at_s: int) -> bytes:
        """Return the answer: the client's rights, or that it is not let in.

        Args:
            signer: Signs both tokens.
            grant: None where it is not let in.
            at_s: Now, s since 1970.
        """
        response: dict[str, Any] = {"type": "authorization_response", "version": 2}
        if grant is None:
            response["error"] = "not let in"
        else:
            response["jwt"] = signer.sign(_rights(self._asked.user_nkey, grant, at_s)).decode()
        claims = {"aud": self._asked.server_id.id, "sub": self._asked.user_nkey, "iat": at_s}
        return signer.sign({**claims, "nats": response})


class TokenSigner:
    """Signs with an account's key whose public half is `issuer` in the server's configuration.

    The key is made of the authoriser's password: whoever knows that answers for it anyway, and there is one
    secret less to hand around. So the password has to be a drawn one.
    """

    def __init__(self, password: str) -> None:
        drawn = hashlib.sha256(b"eduops authoriser " + password.encode()).digest()
        self._key = nkeys.from_seed(bytearray(nkeys.encode_seed(drawn, nkeys.PREFIX_BYTE_ACCOUNT)))
        self.public_key: str = self._key.public_key.decode()
        """As nats-io writes it, `A…`."""

    def sign(self, claims: dict[str, Any]) -> bytes:
        """Return the claims as a token of this key."""
        body = _HEAD + b"." + _encoded(msgspec.json.encode({"iss": self.public_key, **claims}))
        return body + b"." + _encoded(self._key.sign(body))


def _rights(user_nkey: str, grant: DeviceRights, at_s: int) -> dict[str, Any]:
    end = {} if grant.until_s is None else {"exp": grant.until_s}
    return {
        "aud": "$G",
        "sub": user_nkey,
        "name": DEVICE_USER,
        "iat": at_s,
        **end,
        "nats": {
            "type": "user",
            "version": 2,
            "pub": {"allow": list(grant.publish)},
            "sub": {"deny": [">"]},
            "subs": -1,
            "data": -1,
            "payload": -1,
            "allowed_connection_types": ["MQTT"],
        },
    }


def _encoded(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


_HEAD: Final = _encoded(b'{"typ":"JWT","alg":"ed25519-nkey"}')
